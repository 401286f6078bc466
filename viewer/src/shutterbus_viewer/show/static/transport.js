// The buttons and keys that lead through time.

import { nowUs } from "./clock.js";
import { Moves } from "./moves.js";
import { Player } from "./play.js";
import { lengthOfDay, words } from "./pastwords.js";
import { clockSeconds, longDay } from "./times.js";
import { dateOf, dayStart, shiftDate, zoneName } from "./zone.js";

const MINUTE_US = 60e6;

const $ = (selector) => document.querySelector(selector);
const onControl = ({ target }) => target.closest("button, a, summary, [role=button]");

/**
 * Wire up the buttons; return `keys` for them and `refresh()`, which brings the words on them up to date.
 *
 * `from()` is the frame that is shown, also of what is live; null if none. `busy()` is whether arrows are wanted elsewhere.
 */
export function wireTransport({ history, timeline, comparison, calendar, goTo, zip, since, from, busy }) {
  const player = new Player(history, refresh);
  const moves = new Moves(history, from);
  const actions = {
    first: () => moves.end("first"),
    "minute-before": () => moves.by(-MINUTE_US),
    previous: () => moves.step("previous"),
    play: () => player.toggle(),
    next: () => history.isPast && moves.step("next"),
    "minute-after": () => history.isPast && moves.by(MINUTE_US),
    last: () => moves.end("last"),
    "day-before": () => moves.days(-1),
    "day-after": () => history.isPast && moves.days(1),
    compare: () => comparison.toggle(),
    "go-to": goTo,
    calendar: () => calendar.open(),
    zip: () => zip(nowUs()),
    live: () => history.live(),
  };
  for (const button of document.querySelectorAll("[data-past]")) {
    button.addEventListener("click", () => actions[button.dataset.past]());
  }
  for (const button of document.querySelectorAll("[data-speed]")) {
    button.addEventListener("click", () => player.at(Number(button.dataset.speed)));
  }
  $("#past").addEventListener("click", ({ detail, target }) => {
    // Who clicked on a speed with the mouse, and then presses space, wants to play, and not that button again.
    if (detail > 0) target.closest("button")?.blur();
  });

  function refresh() {
    const { at } = history;
    const us = at ?? nowUs();
    const date = dateOf(us);
    write($("#day"), longDay(us));
    write($("#day-length"), lengthOfDay(dayStart(shiftDate(date, 1)) - dayStart(date)));
    write($("#when"), at === null ? words.live : clockSeconds(us));
    write($("#zone"), zoneName());
    write($("#since"), at !== null && since.many ? `+${since.many}` : "");
    $("[data-past=live]").setAttribute("aria-pressed", String(at === null));
    $("[data-past=day-after]").disabled = at === null;
    for (const name of ["next", "minute-after", "play"]) $(`[data-past=${name}]`).disabled = at === null;
    const play = $("[data-past=play]");
    play.setAttribute("aria-pressed", String(player.playing));
    play.setAttribute("aria-label", player.playing ? words.stop : words.play);
    for (const button of document.querySelectorAll("[data-speed]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.speed) === player.speed));
    }
  }

  // A key that is held down goes on as fast as the pictures come.
  const paced = (action) => (event) => (event.repeat && history.loading ? undefined : action(event));
  const unless = (elsewhere, action) => (event) => (elsewhere(event) ? false : action(event));
  const keys = {
    ArrowLeft: unless(busy, paced(actions.previous)),
    ArrowRight: unless(busy, paced(actions.next)),
    "Shift+ArrowLeft": paced(actions["minute-before"]),
    "Shift+ArrowRight": paced(actions["minute-after"]),
    "Control+ArrowLeft": actions["day-before"],
    "Control+ArrowRight": actions["day-after"],
    Home: unless(busy, actions.first),
    End: unless(busy, actions.last),
    " ": unless((event) => !history.isPast || onControl(event), actions.play),
    "+": () => timeline.scrubber.nearer(),
    "-": () => timeline.scrubber.farther(),
    g: goTo,
    l: actions.live,
    c: actions.compare,
  };
  const shown = (action) => (event) => ($("#past").hidden ? false : action(event));
  return { keys: Object.fromEntries(Object.entries(keys).map(([name, action]) => [name, shown(action)])), refresh };
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
