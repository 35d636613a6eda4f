/* Comfort only: every page works without this file. ES5, no inline handlers. */
(function () {
  'use strict';
  function each(selector, act) { Array.prototype.forEach.call(document.querySelectorAll(selector), act); }

  each('.p-summary', function (summary) {
    if (!document.querySelector('[autofocus]')) { summary.focus(); }
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

  each('[data-plays]', function (button) {
    var player = document.getElementById(button.getAttribute('data-plays'));
    if (!player || !player.play) { return; }
    button.addEventListener('click', function (event) { event.preventDefault(); player.hidden = false; player.play(); });
  });
}());
