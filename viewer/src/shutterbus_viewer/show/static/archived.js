// What the archive keeps of this camera, in a line. Where there is none, or it cannot be asked now, there is no line.

import { nowUs } from "./clock.js";
import { archived } from "./words.js";

const AGAIN_MS = 60_000;

/** Show it for the camera `id` in `element`, now and each minute. */
export async function showArchived(id, element) {
  setTimeout(showArchived, AGAIN_MS, id, element);
  if (document.hidden) return;
  const kept = (await ask())?.find((camera) => camera.id === id);
  element.closest("div").hidden = !kept;
  element.textContent = kept ? archived(kept, nowUs()) : "";
}

async function ask() {
  try {
    const answer = await fetch("/api/archive", { redirect: "error" });
    return answer.ok ? (await answer.json()).cameras : null;
  } catch {
    return null; // no connection: the top of the page says so
  }
}
