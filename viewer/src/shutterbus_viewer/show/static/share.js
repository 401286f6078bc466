// Saving the picture on the screen, and a link to its instant.

import { instant } from "./instant.js";
import { save } from "./save.js";

const $ = (selector) => document.querySelector(selector);

/** `painter` draws the picture; `name()` is what people call its camera. Return what to do with each picture drawn, and `save`. */
export function wireSharing(painter, name) {
  const saved = $("#saved");

  /** The bytes on the screen may be smaller than the original, which the server keeps while it is on a screen. */
  async function saveShown() {
    if (!painter.drawn) return;
    const { facts, image } = painter.drawn;
    const { width, height } = painter.canvas;
    saved.hidden = await save(facts, image, name());
    saved.textContent = `Saved as it is shown, ${width} × ${height}: the server has the original no more.`;
  }

  function shown({ captured_at_us: capturedUs, arrived_at_us: arrivedUs }) {
    $("#copy-link").dataset.copy = `${location.origin}${location.pathname}?at=${instant(capturedUs ?? arrivedUs)}`;
    $("#save").hidden = false;
    saved.hidden = true;
  }

  $("#copy-link").dataset.copy = location.href;
  $("#save").addEventListener("click", saveShown);
  return { save: saveShown, shown };
}
