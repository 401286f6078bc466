// The small pictures of an hour, one a minute, which come in one file.

import { nowUs } from "./clock.js";
import { iso } from "./times.js";

export const HOUR_US = 36e8;
const MINUTE_US = 6e7;
const BITMAPS_KEPT = 6; // 4 MB each
const SHEETS_KEPT = 60; // 90 kB each
const AGAIN_MS = 30_000; // for an hour that is not over, or whose sheet could not be had

/** An hour is counted since 1970. Events: `sheet` when one came that `cell` was asked for. */
export class Sheets extends EventTarget {
  #sheets = new Map(); // by hour: {coming, image, grid, asOfUs, askedMs}
  #bitmaps = new Map();

  constructor(past) {
    super();
    this.past = past;
  }

  /**
   * The small picture that is nearest to an instant, at most `withinUs` away: `{bitmap, x, y, width, height, us, id}`.
   *
   * Null if there is none; undefined while its sheet is fetched.
   */
  cell(us, withinUs = MINUTE_US) {
    const hour = Math.floor(us / HOUR_US);
    const bitmap = this.#bitmaps.get(hour);
    if (!bitmap || this.#isDue(hour)) {
      this.load(hour).then((sheet) => sheet && sheet.bitmap !== bitmap && this.dispatchEvent(new Event("sheet")));
    }
    const sheet = this.#sheets.get(hour);
    if (bitmap) return cellOf(sheet.grid, bitmap, us, withinUs);
    return sheet && !sheet.coming && !sheet.image ? null : undefined;
  }

  /** All of an hour: `{grid, bitmap}`; null if it has none. */
  async load(hour) {
    let sheet = this.#sheets.get(hour);
    if (this.#isDue(hour)) {
      sheet = { ...sheet, askedMs: performance.now(), asOfUs: nowUs() };
      sheet.coming = this.#fetch(hour, sheet);
      this.#sheets.set(hour, sheet);
      while (this.#sheets.size > SHEETS_KEPT) this.#sheets.delete(this.#sheets.keys().next().value);
    }
    await sheet.coming;
    return sheet.image ? { grid: sheet.grid, bitmap: await this.#bitmap(hour, sheet) } : null;
  }

  #isDue(hour) {
    const sheet = this.#sheets.get(hour);
    if (!sheet || sheet.coming) return !sheet;
    const mayGrow = !sheet.image || sheet.asOfUs < (hour + 1) * HOUR_US + MINUTE_US;
    return mayGrow && performance.now() - sheet.askedMs > AGAIN_MS;
  }

  async #fetch(hour, sheet) {
    try {
      Object.assign(sheet, await this.past.sheet(iso(hour * HOUR_US).slice(0, 13)));
      this.#bitmaps.delete(hour);
    } catch {
      // an hour without pictures has no sheet; what else is wrong, the picture itself says
    }
    sheet.coming = null;
  }

  async #bitmap(hour, { image }) {
    const known = this.#bitmaps.get(hour);
    const bitmap = known ?? (await createImageBitmap(image));
    this.#bitmaps.delete(hour);
    this.#bitmaps.set(hour, bitmap); // the newest last
    if (this.#bitmaps.size > BITMAPS_KEPT) this.#bitmaps.delete(this.#bitmaps.keys().next().value);
    return bitmap;
  }
}

function cellOf({ columns, width, height, minutes }, bitmap, us, withinUs) {
  let nearest = null;
  for (const [minute, capturedUs, id] of minutes) {
    // A minute's picture stands for all of that minute.
    const away = Math.floor(capturedUs / MINUTE_US) === Math.floor(us / MINUTE_US) ? 0 : Math.abs(capturedUs - us);
    if (away > withinUs || (nearest && away >= nearest.away)) continue;
    const place = { x: (minute % columns) * width, y: Math.floor(minute / columns) * height };
    nearest = { bitmap, ...place, width, height, us: capturedUs, id, away };
  }
  return nearest;
}

/** Draw a small picture so that it fills the canvas, which takes its size. */
export function drawCell(canvas, { bitmap, x, y, width, height }) {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d", { alpha: false }).drawImage(bitmap, x, y, width, height, 0, 0, width, height);
}
