// Which tiles are shown, and in which order.

import { nameOf } from "./roster.js";

const NEEDS_A_LOOK = { silent: 0, late: 1, unknown: 2, waiting: 3, live: 4 };
const names = new Intl.Collator(undefined, { numeric: true });

/** By name as the visitor sorts: gate-2 before gate-10. */
export function byName(one, other) {
  return names.compare(nameOf(one), nameOf(other)) || names.compare(one.id, other.id);
}

/** The cameras whose title or name contains `text` and whose state is `kind` (empty: all), by `order` (`name`, `silent`). */
export function arrange(cameras, { text, kind, order }) {
  const wanted = text.trim().toLocaleLowerCase();
  const contains = (name) => name.toLocaleLowerCase().includes(wanted);
  const shown = [...cameras].filter(
    (camera) => (contains(camera.id) || contains(nameOf(camera))) && (!kind || camera.verdict.kind === kind),
  );
  const rank = (camera) => (order === "silent" ? NEEDS_A_LOOK[camera.verdict.kind] : 0);
  return shown.sort((one, other) => rank(one) - rank(other) || byName(one, other));
}

/** How many cameras are in each state. */
export function count(cameras) {
  const counts = { live: 0, late: 0, silent: 0, unknown: 0, waiting: 0 };
  for (const camera of cameras) counts[camera.verdict.kind] += 1;
  return counts;
}

/** Make `elements` the children of `parent`, moving only what is out of place; the focus stays where it was. */
export function place(parent, elements) {
  const focused = document.activeElement;
  let here = parent.firstElementChild;
  for (const element of elements) {
    if (element === here) here = here.nextElementSibling;
    else parent.insertBefore(element, here);
  }
  while (here) {
    const extra = here;
    here = here.nextElementSibling;
    extra.remove();
  }
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}
