/* Passkeys (WebAuthn): a form with data-passkey asks the browser and posts what it answers.
   Such a form is hidden until here: without this file, or without passkeys, there is nothing to press. */
(function () {
  'use strict';
  var waiting = null; /* the request behind the autofill of the account field, if there is one */
  if (!window.PublicKeyCredential || !navigator.credentials) { return; }

  function bytes(text) {
    var raw = window.atob(text.replace(/-/g, '+').replace(/_/g, '/')), out = new Uint8Array(raw.length), i;
    for (i = 0; i < raw.length; i += 1) { out[i] = raw.charCodeAt(i); }
    return out;
  }

  function text(buffer) {
    var view = new Uint8Array(buffer || []), raw = '', i;
    for (i = 0; i < view.length; i += 1) { raw += String.fromCharCode(view[i]); }
    return window.btoa(raw).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  }

  function options(form) {
    var found = JSON.parse(form.getAttribute('data-passkey-options'));
    function known(one) { one.id = bytes(one.id); return one; }
    found.challenge = bytes(found.challenge);
    if (found.user) { found.user.id = bytes(found.user.id); }
    if (found.excludeCredentials) { found.excludeCredentials = found.excludeCredentials.map(known); }
    if (found.allowCredentials) { found.allowCredentials = found.allowCredentials.map(known); }
    return found;
  }

  function send(form, made) {
    var said = made.response, told = { clientDataJSON: text(said.clientDataJSON) };
    if (said.attestationObject) {
      told.attestationObject = text(said.attestationObject);
      told.transports = said.getTransports ? said.getTransports() : [];
    } else {
      told.authenticatorData = text(said.authenticatorData);
      told.signature = text(said.signature);
      if (said.userHandle) { told.userHandle = text(said.userHandle); }
    }
    form.elements.credential.value = JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response: told });
    form.submit();
  }

  function failed(form) {
    return function () {
      form.removeAttribute('aria-busy');
      Array.prototype.forEach.call(form.querySelectorAll('[data-passkey-failure]'), function (said) { said.hidden = false; });
    };
  }

  function ask(form) {
    var asked = { publicKey: options(form) };
    if (waiting) { waiting.abort(); waiting = null; }
    form.setAttribute('aria-busy', 'true');
    navigator.credentials[form.getAttribute('data-passkey')](asked).then(function (made) { send(form, made); }, failed(form));
  }

  function wait(form) {
    var can = window.PublicKeyCredential.isConditionalMediationAvailable;
    if (!can || !window.AbortController) { return; }
    can.call(window.PublicKeyCredential).then(function (possible) {
      if (!possible) { return; }
      waiting = new AbortController();
      return navigator.credentials.get({ publicKey: options(form), mediation: 'conditional', signal: waiting.signal })
        .then(function (made) { send(form, made); });
    }).catch(function () { /* nobody chose one: the password is still there */ });
  }

  function dress(form) {
    form.hidden = false;
    /* Before portico.js, which lets a form go once: a person may change their mind and try again. */
    form.addEventListener('submit', function (event) { event.preventDefault(); event.stopImmediatePropagation(); ask(form); }, true);
    /* Not beside an error: a browser that has one key alone would offer the refused one again and again. */
    if (form.hasAttribute('data-passkey-waits') && !document.querySelector('.p-summary')) { wait(form); }
  }

  function begin() {
    if (waiting) { waiting.abort(); waiting = null; }
    Array.prototype.forEach.call(document.querySelectorAll('form[data-passkey]'), dress);
  }

  begin();
  document.addEventListener('portico:page', begin);
}());
