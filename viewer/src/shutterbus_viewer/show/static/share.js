// Saving the picture on the screen, a link to its instant, and what such a link leads to.

import { nowUs } from "./clock.js";
import { instant, save } from "./save.js";
import { second } from "./times.js";

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
  sayWhen(new URLSearchParams(location.search).get("at"));
  return { save: saveShown, shown };
}

/** An address with an instant in it opens the live page: the pages do not show the archive. */
function sayWhen(at) {
  if (at === null) return;
  const us = Date.parse(at) * 1000;
  const asked = Number.isNaN(us) ? `“${at.slice(0, 40)}”, which is no time` : second(us, nowUs());
  $("#at").textContent = `This is the live picture, not that of ${asked}: earlier pictures cannot be shown in this version.`;
  $("#at").hidden = false;
}
