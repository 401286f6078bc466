// The same minute on fourteen days, side by side: what grows, melts or is built is seen there.

import { nowUs } from "./clock.js";
import { isAbort } from "./past.js";
import { words } from "./pastwords.js";
import { clock, longDay, shortDay } from "./times.js";
import { dateOf, sameTime, shiftDate } from "./zone.js";

const DAYS = 14;
const WIDTH_PX = 160;
const REST_MS = 600; // who steps or plays wants other pictures first
const NEAR_US = 30 * 60e6;
const AT_ONCE = 3;

export class SameMinute {
  #shown = "";
  #resting = null;
  #control = new AbortController();

  constructor(history, element) {
    this.history = history;
    this.details = element;
    this.list = element.querySelector("ol");
    element.addEventListener("toggle", () => this.#soon());
    history.addEventListener("frame", () => this.#soon());
    history.addEventListener("place", () => this.history.isPast || this.#soon());
    this.list.addEventListener("click", (event) => this.#choose(event));
  }

  #soon() {
    clearTimeout(this.#resting);
    if (this.details.open) this.#resting = setTimeout(() => this.#show(), REST_MS);
  }

  async #show() {
    const at = this.history.at ?? nowUs();
    const today = dateOf(nowUs());
    // The last fourteen days; farther back the days around the one that is shown.
    const last = dateOf(at) > shiftDate(today, -DAYS) ? 0 : Math.min(DAYS / 2 - 1, Math.round((nowUs() - at) / 864e8));
    const behind = last === 0 ? Math.round((Date.parse(today) - Date.parse(dateOf(at))) / 864e5) : last;
    const instants = Array.from({ length: DAYS }, (_, day) => sameTime(at, behind + 1 - DAYS + day));
    const shown = [dateOf(at), ...instants.map((us) => Math.floor(us / 60e6))].join();
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#control.abort();
    this.#control = new AbortController();
    const { signal } = this.#control;
    this.details.querySelector("summary span").textContent = clock(at);
    const cells = instants.map((us) => this.#cell(us, at));
    this.list.replaceChildren(...cells.map(({ item }) => item));
    const here = this.list.querySelector("[aria-current]");
    if (here) this.list.scrollLeft = here.offsetLeft - this.list.offsetLeft - (this.list.clientWidth - here.offsetWidth) / 2;
    const waiting = [...cells]; // the newest first
    const work = async () => {
      for (let cell; (cell = waiting.pop()) && !signal.aborted; ) await this.#fill(cell, signal);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  #cell(us, at) {
    const item = document.createElement("li");
    const day = Object.assign(document.createElement("span"), { textContent: shortDay(us) });
    const link = Object.assign(document.createElement("a"), { className: "none" });
    if (dateOf(us) === dateOf(at)) link.setAttribute("aria-current", "date");
    link.append(day);
    item.append(link);
    return { item, link, us };
  }

  async #fill({ link, us }, signal) {
    try {
      const frame = us < nowUs() ? await this.history.past.frame(us, "nearest", "", signal) : null;
      if (!frame || Math.abs(frame.us - us) > Math.max(NEAR_US, this.history.gapUs)) {
        link.setAttribute("aria-label", `${longDay(us)}: ${words.noPicture}`);
        link.setAttribute("role", "img");
        return;
      }
      link.className = "";
      link.href = this.history.address.link(frame.us, null);
      link.frame = frame;
      link.setAttribute("aria-label", `${longDay(frame.us)} ${clock(frame.us)}`);
      link.prepend(Object.assign(new Image(), { src: this.history.past.address(frame.id, WIDTH_PX), alt: "" }));
    } catch (error) {
      if (!isAbort(error) && error.status === undefined) throw error;
      this.#shown = ""; // asked for again with the next picture
    }
  }

  #choose(event) {
    const frame = event.target.closest("a")?.frame;
    if (!frame || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.history.show(frame, { push: true });
  }
}
