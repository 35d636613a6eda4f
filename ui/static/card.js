/* Signing in by card: talks to the bridge on this computer, tells how it stands, and posts what the card
   has signed. By fetch where the browser lets it; else through a window of the bridge, which needs no leave.
   Nothing secret passes here: the PIN is typed in the bridge's own window. */
(function () {
  'use strict';
  var form = document.querySelector('form[data-card]');
  if (!form || !window.fetch || !window.AbortController) { return; }
  var ports = form.getAttribute('data-ports').split(' ');
  var submit = document.getElementById('card-submit');
  var opener = document.getElementById('card-popup');
  var cancel = document.getElementById('card-cancel');
  var at = null;        /* where the bridge was found */
  var ticket = null;
  var stopped = null;   /* what ends the operation at hand */
  var shown = '';
  var PATIENCE = 4000, POLL = 1500;

  function show(code, tries) {
    var said = form.querySelector('[data-state="' + code + '"]') || form.querySelector('[data-state="module_error"]');
    var left = form.querySelector('[data-tries]');
    if (shown !== code) {
      Array.prototype.forEach.call(form.querySelectorAll('[data-state]'), function (one) { one.hidden = one !== said; });
      shown = code;
    }
    left.hidden = typeof tries !== 'number';
    if (!left.hidden) { form.querySelector('[data-tries-left]').textContent = String(tries); }
    submit.disabled = code !== 'ready';
    opener.hidden = code !== 'blocked';
    cancel.hidden = code !== 'waiting';
  }

  function call(method, path, body, signal) {
    var headers = { 'X-Cardbridge': '1' }, options = { method: method, headers: headers, signal: signal, cache: 'no-store', targetAddressSpace: 'loopback' };
    if (ticket) { headers['X-Cardbridge-Ticket'] = ticket; }
    if (body) { headers['Content-Type'] = 'application/json'; options.body = JSON.stringify(body); }
    return window.fetch(at + path, options).then(function (reply) { return reply.json(); });
  }

  function within(milliseconds, work) {
    var stop = new AbortController(), timer = window.setTimeout(function () { stop.abort(); }, milliseconds);
    return work(stop.signal).then(
      function (found) { window.clearTimeout(timer); return found; },
      function (wrong) { window.clearTimeout(timer); throw wrong; }
    );
  }

  function permission() {
    if (!navigator.permissions) { return Promise.resolve('unknown'); }
    return navigator.permissions.query({ name: 'loopback-network' }).then(
      function (found) { return found.state; },
      function () { return 'unknown'; }
    );
  }

  /* A call that fails says nothing of why; what the browser would allow does (cards: section 3.3). */
  function find(index, allowed) {
    if (index === ports.length) {
      show(allowed === 'denied' ? 'blocked' : 'not_running');
      return Promise.reject(new Error('no bridge'));
    }
    at = 'http://127.0.0.1:' + ports[index];
    var patience = allowed === 'prompt' ? 60000 : PATIENCE;
    return within(patience, function (signal) { return call('GET', '/v1/info', null, signal); }).then(
      function (info) {
        if (info.error === 'origin_denied') { show('origin_denied'); throw new Error('origin'); }
        if (info.product !== 'cardbridge' || (info.api || []).indexOf(1) < 0) { show('too_old'); throw new Error('version'); }
      },
      function () { return find(index + 1, allowed); }
    );
  }

  function connect() {
    var asking = window.setTimeout(function () { permission().then(function (now) { if (now === 'prompt') { show('asking'); } }); }, 1000);
    ticket = null;
    return permission().then(function (allowed) { return find(0, allowed); }).then(function () {
      return call('POST', '/v1/hello', {});
    }).then(function (said) {
      window.clearTimeout(asking);
      if (said.error) { throw said; }
      ticket = said.ticket;
    }, function (wrong) { window.clearTimeout(asking); throw wrong; });
  }

  function state(status) {
    if (status.error) { return status.error; }
    if (status.module === 'missing') { return 'no_module'; }
    if (!status.readers) { return 'no_reader'; }
    return { absent: 'no_card', unsupported: 'wrong_card', present: 'ready' }[status.card] || 'no_card';
  }

  function watch() {
    if (stopped) { return; }
    if (document.hidden) { window.setTimeout(watch, POLL); return; }
    if (!ticket) {
      connect().then(watch, function () { window.setTimeout(watch, 2 * POLL); });
      return;
    }
    call('GET', '/v1/status').then(function (status) {
      if (stopped) { return; }
      if (status.error === 'ticket_invalid') { ticket = null; } else { show(state(status)); }
      window.setTimeout(watch, POLL);
    }, function () { ticket = null; window.setTimeout(watch, POLL); });
  }

  function wanted() {
    return {
      v: 1, purpose: form.getAttribute('data-purpose'), nonce: form.elements.challenge.value,
      kinds: form.getAttribute('data-kinds').split(' '), lang: form.getAttribute('data-lang')
    };
  }

  function take(answer) {
    if (answer && answer.format) {
      show('sending');
      form.elements.format.value = answer.format;
      form.elements.document.value = JSON.stringify(answer);
      form.submit();
      return;
    }
    stopped = null; ticket = null;
    show((answer && answer.error) || 'module_error', answer && answer.tries_left);
    submit.disabled = !(answer && answer.retry);
    submit.focus();
  }

  form.addEventListener('submit', function (event) {
    event.preventDefault();
    if (stopped) { return; }
    stopped = new AbortController();
    var first = ticket ? Promise.resolve() : connect();
    first.then(function () {
      show('waiting');
      cancel.focus();
      return call('POST', '/v1/authenticate', wanted(), stopped.signal);
    }).then(take, function () { take({ error: shown === 'waiting' ? 'not_running' : shown, retry: true }); });
  });

  cancel.addEventListener('click', function () {
    call('POST', '/v1/cancel', {}).catch(function () { if (stopped) { stopped.abort(); } });
  });

  /* The window of the bridge: it says that it is there, is told what to sign, and answers us alone. */
  opener.addEventListener('click', function () {
    var place = at || 'http://127.0.0.1:' + ports[0], told = false, timer;
    var other = window.open(place + '/popup', 'cardbridge', 'popup,width=420,height=320');
    if (!other) { show('popup_blocked'); opener.hidden = false; return; }
    stopped = new AbortController();
    show('waiting'); cancel.hidden = true;
    function hear(event) {
      if (event.source !== other || event.origin !== place) { return; }
      if (!told && event.data && event.data.cardbridge === 'ready') {
        told = true; window.clearTimeout(timer);
        other.postMessage(wanted(), place);
        return;
      }
      if (told) { window.removeEventListener('message', hear); take(event.data); opener.hidden = false; }
    }
    window.addEventListener('message', hear);
    timer = window.setTimeout(function () {
      window.removeEventListener('message', hear);
      other.close(); take({ error: 'not_running', retry: true }); opener.hidden = false;
    }, PATIENCE);
  });

  form.hidden = false;
  show('looking');
  watch();
}());
