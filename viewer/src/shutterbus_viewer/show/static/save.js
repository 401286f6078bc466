// Saving the picture that is on the screen.

import { fieldTime } from "./zone.js";

/** `north-roof 2026-11-27 22.42.49.jpg`, by the page's clock. */
export function fileName(name, us, type) {
  const at = fieldTime(us).replace("T", " ").replaceAll(":", ".");
  return `${name.replace(/[\\/:*?"<>|]/g, "-")} ${at}.${type === "image/png" ? "png" : "jpg"}`;
}

/**
 * Save the picture of `facts`, which is shown as `image`: the original, if the server still has it, else what is shown.
 *
 * Return whether it was the original.
 */
export async function save(facts, image, name) {
  const original = await fetchOriginal(facts);
  const picture = original ?? image;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(picture);
  link.download = fileName(name, facts.captured_at_us ?? facts.arrived_at_us, picture.type);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser may ask where to, first
  return original !== null;
}

/** The picture of `facts` as it was taken; null where the server does not have it any more. */
export async function fetchOriginal({ camera, id }) {
  try {
    const answer = await fetch(`/api/cameras/${camera}/frames/${id}.jpg`, { redirect: "error" });
    return answer.ok ? await answer.blob() : null;
  } catch {
    return null; // the server is away
  }
}
