// A month: a square a day, with the picture that is nearest to its noon.

import { nowUs } from "./clock.js";
import { dayLabel, pictures, refused } from "./pastwords.js";
import { longDay, monthName } from "./times.js";
import { dateOf, dayStart, fromField, shiftDate } from "./zone.js";

const $ = (selector) => document.querySelector(selector);
const WIDTH_PX = 160;

export class Calendar {
  #month = ""; // `2026-11`
  #control = new AbortController();

  constructor(history) {
    this.history = history;
    this.dialog = $("#calendar");
    this.days = $("#calendar-days");
    $("#month-before").addEventListener("click", () => this.#turn(-1));
    $("#month-after").addEventListener("click", () => this.#turn(1));
    this.days.addEventListener("keydown", (event) => this.#walk(event));
    this.days.addEventListener("click", (event) => this.#choose(event));
  }

  open() {
    this.dialog.showModal();
    this.#show(dateOf(this.history.at ?? nowUs()).slice(0, 7));
  }

  #turn(months) {
    const first = new Date(`${this.#month}-01T00:00Z`);
    first.setUTCMonth(first.getUTCMonth() + months);
    this.#show(first.toISOString().slice(0, 7));
  }

  async #show(month) {
    this.#control.abort();
    this.#control = new AbortController();
    const { signal } = this.#control;
    this.#month = month;
    const first = `${month}-01`;
    const after = `${shiftDate(first, 31).slice(0, 7)}-01`;
    $("#month").textContent = monthName(dayStart(first));
    $("#month-after").disabled = dayStart(after) > nowUs();
    this.#fill(first, after, []);
    try {
      this.#fill(first, after, await this.history.past.days(first, after, signal));
      $("#calendar-problem").textContent = "";
    } catch (error) {
      if (!signal.aborted) $("#calendar-problem").textContent = refused(error);
    }
  }

  #fill(first, after, days) {
    const byDate = new Map(days.map((day) => [day.date, day]));
    const squares = [];
    for (let date = first; date < after; date = shiftDate(date, 1)) squares.push(this.#square(date, byDate.get(date)));
    squares[0].style.gridColumnStart = ((new Date(`${first}T00:00Z`).getUTCDay() + 6) % 7) + 1; // weeks begin on Monday
    this.days.replaceChildren(...squares);
    this.#stopAt(this.days.querySelector("a[aria-current]") ?? this.days.querySelector("a"));
  }

  /** One day at a time can be reached by Tab; arrow keys lead from day to day and from week to week. */
  #stopAt(link) {
    for (const other of this.days.querySelectorAll("a")) other.tabIndex = other === link ? 0 : -1;
  }

  #walk(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
    if (!step) return;
    event.preventDefault();
    const squares = [...this.days.children];
    let place = squares.indexOf(document.activeElement.closest("li"));
    do place += step;
    while (squares[place] && !squares[place].querySelector("a"));
    const link = squares[place]?.querySelector("a");
    if (!link) return;
    this.#stopAt(link);
    link.focus();
  }

  #square(date, day) {
    const square = document.createElement("li");
    const inside = document.createElement(day ? "a" : "span");
    const number = Object.assign(document.createElement("b"), { textContent: Number(date.slice(8)) });
    inside.append(number);
    if (date === dateOf(this.history.at ?? nowUs())) inside.setAttribute("aria-current", "date");
    if (day) {
      inside.setAttribute("aria-label", dayLabel(longDay(dayStart(date)), day.frames));
      inside.title = pictures(day.frames);
      inside.noonUs = fromField(`${date}T12:00:00`);
      inside.href = this.history.address.link(inside.noonUs, null);
      if (day.noon) inside.prepend(Object.assign(new Image(), { src: this.history.past.address(day.noon, WIDTH_PX), alt: "", loading: "lazy" }));
      inside.append(Object.assign(document.createElement("small"), { textContent: short(day.frames) }));
    }
    square.append(inside);
    return square;
  }

  /** What is seen in the square is what is then shown. */
  #choose(event) {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.dialog.close();
    this.history.go(link.noonUs, { push: true, nearUs: Infinity });
  }
}

/** `8.6k`: as much as fits into a square. */
function short(many) {
  return new Intl.NumberFormat("en", { notation: "compact" }).format(many);
}
