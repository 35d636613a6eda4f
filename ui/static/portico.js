/* Comfort only: every page works without this file. ES5, no inline handlers. */
(function () {
  'use strict';
  function each(selector, act) { Array.prototype.forEach.call(document.querySelectorAll(selector), act); }

  function dress() {
    each('.p-summary', function (summary) {
      if (!document.querySelector('[autofocus]')) { summary.focus(); }
    });

    each('.p-tabs a', function (tab) {
      var list = tab.parentNode;
      /* The list alone moves: scrollIntoView would move the page as well. */
      function show() { list.scrollLeft = tab.offsetLeft - list.offsetLeft - (list.clientWidth - tab.offsetWidth) / 2; }
      if (tab.hasAttribute('aria-current')) { show(); }
      /* Browsers leave one alone that they find to be half in view. Not for a mouse, which would let go
         of the button over another tab than the one it pressed. */
      tab.addEventListener('focus', function () { if (tab.matches(':focus-visible')) { show(); } });
    });

    each('[data-shows]', function (button) {
      button.hidden = false;
      button.addEventListener('click', function () {
        var field = document.getElementById(button.getAttribute('data-shows'));
        var shown = field.type === 'text';
        field.type = shown ? 'password' : 'text';
        button.setAttribute('aria-pressed', String(!shown));
        field.focus();
      });
    });

    each('form', function (form) {
      var sent = false;
      form.addEventListener('submit', function (event) {
        if (form.hasAttribute('data-downloads')) { return; } /* the page stays */
        if (sent) { event.preventDefault(); return; }
        sent = true;
        form.setAttribute('aria-busy', 'true');
      });
      window.addEventListener('pageshow', function () { sent = false; form.removeAttribute('aria-busy'); });
    });

    each('[data-goes-on]', function (link) {
      function go() { window.location.replace(link.href); }
      window.addEventListener('load', go);
      window.setTimeout(go, 5000); /* a frame that does not answer keeps nobody */
    });

    each('[data-send-at-once]', function (form) { form.submit(); });

    each('[data-prints]', function (button) {
      button.hidden = !window.print;
      button.addEventListener('click', function () { window.print(); });
    });

    each('[data-copies]', function (button) {
      var list = document.getElementById(button.getAttribute('data-copies'));
      if (!list || !navigator.clipboard) { return; }
      button.hidden = false;
      button.addEventListener('click', function () {
        navigator.clipboard.writeText(list.innerText.trim()).then(function () {
          button.textContent = button.getAttribute('data-done');
        }, function () { button.hidden = true; });
      });
    });

    each('[data-plays]', function (button) {
      var player = document.getElementById(button.getAttribute('data-plays'));
      if (!player || !player.play) { return; }
      button.addEventListener('click', function (event) { event.preventDefault(); player.hidden = false; player.play(); });
    });

    each('[data-strength]', function (meter) {
      var field = document.getElementById(meter.getAttribute('data-of'));
      var words = meter.getAttribute('data-words').split('|');
      var waiting = 0;
      if (!field || !field.form || !window.fetch) { return; }
      function ask() {
        if (!field.value) { meter.hidden = true; return; }
        var said = new FormData();
        ['csrf_token', 'username', 'name'].forEach(function (name) {
          var other = field.form.elements[name];
          if (other) { said.append(name, other.value); }
        });
        said.append('password', field.value);
        window.fetch(meter.getAttribute('data-strength'), { method: 'POST', body: said, credentials: 'same-origin' })
          .then(function (answer) { return answer.status === 200 ? answer.json() : null; })
          .then(function (found) {
            if (!found) { meter.hidden = true; return; }
            meter.querySelector('meter').value = found.score;
            meter.querySelector('span').textContent = words[found.score];
            meter.hidden = false;
          })
          .catch(function () { meter.hidden = true; });
      }
      field.addEventListener('input', function () { window.clearTimeout(waiting); waiting = window.setTimeout(ask, 400); });
      if (field.value) { ask(); } /* kept in the page while its language was switched */
    });
  }

  dress();
  document.addEventListener('portico:page', dress);
}());
