/* OIDC Session Management 1.0, section 3.2. ES5 and synchronous: an app asks every few seconds,
   in browsers of any age, and the answer must not come after the next question. */
(function () {
  'use strict';
  var K = [], H0 = [];

  (function () { /* FIPS 180-4: the first 32 bits of the fractional parts of roots of primes */
    var candidate = 2, divisor;
    function fraction(x) { return ((x - Math.floor(x)) * 4294967296) | 0; }
    while (K.length < 64) {
      for (divisor = 2; divisor * divisor <= candidate; divisor += 1) {
        if (candidate % divisor === 0) { break; }
      }
      if (divisor * divisor > candidate) {
        if (H0.length < 8) { H0.push(fraction(Math.pow(candidate, 1 / 2))); }
        K.push(fraction(Math.pow(candidate, 1 / 3)));
      }
      candidate += 1;
    }
  }());

  function turn(x, by) { return (x >>> by) | (x << (32 - by)); }

  function padded(text) {
    var bytes = unescape(encodeURIComponent(text)), words = [], i, bits = bytes.length * 8;
    for (i = 0; i < bytes.length; i += 1) { words[i >> 2] |= bytes.charCodeAt(i) << (24 - 8 * (i % 4)); }
    words[bits >> 5] |= 0x80 << (24 - bits % 32);
    words[(((bits + 64) >> 9) << 4) + 15] = bits;
    return words;
  }

  function compress(hash, words, at) {
    var w = [], a = hash.slice(0), i, s0, s1, t1, t2;
    for (i = 0; i < 64; i += 1) {
      if (i < 16) { w[i] = words[at + i] | 0; } else {
        s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
        s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
        w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
      }
      s1 = turn(a[4], 6) ^ turn(a[4], 11) ^ turn(a[4], 25);
      t1 = (a[7] + s1 + ((a[4] & a[5]) ^ (~a[4] & a[6])) + K[i] + w[i]) | 0;
      s0 = turn(a[0], 2) ^ turn(a[0], 13) ^ turn(a[0], 22);
      t2 = (s0 + ((a[0] & a[1]) ^ (a[0] & a[2]) ^ (a[1] & a[2]))) | 0;
      a = [(t1 + t2) | 0, a[0], a[1], a[2], (a[3] + t1) | 0, a[4], a[5], a[6]];
    }
    for (i = 0; i < 8; i += 1) { hash[i] = (hash[i] + a[i]) | 0; }
  }

  function sha256(text) { /* as base64url without padding */
    var alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    var hash = H0.slice(0), words = padded(text), i, out = '', bits = 0, held = 0;
    for (i = 0; i < words.length; i += 16) { compress(hash, words, i); }
    for (i = 0; i < 32; i += 1) {
      held = (held << 8) | ((hash[i >> 2] >>> (24 - 8 * (i % 4))) & 255);
      for (bits += 8; bits >= 6; bits -= 6) { out += alphabet.charAt((held >>> (bits - 6)) & 63); }
    }
    return out + alphabet.charAt((held << (6 - bits)) & 63);
  }

  function browserState() {
    var name = document.documentElement.getAttribute('data-cookie') + '=';
    var cookies = document.cookie.split('; '), i;
    for (i = 0; i < cookies.length; i += 1) {
      if (cookies[i].indexOf(name) === 0) { return cookies[i].slice(name.length); }
    }
    return '';
  }

  function answerTo(message, origin) {
    var words = typeof message === 'string' ? message.split(' ') : [], state, salt;
    if (words.length !== 2) { return 'error'; }
    state = words[1].split('.');
    salt = state[1];
    if (state.length !== 2 || !words[0] || !salt) { return 'error'; }
    return sha256(words[0] + ' ' + origin + ' ' + browserState() + ' ' + salt) === state[0] ? 'unchanged' : 'changed';
  }

  window.addEventListener('message', function (event) {
    if (!event.source || event.source === window) { return; }
    event.source.postMessage(answerTo(event.data, event.origin), event.origin);
  });
}());
