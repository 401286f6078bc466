// The controls that every page has, and the keys that work them.

import { nowUs } from "./clock.js";
import { copy } from "./copy.js";
import { remember, remembered } from "./remembered.js";
import { second } from "./times.js";

// For a moment after a dialog is closed the focus is still in it: nobody types where nothing is seen.
const typing = (target) => target.checkVisibility() && target.closest("input, select, textarea, dialog");

/** `Shift+ArrowLeft`, `Control+ArrowLeft`, `a`, `[`: a key with what is held beside it; for a sign, Shift and AltGr belong to it. */
function nameOfKey(event) {
  const { key, ctrlKey, shiftKey } = event;
  const sign = key.length === 1;
  if (sign && event.getModifierState("AltGraph")) return key;
  return [ctrlKey && "Control", shiftKey && !sign && "Shift", key].filter(Boolean).join("+");
}

/**
 * Call `keys[name](event)` for a key pressed outside of fields; the event is used up unless that returns false.
 *
 * Keys of one character can be switched off: who speaks to the computer, or types with an unsteady hand, sets them off unawares.
 */
export function onKeys(keys) {
  document.addEventListener("keydown", (event) => {
    const name = nameOfKey(event);
    if (event.metaKey || (event.altKey && !event.getModifierState("AltGraph")) || typing(event.target)) return;
    if (event.key.length === 1 && remembered("single-keys", "yes") === "no") return;
    const action = Object.hasOwn(keys, name) ? keys[name] : null;
    if (action && action(event) !== false) event.preventDefault();
  });
}

/** Wire up pause, full screen, help, copying and sign-out; return what can be bound to keys. */
export function wireBar(live) {
  const button = (action) => document.querySelector(`[data-action=${action}]`);

  const pause = () => {
    live.pause(!live.paused);
    button("pause").setAttribute("aria-pressed", String(live.paused));
    document.querySelector("#paused").hidden = !live.paused;
  };
  // An iPhone gives no page the whole screen; there it is the whole window.
  const root = document.documentElement;
  const fullScreen = () => {
    const full = root.classList.toggle("full");
    if (!full && document.fullscreenElement) document.exitFullscreen();
    if (full && document.fullscreenEnabled) root.requestFullscreen().catch(() => {}); // refused: the window then
  };
  document.addEventListener("fullscreenchange", () => root.classList.toggle("full", document.fullscreenElement !== null));
  const help = () => document.querySelector("#keys").showModal();

  button("pause").addEventListener("click", pause);
  for (const full of document.querySelectorAll("[data-action=full]")) full.addEventListener("click", fullScreen);
  button("help").addEventListener("click", help);
  document.addEventListener("click", copyOnClick);
  document.querySelector("form[action='/logout']").addEventListener("submit", (event) => {
    // On a phone it is the button that a thumb meets first.
    if (matchMedia("(pointer: coarse)").matches && !confirm("Sign out?")) event.preventDefault();
  });
  addEventListener("beforeprint", () => {
    document.querySelector(".printed").textContent = `Printed ${second(nowUs(), 0)}. Ages are as of then.`;
  });
  for (const box of document.querySelectorAll("#keys input")) {
    box.checked = remembered(box.id, box.checked ? "yes" : "no") === "yes";
    box.addEventListener("change", () => remember(box.id, box.checked ? "yes" : "no"));
  }
  return { p: pause, f: fullScreen, "?": help };
}

/** A button with `data-copy` copies that text; one with `data-copy-from` the text of the element of that id. */
async function copyOnClick({ target }) {
  const button = target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const text = button.dataset.copy ?? document.getElementById(button.dataset.copyFrom).textContent;
  const label = button.querySelector(".label") ?? button;
  button.dataset.label ??= label.textContent;
  label.textContent = (await copy(text)) ? "Copied" : "Not copied";
  clearTimeout(button.timer);
  button.timer = setTimeout(() => (label.textContent = button.dataset.label), 1500);
}
