// The page without this file is whole; with it, it follows by itself.
"use strict";
(() => {
  const every = Number(document.documentElement.dataset.every) * 1000;
  const lost = document.getElementById("lost");
  let tag = document.documentElement.dataset.tag;
  let failing = 0;
  let turn = 0;

  // The same words as the server's: see Ago in internal/status/spans.go.
  const ago = (seconds) => {
    const s = Math.floor(seconds);
    if (s < 1) return "just now";
    if (s < 120) return s + " s ago";
    if (s < 7200) return Math.floor(s / 60) + " min ago";
    if (s < 172800) return Math.floor(s / 3600) + " h ago";
    return Math.floor(s / 86400) + " d ago";
  };

  const mark = (root) => {
    for (const t of root.querySelectorAll("time[data-age]")) {
      t.began = performance.now() / 1000 - Number(t.dataset.age);
    }
  };
  const tick = () => {
    for (const t of document.querySelectorAll("time[data-age]")) {
      const text = ago(performance.now() / 1000 - t.began) + (t.dataset.after || "");
      if (t.textContent !== text) t.textContent = text;
    }
  };

  // grow has the times of a part that says nothing else be those of another state of it: what is read out is not read out again.
  const still = (part) => part.innerHTML.replace(/<time[^>]*>[^<]*<\/time>/g, "");
  const grow = (part, other) => {
    const times = part.querySelectorAll("time");
    other.querySelectorAll("time").forEach((t, i) => Object.assign(times[i].dataset, t.dataset));
    mark(part);
  };

  // exchange puts the parts of another state of the page into the place of those that differ, and keeps what is focused.
  const exchange = (next) => {
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = next.querySelector('[data-part="' + part.dataset.part + '"]');
      if (!other) continue;
      if (still(part) === still(other)) {
        grow(part, other);
        continue;
      }
      const selection = document.getSelection();
      if (selection && !selection.isCollapsed && part.contains(selection.anchorNode)) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") || document.activeElement.id : null;
      part.className = other.className;
      part.innerHTML = other.innerHTML;
      mark(part);
      if (focused) {
        const again = [...part.querySelectorAll("a, button")].find((e) => e.getAttribute("href") === focused || e.id === focused);
        if (again) again.focus();
      }
    }
    document.title = next.title;
  };

  const follow = async () => {
    if (document.hidden) return;
    const mine = ++turn;
    try {
      const answer = await fetch(location.href, { headers: { "If-None-Match": tag }, cache: "no-store", redirect: "error" });
      if (answer.status === 200) {
        const text = await answer.text();
        if (mine !== turn) return; // Another filter is wanted by now.
        tag = answer.headers.get("ETag");
        exchange(new DOMParser().parseFromString(text, "text/html"));
      } else if (answer.status !== 304) {
        throw new Error(answer.status);
      }
      failing = 0;
      lost.hidden = true;
    } catch {
      failing++;
      if (failing === 2) lost.querySelector("span").textContent = new Date().toLocaleTimeString();
      lost.hidden = failing < 2;
    }
    tick();
  };

  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("button");
    if (event.target.method === "post" && button) button.setAttribute("aria-busy", "true");
  });
  for (const input of document.querySelectorAll(".filter input")) {
    const lines = () => {
      const query = new URLSearchParams(new FormData(input.form)).toString();
      history.replaceState(null, "", query ? "?" + query : location.pathname);
      tag = "";
      follow();
    };
    input.addEventListener("input", lines);
  }

  mark(document);
  setInterval(tick, 1000);
  (function again() {
    setTimeout(() => follow().finally(again), every);
  })();
})();
