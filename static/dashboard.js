// What the dashboard's pages do beyond plain links and forms; all of them work without it.
"use strict";

document.documentElement.classList.add("has-script");

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
});

// A tab that nobody looks at asks for nothing.
document.addEventListener("htmx:beforeRequest", (event) => {
  const isPaused = document.querySelector("[data-pause][aria-pressed=true]") !== null;
  if ((document.hidden || isPaused) && event.target.matches("[hx-trigger^='every']")) event.preventDefault();
});

// A poll overlaps with the one before, so that no event is missed: what the page has already is left out.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { elt, xhr } = event.detail.requestConfig ? { elt: event.detail.requestConfig.elt, xhr: event.detail.xhr } : event.detail;
  if (!elt || !elt.matches("[data-poll]") || xhr.status !== 200) return;
  const template = document.createElement("template");
  template.innerHTML = event.detail.serverResponse;
  for (const row of template.content.querySelectorAll("details.event")) {
    if (document.getElementById(row.id)) row.remove();
    else row.classList.add("is-new");
  }
  event.detail.serverResponse = template.innerHTML;
  if (!template.content.querySelector("details.event")) return;
  for (const waiting of document.querySelectorAll("[data-until-event]")) waiting.remove();
  document.querySelector("[data-events]").hidden = false;
});

// A page that is open all day must not grow for ever.
const ROWS_KEPT = 500;
document.addEventListener("htmx:afterSettle", () => {
  const rows = document.querySelectorAll("[data-events] > details.event");
  for (let at = ROWS_KEPT; at < rows.length; at++) rows[at].remove();
});

for (const [name, isLost] of [["htmx:sendError", true], ["htmx:responseError", true], ["htmx:afterOnLoad", false]]) {
  document.addEventListener(name, () => {
    const state = document.querySelector("[data-live-state]");
    if (!state) return;
    state.classList.toggle("is-lost", isLost);
    state.lastElementChild.textContent = isLost ? "The server does not answer; trying again" : state.dataset.liveText || "New events appear by themselves";
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pause]");
  if (!button) return;
  const isPaused = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", isPaused);
  button.textContent = isPaused ? "Go on" : "Pause";
  const state = document.querySelector("[data-live-state]");
  if (!state) return;
  state.classList.toggle("is-paused", isPaused);
  state.lastElementChild.textContent = isPaused ? "Paused; what arrives meanwhile follows" : state.dataset.liveText;
});

function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.querySelector("[data-copy-text]");
  const tell = (text) => {
    label.textContent = text;
    window.setTimeout(() => { label.textContent = "Copy"; }, 2000);
  };
  const select = () => {
    const selection = window.getSelection();
    selection.selectAllChildren(source);
    tell(document.execCommand("copy") ? "Copied" : "Press Ctrl+C");
  };
  // The clipboard is there on https and localhost only.
  if (!navigator.clipboard) select();
  else navigator.clipboard.writeText(source.textContent).then(() => tell("Copied"), select);
}
