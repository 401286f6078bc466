// The zone in which this page tells times: the visitor's own, or that of its camera once it is known. A day in it may
// have 23 or 25 hours, so nothing here adds 24 of them.

const DAY_US = 864e8;
const SLOT_US = 9e8; // clocks are changed at quarters of an hour only
const OFFSETS_KEPT = 10_000;

let zone; // undefined: the visitor's own
let wall = wallClock();
const offsets = new Map();

function wallClock() {
  const whole = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" };
  return new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...whole });
}

/** Tell times in the zone of that IANA name from now on, or without a name in the visitor's; return whether that is another. */
export function setZone(name) {
  const before = zoneName();
  const wanted = name ?? undefined;
  if (wanted === zone) return false;
  const last = zone;
  zone = wanted;
  try {
    wall = wallClock();
  } catch {
    zone = last; // this browser does not know it
  }
  offsets.clear();
  return zoneName() !== before;
}

/** The zone's IANA name. */
export function zoneName() {
  return zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** A formatter of instants in us, in the zone that holds when it is used. */
export function zoned(options) {
  let made = null;
  let madeFor = null;
  return (us) => {
    if (made === null || madeFor !== zone) made = new Intl.DateTimeFormat("en-GB", { hourCycle: "h23", timeZone: zone, ...options });
    madeFor = zone;
    return made.format(us / 1000);
  };
}

/** How far clocks in the zone are ahead of UTC at that instant, in us. */
export function offsetUs(us) {
  const slot = Math.floor(us / SLOT_US);
  let offset = offsets.get(slot);
  if (offset === undefined) {
    if (offsets.size >= OFFSETS_KEPT) offsets.clear();
    const startMs = (slot * SLOT_US) / 1000;
    const part = Object.fromEntries(wall.formatToParts(startMs).map(({ type, value }) => [type, Number(value)]));
    offset = (Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) - startMs) * 1000;
    offsets.set(slot, offset);
  }
  return offset;
}

/** What the clocks show at that instant, counted as if it were UTC, in us. */
export function localUs(us) {
  return us + offsetUs(us);
}

/** The instant at which clocks show `local`: the first of two, and where that hour is left out as much later as it is long. */
export function fromLocal(local) {
  const before = local - offsetUs(local - DAY_US);
  const after = local - offsetUs(local + DAY_US);
  for (const us of [Math.min(before, after), Math.max(before, after)]) {
    if (localUs(us) === local) return us;
  }
  return before;
}

/** `2026-11-27`: the day of that instant. */
export function dateOf(us) {
  return new Date(localUs(us) / 1000).toISOString().slice(0, 10);
}

/** The instant at which that day begins. */
export function dayStart(date) {
  return fromLocal(Date.parse(`${date}T00:00Z`) * 1000);
}

/** `days` days after that day, or before it. */
export function shiftDate(date, days) {
  return new Date(Date.parse(`${date}T00:00Z`) + (days * DAY_US) / 1000).toISOString().slice(0, 10);
}

/** The same time of the day, `days` days later. */
export function sameTime(us, days) {
  return fromLocal(localUs(us) + days * DAY_US);
}

/** The same time of the same date, `years` years later. */
export function sameDate(us, years) {
  const date = new Date(localUs(us) / 1000);
  date.setUTCFullYear(date.getUTCFullYear() + years);
  return fromLocal(date.getTime() * 1000 + (us % 1000));
}

/** `2026-11-27T22:42:49`, by the zone's clocks: what fields for a date and a time hold. */
export function fieldTime(us) {
  return new Date(localUs(us) / 1000).toISOString().slice(0, 19);
}

/** The instant of what such a field holds; NaN if nothing. */
export function fromField(text) {
  return fromLocal(Date.parse(`${text}Z`) * 1000);
}
