// Where an axis of time has its marks, and what stands there.

import { clock, clockSeconds, shortDay } from "./times.js";
import { dateOf, dayStart, localUs, offsetUs, shiftDate } from "./zone.js";

const SECOND_US = 1e6;
const MINUTE_US = 60 * SECOND_US;
const QUARTER_US = 15 * MINUTE_US;
const HOUR_US = 60 * MINUTE_US;
const DAY_US = 24 * HOUR_US;
const STEPS_US = [
  ...[1, 2, 5, 10, 15, 30].map((many) => many * SECOND_US),
  ...[1, 2, 5, 10, 15, 30].map((many) => many * MINUTE_US),
  ...[1, 2, 3, 6, 12].map((many) => many * HOUR_US),
  DAY_US,
];

/** Marks `[{us, label, strong}]` between two instants, at least `apart` of the range from each other; strong: a day begins. */
export function marks(fromUs, toUs, apart) {
  const step = STEPS_US.find((one) => one / (toUs - fromUs) >= apart) ?? DAY_US;
  const instants = step === DAY_US ? midnights(fromUs, toUs, apart) : steps(fromUs, toUs, step);
  return instants.map((us) => {
    const strong = localUs(us) % DAY_US === 0;
    return { us, strong, label: strong ? shortDay(us) : (step < MINUTE_US ? clockSeconds : clock)(us) };
  });
}

/** Round by the clocks of the zone, also on the day on which they are changed. */
function steps(fromUs, toUs, step) {
  const all = [];
  for (let startUs = fromUs; startUs < toUs; ) {
    const offset = offsetUs(startUs);
    const endUs = Math.min(toUs, nextChange(startUs, toUs));
    for (let us = Math.ceil((startUs + offset) / step) * step - offset; us < endUs; us += step) all.push(us);
    startUs = endUs;
  }
  return all;
}

/** When clocks are changed next; not before `toUs`, if they are not changed until then. */
function nextChange(us, toUs) {
  const offset = offsetUs(us);
  let next = us;
  do next = Math.floor(next / QUARTER_US + 1) * QUARTER_US;
  while (next < toUs && offsetUs(next) === offset);
  return next;
}

function midnights(fromUs, toUs, apart) {
  const all = [];
  const days = Math.max(1, Math.ceil((apart * (toUs - fromUs)) / DAY_US));
  for (let date = dateOf(fromUs); dayStart(date) < toUs; date = shiftDate(date, days)) {
    if (dayStart(date) >= fromUs) all.push(dayStart(date));
  }
  return all;
}
