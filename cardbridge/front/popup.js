"use strict";
(() => {
  const asker = window.opener;
  if (!asker) {
    document.getElementById("said").textContent = ALONE;
    return;
  }
  const stop = new AbortController();
  let origin = null;

  async function answer(request) {
    const headers = {
      "Content-Type": "application/json",
      "X-Cardbridge": "1",
      "X-Cardbridge-Ticket": TICKET,
    };
    const body = JSON.stringify({ origin, request });
    try {
      const reply = await fetch("/v1/authenticate", {
        method: "POST", headers, body, signal: stop.signal,
      });
      return await reply.json();
    } catch {
      return { error: stop.signal.aborted ? "cancelled" : "bridge_lost", tries_left: null, retry: true };
    }
  }

  window.addEventListener("message", async (event) => {
    if (event.source !== asker) return;
    if (origin !== null) {
      const cancels = event.data !== null && typeof event.data === "object" && event.data.cardbridge === "cancel";
      if (event.origin === origin && cancels) stop.abort();
      return;
    }
    origin = event.origin;
    const reply = await answer(event.data);
    asker.postMessage(reply, origin);
    window.close();
  });

  // It says that a bridge is here and nothing else, so whoever opened the window may hear it.
  asker.postMessage({ cardbridge: "ready", v: 1 }, "*");
})();
