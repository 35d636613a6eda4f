/* Shows what the bridge asks as soon as it asks, and takes it away when it asks no longer. */
(function () {
  'use strict';
  var shown = document.getElementById('reader').getAttribute('data-question');
  function look() {
    fetch('/asked', { cache: 'no-store' }).then(function (reply) { return reply.json(); }).then(function (now) {
      if (now.question !== shown) { location.replace('/'); } else { window.setTimeout(look, 500); }
    }, function () { window.setTimeout(look, 2000); });
  }
  look();
}());
