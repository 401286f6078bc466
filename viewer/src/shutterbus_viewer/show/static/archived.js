// What the archive keeps of this camera, in a line. Where there is none, or it cannot be asked now, there is no line.

import { nowUs } from "./clock.js";
import { archived } from "./words.js";

const AGAIN_MS = 60_000;

/** Show it for the camera `id` in `element`, now and each minute. */
export async function showArchived(id, element) {
  setTimeout(showArchived, AGAIN_MS, id, element);
  if (document.hidden) return;
  const [kept] = await ask(id);
  element.closest("div").hidden = !kept;
  element.textContent = kept ? archived(kept, nowUs()) : "";
}

async function ask(id) {
  try {
    const answer = await fetch(`/api/archive?camera=${id}`, { redirect: "error" });
    return answer.ok ? (await answer.json()).cameras : [];
  } catch {
    return []; // no connection: the top of the page says so
  }
}
