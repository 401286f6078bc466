// Going to a time that is typed, or chosen in the browser's own way.

import { nowUs } from "./clock.js";
import { fieldTime, fromField } from "./zone.js";

const $ = (selector) => document.querySelector(selector);

/** Wire up the dialog; return what opens it. */
export function wireGoTo(history) {
  const dialog = $("#go-to");
  const field = $("#go-to-time");
  dialog.addEventListener("close", () => {
    const us = fromField(field.value);
    if (dialog.returnValue !== "go" || Number.isNaN(us)) return;
    if (us >= nowUs()) history.live();
    else history.go(us, { push: true });
  });
  return () => {
    field.value = fieldTime(history.at ?? nowUs());
    field.max = fieldTime(nowUs());
    dialog.returnValue = "";
    dialog.showModal();
  };
}
