// Beside every page: leaves it as soon as the session has ended, and says when a person is there.
// It decides nothing; the server has ended the session by then.
"use strict";
(() => {
  const PAUSE_MS = 3000;
  const ACTIVE_EVERY_MS = 20000;
  const SPOKEN = "[aria-label]:not(svg *), [placeholder]";
  // Not the choices themselves: a place may be called "Open".
  const WRITTEN = ['[data-testid$="Dropdown"]', '[data-testid="InputInstructions"]']
    .map((part) => `${part} :not([data-key] *)`).join();
  const ICON = '[role="img"][translate="no"]:not([aria-hidden])';
  const words = JSON.parse(document.currentScript.dataset.words);
  const patterns = {};
  let asking = null;
  let told = 0;

  function leave(why) {
    const here = new URLSearchParams(location.search).get("lang");
    const parts = new URLSearchParams({ why });
    if (here) parts.set("lang", here);
    parts.set("next", location.pathname);
    // The numbers shouldn't stay on the screen while the next page loads.
    document.documentElement.replaceChildren();
    location.replace("/signin?" + parts);
  }

  async function wait() {
    while (!document.hidden) {
      asking = new AbortController();
      try {
        const answer = await fetch("/auth/wait", { cache: "no-store", signal: asking.signal });
        if (answer.status === 401) {
          leave(await answer.text());
          return;
        }
        if (!answer.ok) throw new Error(String(answer.status));
      } catch {
        await new Promise((done) => setTimeout(done, PAUSE_MS));
      }
    }
    asking = null;
  }

  function active() {
    const now = performance.now();
    if (told && now - told < ACTIVE_EVERY_MS) return;
    told = now;
    fetch("/auth/active", { method: "POST", cache: "no-store", keepalive: true }).catch(() => {});
  }

  function pattern(template) {
    const parts = template.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^$()|[\]\\]/g, "\\$&"));
    return new RegExp("^" + parts.join("(.+)") + "$");
  }

  function translated(text, rules) {
    for (const [found, said] of rules) {
      const match = found.exec(text);
      if (match) return said.replace(/\{\w+\}/, () => match[1]);
    }
    return text;
  }

  // The page server calls every page English, and says a few things in English itself; screen
  // readers and line breaks go by this.
  function speak() {
    // An icon stands beside words that say the same; by itself it is read out as "person icon".
    for (const icon of document.querySelectorAll(ICON)) icon.setAttribute("aria-hidden", "true");
    const here = new URLSearchParams(location.search).get("lang");
    if (!here) return;
    if (document.documentElement.lang !== here) document.documentElement.lang = here;
    const said = words[here];
    if (!said) return;
    const skip = document.querySelector("[data-testid=stSkipToContent]")?.firstChild;
    if (skip && skip.nodeValue !== said.skip) skip.nodeValue = said.skip;
    patterns[here] ??= said.served.map(([from, to]) => [pattern(from), to]);
    for (const node of document.querySelectorAll(SPOKEN)) {
      for (const name of ["aria-label", "placeholder"]) {
        const text = node.getAttribute(name);
        const better = text && translated(text, patterns[here]);
        if (better !== text) node.setAttribute(name, better);
      }
    }
    for (const node of document.querySelectorAll(WRITTEN)) {
      const text = node.childElementCount ? null : node.firstChild;
      const better = text && translated(text.nodeValue, patterns[here]);
      if (text && better !== text.nodeValue) text.nodeValue = better;
    }
  }

  setInterval(speak, 500);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) asking?.abort();
    else if (!asking) wait();
  });
  // Back to a page that the browser had kept as it was.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
    addEventListener(kind, active, { passive: true, capture: true });
  }
  active();
  wait();
})();
