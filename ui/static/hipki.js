/* Signing in through an installed HiPKI component: its own window takes one request by message and
   answers once. The PIN has to pass through here, as the component has no window for it: it goes to
   the component's origin alone, is in no request of ours, and is cleared with whatever happens. ES5. */
(function () {
  'use strict';
  var SILENCE = 3500;    /* a window that has not spoken by then is not the component's */
  var LONGEST = 120000;  /* signing may take as long as this */
  var BEAT = 500;
  var MOST = 65536;      /* characters of an answer */
  var leave = null;
  /* ret_code, as the component writes it, in our words. */
  var MAJOR = {
    0x76000006: 'no_card', 0x7600000d: 'timeout', 0x7600000e: 'unsupported', 0x7600000f: 'origin_denied',
    0x76000031: 'origin_denied', 0x76000998: 'pin_length', 0x76000999: 'cancelled', 0x76100001: 'no_module',
    0x76100003: 'no_reader', 0x76100004: 'no_reader', 0x76100005: 'no_reader', 0x76100008: 'no_credential',
    0x76100009: 'no_credential', 0x7610000c: 'no_credential', 0x7610000d: 'no_credential',
    0x76500001: 'cert_expired', 0x76500002: 'cert_expired', 0x83000100: 'wrong_card', 0x83000101: 'wrong_card',
    0x83000102: 'wrong_card', 0x83000103: 'wrong_card', 0x83000104: 'wrong_card', 0x83000105: 'pin_length'
  };
  var LOGIN_FAILED = 0x76100006;
  /* last_error, where the card would not let us in. */
  var MINOR = { 0xa0: ['pin_incorrect'], 0xa2: ['pin_length'], 0xa4: ['pin_locked', 0], 0x80000001: ['pin_incorrect_last', 1], 0x80000002: ['pin_incorrect', 2] };

  function reason(answer) {
    var code = answer.ret_code >>> 0; /* both may come as negative numbers */
    if (code === LOGIN_FAILED) { return MINOR[answer.last_error >>> 0] || ['module_error']; }
    return [MAJOR[code] || 'module_error'];
  }

  function serve(form) {
    var component = form.getAttribute('data-hipki');
    var pin = document.getElementById('hipki-pin');
    var submit = document.getElementById('hipki-submit');
    var cancel = document.getElementById('hipki-cancel');
    var stop = null;

    function show(code, tries) {
      var said = form.querySelector('[data-state="' + code + '"]') || form.querySelector('[data-state="module_error"]');
      var rest = form.querySelector('[data-tries]');
      Array.prototype.forEach.call(form.querySelectorAll('[data-state]'), function (one) { one.hidden = one !== said; });
      Array.prototype.forEach.call(form.querySelectorAll('[data-remedy]'), function (one) { one.hidden = one.getAttribute('data-remedy') !== code; });
      rest.hidden = typeof tries !== 'number';
      if (!rest.hidden) { form.querySelector('[data-tries-left]').textContent = String(tries); }
      submit.disabled = Boolean(stop) || code === 'sending';
      cancel.hidden = !stop;
    }

    function request() {
      return JSON.stringify({
        func: 'MakeSignature', tbs: form.getAttribute('data-text'), tbsEncoding: 'NONE', hashAlgorithm: 'SHA256',
        signatureType: 'PKCS7', pin: pin.value, withCardSN: 'false', withSigningTime: 'true', checkValidity: 'true'
      });
    }

    function parsed(data) {
      var answer = null;
      try { answer = typeof data === 'string' && data.length <= MOST ? JSON.parse(data) : null; } catch (_) { /* said below */ }
      return answer && typeof answer === 'object' ? answer : {};
    }

    function ask() {
      var told = false, closed = 0, beat, timer;
      var other = window.open(component + '/popupForm', 'hipki', 'popup,width=420,height=320');
      if (!other) { show('popup_blocked'); return; }
      function over(code, tries) {
        window.removeEventListener('message', hear);
        window.clearInterval(beat); window.clearTimeout(timer);
        pin.value = '';
        stop = null;
        other.close();
        show(code, tries);
        if (code !== 'sending') { pin.focus(); }
      }
      function hear(event) {
        var answer;
        if (event.source !== other || event.origin !== component) { return; }
        answer = parsed(event.data);
        if (answer.func === 'getTbs') {
          if (told) { return; }
          told = true;
          window.clearTimeout(timer);
          timer = window.setTimeout(function () { over('timeout'); }, LONGEST);
          other.postMessage(request(), component);
          pin.value = '';
        } else if (told && answer.ret_code === 0 && typeof answer.signature === 'string') {
          over('sending');
          form.elements.document.value = answer.signature;
          form.submit();
        } else if (told) { over.apply(null, typeof answer.ret_code === 'number' ? reason(answer) : ['module_error']); }
      }
      stop = function () { over('cancelled'); };
      show('waiting');
      window.addEventListener('message', hear);
      beat = window.setInterval(function () {
        closed = other.closed ? closed + 1 : 0;
        if (closed > 1) { over('window_closed'); }
      }, BEAT);
      timer = window.setTimeout(function () { over('not_installed'); }, SILENCE);
    }

    form.addEventListener('submit', function (event) {
      event.preventDefault();
      if (!stop) { ask(); }
    });
    cancel.addEventListener('click', function () { if (stop) { stop(); } });
    leave = function () { pin.value = ''; if (stop) { stop(); } };
    form.hidden = false;
    show('ready');
  }

  function start() {
    var form = document.querySelector('form[data-hipki]');
    if (leave) { leave(); leave = null; }
    if (form) { serve(form); }
  }

  document.addEventListener('portico:page', start);
  window.addEventListener('pagehide', function () { if (leave) { leave(); } });
  start();
}());
