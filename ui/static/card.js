/* A card in a form: talks to the bridge on this computer, tells how it stands, and posts what the card
   has signed. By fetch where the browser lets it; else through a window of the bridge, which needs no leave.
   Nothing secret passes here: the PIN is typed in the bridge's own window. */
(function () {
  'use strict';
  var leave = null; /* lets go of the form at hand, when the page is exchanged for one in another language */
  if (!window.fetch || !window.AbortController) { return; }

  function serve(form) {
    var ports = form.getAttribute('data-ports').split(' ');
    var absent = document.createElement('button');   /* a page that only looks has none */
    var submit = document.getElementById('card-submit') || absent;
    var opener = document.getElementById('card-popup') || absent;
    var cancel = document.getElementById('card-cancel') || absent;
    var version = '';       /* of the bridge that answered last */
    var at = null;          /* where the bridge was found */
    var ticket = null;
    var running = null;     /* how to call off the operation at hand */
    var left = false;       /* whether the form has gone from the page */
    var shown = '', held = '', unsettled = false, looks = 0;
    var windowed = false;   /* whether the bridge's window is the way */
    var shut = false;       /* whether it was, the last time */
    var began = Date.now();
    var POLL = 1000;        /* how often reader and card are looked at */
    var PROBE = 3000;       /* Windows takes two seconds to say that nobody listens */
    var CALL = 6000;        /* the bridge gives a card five seconds for a step */
    var SILENCE = 2500;     /* how long a window may take to say that it is the bridge's */
    /* How things stand, as against how something ended: the next look at the card may replace these. */
    var STANDS = ['looking', 'asking', 'not_running', 'blocked', 'too_old', 'origin_denied', 'no_module', 'no_reader', 'no_card', 'wrong_card', 'ready'];
    /* What is no news where the bridge's window is the way. */
    var SHUT = ['asking', 'blocked', 'not_running'];
    /* What an ending says already, so that it is not said again in other words. */
    var SAID = { card_removed: ['no_card'], bridge_lost: ['not_running'] };

    function each(selector, act) { Array.prototype.forEach.call(form.querySelectorAll(selector), act); }

    function show(code, tries, retry) {
      var said = form.querySelector('[data-state="' + code + '"]') || form.querySelector('[data-state="module_error"]');
      var rest = form.querySelector('[data-tries]') || absent;
      if (shown !== code) {
        each('[data-state]', function (one) { one.hidden = one !== said; });
        each('[data-remedy]', function (one) { one.hidden = one.getAttribute('data-remedy').split(' ').indexOf(code) < 0; });
        shown = code;
      }
      rest.hidden = typeof tries !== 'number';
      if (!rest.hidden) { form.querySelector('[data-tries-left]').textContent = String(tries); }
      each('[data-tries-unknown]', function (one) { one.hidden = code !== 'pin_incorrect' || typeof tries === 'number'; });
      submit.disabled = Boolean(running) || windowed || !(code === 'ready' || retry);
      opener.hidden = Boolean(running) || !windowed || retry === false;
      cancel.hidden = !running || code === 'sending';
      form.dispatchEvent(new window.CustomEvent('cardstate', { detail: { code: code, version: version } }));
    }

    /* A card that was taken out may be back before anybody looks; the first look may be too early to tell. */
    function back() { looks += 1; return held === 'card_removed' && looks > 2; }

    /* What the bridge says of reader and card; how the last try ended stays to be read while nothing changes. */
    function news(code) {
      if (held) {
        if (code === 'ready' && !unsettled && !back() || shut && SHUT.indexOf(code) >= 0) { return; }
        unsettled = true;
        if ((SAID[held] || []).indexOf(code) >= 0) { return; }
      }
      held = '';
      show(code);
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

    function place(index) { return 'http://127.0.0.1:' + ports[index]; }

    /* A call that fails says nothing of why; what the browser would allow does. */
    function missing(asked) {
      return permission().then(function (allowed) {
        var dismissed = allowed === 'prompt' && Date.now() - asked > PROBE + 1000;
        throw { error: allowed === 'denied' || dismissed ? 'blocked' : 'not_running', retry: true, rests: dismissed };
      });
    }

    function find(index, allowed) {
      var asked = Date.now();
      at = place(index);
      return within(allowed === 'prompt' ? 60000 : PROBE, function (signal) { return call('GET', '/v1/info', null, signal); }).then(
        function (info) {
          version = info.version || '';
          if (info.product !== 'cardbridge' || (info.api || []).indexOf(1) < 0) { throw { error: 'too_old', retry: true }; }
        },
        function () {
          if (index + 1 < ports.length && Date.now() - asked <= PROBE + 1000) { return find(index + 1, allowed); }
          at = null;
          return missing(asked);
        }
      );
    }

    function connect() {
      var over = false, asking = window.setTimeout(function () {
        permission().then(function (now) {
          if (now === 'prompt' && !over && !running) { windowed = true; news('asking'); }
        });
      }, 1000);
      function done() { over = true; window.clearTimeout(asking); }
      ticket = null;
      return permission().then(function (allowed) { return find(0, allowed); }).then(function () {
        return within(CALL, function (signal) { return call('POST', '/v1/hello', {}, signal); });
      }).then(function (said) {
        done();
        if (said.error) { throw said; }
        windowed = false;
        ticket = said.ticket;
      }, function (wrong) {
        done();
        windowed = SHUT.indexOf(wrong.error) >= 0;
        throw wrong.error ? wrong : { error: 'not_running', retry: true };
      });
    }

    function state(status) {
      if (status.error) { return status.error; }
      if (status.module === 'missing') { return 'no_module'; }
      if (!status.readers) { return 'no_reader'; }
      return { absent: 'no_card', unsupported: 'wrong_card', present: 'ready' }[status.card] || 'no_card';
    }

    function later(milliseconds) { window.setTimeout(watch, milliseconds); }

    function watch() {
      if (running || left) { return; } /* the end of the operation goes on watching */
      if (document.hidden) { later(POLL); return; }
      if (!ticket) {
        connect().then(watch, function (wrong) {
          if (running) { return; }
          news(wrong.error);
          if (!wrong.rests) { later(2 * POLL); }
        });
        return;
      }
      within(CALL, function (signal) { return call('GET', '/v1/status', null, signal); }).then(function (status) {
        if (running) { return; }
        if (status.error === 'ticket_invalid') { ticket = null; later(0); return; }
        news(state(status));
        later(POLL);
      }, function () {
        ticket = null;
        if (!running) { later(0); }
      });
    }

    function wanted() {
      return {
        v: 1, purpose: form.getAttribute('data-purpose'), nonce: form.elements.challenge.value,
        kinds: form.getAttribute('data-kinds').split(' '), lang: form.getAttribute('data-lang')
      };
    }

    /* A challenge that may end while the PIN is typed is not worth a PIN. */
    function stale() {
      var again = form.getAttribute('data-again'), life = Number(form.getAttribute('data-lifetime')) * 1000;
      if (!again || Date.now() - began < life / 2) { return false; }
      window.location.replace(again);
      return true;
    }

    function end(answer) {
      var code, focus;
      if (answer && answer.format) {
        show('sending');
        form.elements.format.value = answer.format;
        form.elements.document.value = JSON.stringify(answer);
        form.submit();
        return;
      }
      code = (answer && answer.error) || 'module_error';
      running = null; ticket = null;
      held = STANDS.indexOf(code) < 0 ? code : '';
      unsettled = code === 'bridge_lost'; looks = 0;
      if (code === 'pin_incorrect' && answer.tries_left === 1) { code = 'pin_incorrect_last'; }
      show(code, answer && answer.tries_left, Boolean(answer && answer.retry));
      focus = windowed ? opener : submit;
      if (!focus.disabled && !focus.hidden) { focus.focus(); }
      later(POLL);
    }

    function byFetch(may) {
      var stop = new AbortController();
      shut = false;
      running = function () {
        within(CALL, function (signal) { return call('POST', '/v1/cancel', {}, signal); }).catch(function () { stop.abort(); });
      };
      (ticket ? Promise.resolve() : connect()).then(function () {
        show('waiting');
        cancel.focus();
        return call('POST', '/v1/authenticate', wanted(), stop.signal).catch(function () {
          throw { error: stop.signal.aborted ? 'cancelled' : 'bridge_lost', retry: true };
        });
      }).then(function (answer) {
        /* Nobody was asked for anything yet, so it may be asked again. */
        if (answer.error === 'ticket_invalid' && may) { ticket = null; byFetch(false); } else { end(answer); }
      }, end);
    }

    /* The window of the bridge: it says that it is there, is told what to sign, and answers us alone. */
    function byWindow() {
      var index = at ? ports.indexOf(at.split(':')[2]) : 0, told = false, closed = 0, beat, timer;
      var other = window.open(place(index) + '/popup', 'cardbridge', 'popup,width=420,height=320');
      shut = true;
      if (!other) { held = 'popup_blocked'; show(held, null, true); return; }
      function over(answer) {
        window.removeEventListener('message', hear);
        window.clearInterval(beat); window.clearTimeout(timer);
        other.close();
        end(answer);
      }
      function hear(event) {
        if (event.source !== other || event.origin !== place(index) || !event.data) { return; }
        if (event.data.cardbridge === 'ready') {
          if (told) { return; }
          told = true; window.clearTimeout(timer);
          at = place(index);
          show('waiting');
          other.postMessage(wanted(), place(index));
        } else if (told) { over(event.data); }
      }
      /* Nothing is heard of a window that shows the browser's own "cannot be reached". */
      function silence() {
        show('not_running');
        if (index + 1 === ports.length) {
          timer = window.setTimeout(function () { over({ error: 'not_running', retry: true }); }, 2 * SILENCE);
          return;
        }
        index += 1;
        other.location = place(index) + '/popup';
        timer = window.setTimeout(silence, SILENCE);
      }
      running = function () {
        if (told) { other.postMessage({ cardbridge: 'cancel' }, place(index)); } else { over({ error: 'cancelled', retry: true }); }
      };
      windowed = true;
      show('waiting');
      window.addEventListener('message', hear);
      /* Seen closed twice: what it said last may still be on its way. */
      beat = window.setInterval(function () {
        closed = other.closed ? closed + 1 : 0;
        if (closed > 1) { over({ error: 'window_closed', retry: true }); }
      }, POLL / 2);
      timer = window.setTimeout(silence, SILENCE);
    }

    form.addEventListener('submit', function (event) {
      event.preventDefault();
      if (!running && !stale()) { byFetch(true); }
    });
    opener.addEventListener('click', function () { if (!running && !stale()) { byWindow(); } });
    cancel.addEventListener('click', function () { if (running) { running(); } });

    leave = function () { left = true; if (running) { running(); } };
    form.hidden = false;
    /* The card that was refused is likely to be in the reader still: "ready" would send it there again. */
    if (form.hasAttribute('data-refused')) { held = 'refused'; show('refused', null, true); } else { show('looking'); }
    watch();
  }

  function start() {
    var form = document.querySelector('[data-card]');
    if (leave) { leave(); leave = null; }
    if (form) { serve(form); }
  }

  document.addEventListener('portico:page', start);
  window.addEventListener('pageshow', function (event) { if (event.persisted && leave) { window.location.reload(); } });
  start();
}());
