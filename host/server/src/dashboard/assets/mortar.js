// Keeps an open page true: when the host says that something has changed, the page is asked for again,
// and what is marked with data-live is put in the place of what is shown. Without this script, every page
// works and shows how things were when it was loaded.
"use strict";

const state = document.getElementById("live-state");
let asking = false;
let again = false;

function say(text) {
  if (state && state.textContent !== text) state.textContent = text;
}

/** True where somebody writes into it, or has marked something in it. */
function isInUse(element) {
  const active = document.activeElement;
  const writes = active && element.contains(active) && active.matches("input, select, textarea");
  const marked = document.getSelection();
  return writes || (marked && !marked.isCollapsed && element.contains(marked.anchorNode));
}

function put(fresh, shown) {
  if (fresh.innerHTML === shown.dataset.was || isInUse(shown)) return;
  const open = new Set(Array.from(shown.querySelectorAll("details[open][id]"), (details) => details.id));
  const focused = shown.contains(document.activeElement) ? path(shown, document.activeElement) : null;
  const was = fresh.innerHTML;
  shown.replaceChildren(...fresh.childNodes);
  shown.dataset.was = was;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  focused?.(shown)?.focus({ preventScroll: true });
}

/** How what had the focus is found again: by its place among the things that can have it. */
function path(shown, element) {
  const able = "a[href], button, summary, [tabindex]";
  const at = Array.from(shown.querySelectorAll(able)).indexOf(element);
  return at < 0 ? null : (fresh) => fresh.querySelectorAll(able)[at];
}

async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const answer = await fetch(location.href, { headers: { "x-live": "1" }, credentials: "same-origin" });
    if (answer.status === 401) return leave();
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const fresh of page.querySelectorAll("[data-live]")) {
        const shown = document.getElementById(fresh.id);
        if (shown) put(fresh, shown);
      }
      say("live");
    }
  } catch {
    say("no answer from the host; what is shown may be old");
  } finally {
    asking = false;
    if (again) {
      again = false;
      setTimeout(refresh, 250);
    }
  }
}

let changes = null;

function leave() {
  changes?.close();
  say("logged out; load the page again");
}

function listen() {
  changes = new EventSource("/live");
  changes.addEventListener("open", () => say("live"));
  changes.addEventListener("changed", refresh);
  changes.addEventListener("error", () => {
    say("no answer from the host; what is shown may be old");
    // Whether it is the session that is over.
    if (changes.readyState === EventSource.CLOSED) setTimeout(refresh, 5000);
  });
}

if (document.querySelector("[data-live]")) {
  listen();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") refresh();
  });
}
