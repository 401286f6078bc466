// What the archive keeps of this camera, in a line, and whether there is a past to look at.

import { nowUs } from "./clock.js";
import { archived } from "./words.js";

const AGAIN_MS = 60_000;
const SOON_MS = 5_000; // until there is a first picture, or somebody looks

/** Show it in `element`, now and each minute; `told({problem, kept})` is called each time. */
export async function showArchived(past, element, told) {
  const extent = document.hidden ? null : await ask(past);
  setTimeout(showArchived, extent?.kept || extent?.problem ? AGAIN_MS : SOON_MS, past, element, told);
  if (!extent) return;
  element.closest("div").hidden = !extent.kept;
  element.textContent = extent.kept ? archived(extent.kept, nowUs()) : "";
  told(extent);
}

async function ask(past) {
  try {
    return await past.extent();
  } catch (error) {
    if (error.status === undefined) throw error;
    return null; // no connection: the top of the page says so
  }
}
