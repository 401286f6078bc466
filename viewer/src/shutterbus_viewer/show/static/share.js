// Saving the picture on the screen, handing it to another app, and a link to its instant.

import { instant } from "./instant.js";
import { fetchOriginal, fileName, save } from "./save.js";

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

  /** To whatever app the visitor chooses: phones have a list of them. */
  async function send() {
    const { facts, image } = painter.drawn;
    const picture = (await fetchOriginal(facts)) ?? image;
    const file = new File([picture], fileName(name(), facts.captured_at_us ?? facts.arrived_at_us, picture.type), { type: picture.type });
    await navigator.share({ files: [file], title: name() }).catch(() => {}); // it was put off
  }

  function shown({ captured_at_us: capturedUs, arrived_at_us: arrivedUs }) {
    $("#copy-link").dataset.copy = `${location.origin}${location.pathname}?at=${instant(capturedUs ?? arrivedUs)}`;
    $("#save").hidden = false;
    const sample = new File(["."], "picture.jpg", { type: "image/jpeg" });
    $("#send").hidden = !(matchMedia("(pointer: coarse)").matches && navigator.canShare?.({ files: [sample] }));
    saved.hidden = true;
  }

  $("#copy-link").dataset.copy = location.href;
  $("#save").addEventListener("click", saveShown);
  $("#send").addEventListener("click", send);
  return { save: saveShown, shown };
}
