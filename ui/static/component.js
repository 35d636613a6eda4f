/* The check of what a sign-in by card needs: card.js finds out, this page shows it line by line. */
(function () {
  'use strict';
  var check = document.getElementById('card-check');
  if (!check || !window.fetch) { return; }
  var CLOCK = 120000;
  var chain = Array.prototype.slice.call(document.querySelectorAll('[data-codes]'));

  function mark(line, found, more) {
    Array.prototype.forEach.call(line.querySelectorAll('[data-found]'), function (one) {
      one.hidden = one.getAttribute('data-found') !== found;
    });
    var detail = line.querySelector('[data-more]');
    if (more && !detail) {
      detail = document.createElement('span');
      detail.setAttribute('data-more', '');
      line.querySelector('[data-found]').parentNode.appendChild(detail);
    }
    if (detail) { detail.textContent = more ? ' ' + more : ''; }
  }

  function line(id) { return document.querySelector('[data-check="' + id + '"]'); }

  /* What comes before the thing that is missing is there; what comes after it cannot be seen. */
  function show(code, version) {
    var wrong = chain.length;
    chain.forEach(function (one, place) {
      if (one.getAttribute('data-codes').split(' ').indexOf(code) >= 0) { wrong = place; }
    });
    if (wrong === chain.length && code !== 'ready') { wrong = -1; }
    chain.forEach(function (one, place) {
      var found = place < wrong ? 'good' : (place === wrong ? 'bad' : 'unknown');
      mark(one, found, found !== 'unknown' && one.getAttribute('data-check') === 'version' ? version : '');
    });
  }

  mark(line('script'), 'good');
  mark(line('clock'), Math.abs(Date.now() - Number(check.getAttribute('data-now'))) < CLOCK ? 'good' : 'bad');
  check.addEventListener('cardstate', function (event) { show(event.detail.code, event.detail.version); });

  var button = document.getElementById('try-popup');
  button.hidden = false;
  button.addEventListener('click', function () {
    var opened = window.open('', 'cardcheck', 'popup,width=200,height=100');
    mark(line('popup'), opened ? 'good' : 'bad');
    if (opened) { opened.close(); }
  });
}());
