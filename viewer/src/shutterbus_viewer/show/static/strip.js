// The day that is shown, from midnight to midnight by the camera's clock: small pictures, and how many there are.

import { marks } from "./axis.js";
import { HOUR_US } from "./sheets.js";
import { needle, paintMarks } from "./timepaint.js";
import { Track } from "./track.js";
import { dateOf, dayStart, shiftDate } from "./zone.js";

const AXIS_PX = 18;
const BARS_PX = 6;
const LABEL_PX = 44;
const SLICE_PX = 40; // about as wide as a slice of a picture is

export class Strip extends Track {
  date = "";
  #at = 0;
  #slices = new Map(); // by their beginning: ImageBitmap
  #filling = 0;

  /** `gapUs()`: where two pictures are farther apart, some are missing. */
  constructor(element, density, sheets, gapUs) {
    super(element, (...all) => this.#paint(...all));
    this.gapUs = gapUs;
    this.density = density;
    this.sheets = sheets;
    density.addEventListener("more", () => this.redraw());
  }

  /** Show the day of that instant; `now` is where time ends. Return whether it is another day. */
  show(at, now) {
    this.#at = at;
    this.now = now;
    const date = dateOf(at);
    const from = dayStart(date);
    const another = date !== this.date || from !== this.from;
    if (another) {
      this.date = date;
      this.from = from;
      this.to = dayStart(shiftDate(date, 1));
      this.#forget();
    }
    this.redraw();
    return another;
  }

  /** Fetch the small pictures, those of the hour shown first, one sheet at a time: the picture itself matters more. */
  async fill() {
    const turn = ++this.#filling;
    const hours = [];
    for (let us = this.from; us < Math.min(this.to, this.now); us += HOUR_US) hours.push(Math.floor(us / HOUR_US));
    if (hours.length && (hours.at(-1) + 1) * HOUR_US < Math.min(this.to, this.now)) hours.push(hours.at(-1) + 1); // no whole hours from UTC
    const shown = this.#at / HOUR_US - 0.5;
    hours.sort((one, other) => Math.abs(one - shown) - Math.abs(other - shown));
    for (const hour of hours) {
      const bars = this.density.bars(hour * HOUR_US, (hour + 1) * HOUR_US);
      if (!bars.length || this.#isFilled(hour)) continue;
      const sheet = await this.sheets.load(hour);
      if (turn !== this.#filling) return;
      if (sheet) await this.#cut(sheet);
    }
  }

  #isFilled(hour) {
    const many = [...this.#slices.values()].filter(({ hour: of }) => of === hour).length;
    const overUs = Math.min(this.now, (hour + 1) * HOUR_US) - hour * HOUR_US;
    return many > 0 && many >= Math.floor(overUs / this.sliceUs);
  }

  /** How long a slice is: an hour, or a part of it where there is room. */
  get sliceUs() {
    const room = this.width / SLICE_PX / 24;
    return HOUR_US / (room >= 4 ? 4 : room >= 2 ? 2 : 1);
  }

  async #cut({ grid, bitmap }) {
    const { columns, width, height, minutes } = grid;
    for (const [minute, us] of minutes) {
      const start = Math.floor(us / this.sliceUs) * this.sliceUs;
      const middle = start + this.sliceUs / 2;
      const last = this.#slices.get(start);
      if (last && Math.abs(last.us - middle) <= Math.abs(us - middle)) continue;
      const place = [(minute % columns) * width, Math.floor(minute / columns) * height, width, height];
      this.#slices.set(start, { us, hour: Math.floor(us / HOUR_US), place, picture: last?.picture });
    }
    for (const slice of this.#slices.values()) {
      if (!slice.place) continue;
      slice.picture?.close();
      slice.picture = await createImageBitmap(bitmap, ...slice.place);
      slice.place = null;
    }
    this.redraw();
  }

  #forget() {
    this.#filling += 1;
    for (const { picture } of this.#slices.values()) picture?.close();
    this.#slices.clear();
  }

  #paint(context, { width, height }, colours) {
    const floor = height - AXIS_PX;
    const bars = floor - BARS_PX;
    context.fillStyle = colours.surface;
    context.fillRect(0, 0, width, floor);
    const counted = this.density.bars(this.from, this.to);
    context.save();
    const where = new Path2D();
    for (const { us, endUs } of counted) where.rect(this.x(us), 0, this.x(endUs + this.gapUs()) - this.x(us), bars);
    context.clip(where); // a gap stays empty, though a slice is wider
    for (const [us, { picture }] of this.#slices) {
      if (picture) this.#paintSlice(context, picture, us, bars);
    }
    context.restore();
    context.fillStyle = colours.density;
    for (const { us, endUs } of counted) {
      context.fillRect(this.x(us), bars + 1, Math.max(1, this.x(Math.min(endUs, this.now)) - this.x(us)), BARS_PX - 1);
    }
    paintMarks(context, this, marks(this.from, this.to, LABEL_PX / width), floor, height, colours);
    needle(context, this.x(this.#at), floor, "#fff", colours.behind);
  }

  /** The middle of a picture, as much of it as fits into its place. */
  #paintSlice(context, picture, us, tall) {
    const left = this.x(Math.max(us, this.from));
    const wide = this.x(Math.min(us + this.sliceUs, this.to)) - left;
    const scale = Math.max(wide / picture.width, tall / picture.height);
    const [across, down] = [wide / scale, tall / scale];
    context.drawImage(picture, (picture.width - across) / 2, (picture.height - down) / 2, across, down, left, 0, wide, tall);
  }
}
