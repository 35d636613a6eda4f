/* Another language, and nothing typed is lost: the page is asked for in the background, and what the
   fields hold is put into it, passwords and codes too. They stay in this window: nothing is stored,
   and what is secret is not sent. Whatever goes wrong is left to the button or link itself. ES5. */
(function () {
  'use strict';
  var FIELDS = 'input:not([type=hidden]), select, textarea';
  if (!window.fetch || !window.DOMParser || !window.FormData || !window.history.replaceState) { return; }

  function each(list, act) { Array.prototype.forEach.call(list, act); }

  function name(field) {
    var ticked = field.type === 'checkbox' || field.type === 'radio';
    return [field.form ? field.form.id : '', field.name, ticked ? field.value : ''].join('|');
  }

  function held() {
    var found = {};
    each(document.querySelectorAll(FIELDS), function (field) {
      found[name(field)] = { value: field.value, checked: field.checked };
    });
    return found;
  }

  function restore(found) {
    each(document.querySelectorAll(FIELDS), function (field) {
      var before = found[name(field)];
      if (!before || field.readOnly) { return; }
      if (field.type === 'checkbox' || field.type === 'radio') { field.checked = before.checked; } else { field.value = before.value; }
    });
  }

  function shown(form) {
    var told = new FormData(form);
    each(form.elements, function (field) { if (field.hasAttribute('data-secret')) { told.delete(field.name); } });
    return told;
  }

  function change(text, address, clicked) {
    var next = new DOMParser().parseFromString(text, 'text/html'), before = held(), focused;
    document.title = next.title;
    document.documentElement.lang = next.documentElement.lang;
    document.documentElement.replaceChild(document.adoptNode(next.body), document.body);
    window.history.replaceState(null, '', address);
    restore(before);
    document.dispatchEvent(new Event('portico:page'));
    focused = document.getElementById(clicked);
    if (focused) { focused.focus(); }
  }

  function go(entry) {
    var carries = /&typed=/.test(entry.formAction || '');
    var address = carries ? entry.formAction : entry.href;
    var asked = { method: carries ? 'POST' : 'GET', credentials: 'same-origin', redirect: 'error' };
    if (carries) { asked.body = new URLSearchParams(shown(entry.form)); }
    window.fetch(address, asked).then(function (answer) {
      if (answer.status !== 200) { throw answer; }
      return answer.text();
    }).then(function (text) {
      change(text, address.replace(/&typed=.*$/, ''), entry.id);
    }).catch(function () {
      entry.setAttribute('data-plain', '');
      entry.click();
    });
  }

  document.addEventListener('click', function (event) {
    var entry = event.target.closest ? event.target.closest('.p-langs a, .p-langs button') : null;
    if (!entry || entry.hasAttribute('data-plain') || event.ctrlKey || event.metaKey || event.shiftKey) { return; }
    if (!document.querySelector('main input:not([type=hidden]), main select, main textarea')) { return; }
    if (entry.tagName === 'BUTTON' && !/&typed=/.test(entry.formAction)) { return; }
    event.preventDefault();
    go(entry);
  });
}());
