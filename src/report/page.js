// Fetches the page again every five seconds and swaps its content; opened details stay open, and what is focused or
// scrolled stays where it is. Without script the page reloads itself.
"use strict";
(() => {
  const PERIOD_MS = 5000;
  const live = document.getElementById("live");
  const refresh = async () => {
    const selecting = String(window.getSelection() || "").length > 0;
    if (!document.hidden && !selecting) {
      try {
        const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(PERIOD_MS) });
        if (!answer.ok) throw new Error(String(answer.status));
        const next = new DOMParser().parseFromString(await answer.text(), "text/html");
        const main = document.getElementById("main");
        for (const details of main.querySelectorAll("details[open][id]")) {
          const same = next.getElementById(details.id);
          if (same) same.open = true;
        }
        const scrolled = [...main.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.getAttribute("aria-label")]);
        const focused = main.contains(document.activeElement) ? document.activeElement.closest("details[id]") : null;
        main.replaceChildren(...next.getElementById("main").childNodes);
        const boxes = [...main.querySelectorAll(".scroll")];
        scrolled.forEach(([left], index) => { if (boxes[index]) boxes[index].scrollLeft = left; });
        if (focused) document.getElementById(focused.id)?.querySelector("summary")?.focus({ preventScroll: true });
        document.title = next.title;
        live.textContent = "";
      } catch {
        live.textContent = "tagwatch does not answer; what stands here is old";
      }
    }
    setTimeout(refresh, PERIOD_MS);
  };
  setTimeout(refresh, PERIOD_MS);
})();
