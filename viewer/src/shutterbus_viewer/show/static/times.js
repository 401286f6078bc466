// Instants and spans as people read them. All times shown are in the page's zone (see zone.js), and say which that is.

import { localUs, zoned } from "./zone.js";

const SECOND = 1e6;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const TIME = { hour: "2-digit", minute: "2-digit" };
const SECONDS = { ...TIME, second: "2-digit" };
const ZONE = { timeZoneName: "short" };
const minuteForm = zoned({ ...TIME, ...ZONE });
const secondForm = zoned({ ...SECONDS, ...ZONE });
const exactForm = zoned({ ...SECONDS, ...ZONE, fractionalSecondDigits: 3 });
const yearForm = zoned({ day: "numeric", month: "short", year: "numeric" });

/** `16:20`, where the zone is named nearby. */
export const clock = zoned(TIME);

/** `16:20:07`, where the zone is named nearby. */
export const clockSeconds = zoned(SECONDS);

/** `9 Nov` */
export const shortDay = zoned({ day: "numeric", month: "short" });

/** `Mon 9 Nov 2026` */
export const longDay = zoned({ weekday: "short", day: "numeric", month: "short", year: "numeric" });

/** `November 2026` */
export const monthName = zoned({ month: "long", year: "numeric" });

/** How many midnights lie between the two. */
function daysBetween(us, laterUs) {
  return Math.floor(localUs(laterUs) / DAY) - Math.floor(localUs(us) / DAY);
}

/** `3 s`, `4 min`, `2 h`, `6 days`: the largest unit that fits, never rounded up. */
export function span(us) {
  if (us < MINUTE) return `${Math.max(0, Math.floor(us / SECOND))} s`;
  if (us < HOUR) return `${Math.floor(us / MINUTE)} min`;
  if (us < DAY) return `${Math.floor(us / HOUR)} h`;
  const days = Math.floor(us / DAY);
  return days === 1 ? "1 day" : `${days} days`;
}

/** How old something of `us` is: a span while that says enough, then the moment itself, by the clock. */
export function age(us, nowUs) {
  const old = nowUs - us;
  if (old < 6 * HOUR || (old < DAY && daysBetween(us, nowUs) === 0)) return span(old);
  return `${day(us, nowUs)}${clock(us)}`;
}

/** `16:20 CET`, `yesterday 16:20 CET`, `9 Nov 16:20 CET`, `9 Nov 2025 16:20 CET`: as short as it can be without doubt. */
export function moment(us, nowUs) {
  return `${day(us, nowUs)}${minuteForm(us)}`;
}

/** The same to the second: `16:20:07 CET`. */
export function second(us, nowUs) {
  return `${day(us, nowUs)}${secondForm(us)}`;
}

/** The same to the millisecond: `16:20:07.482 CET`. */
export function exact(us, nowUs) {
  return `${day(us, nowUs)}${exactForm(us)}`;
}

function day(us, nowUs) {
  const days = daysBetween(us, nowUs);
  if (days === 0) return "";
  if (days === 1) return "yesterday ";
  const year = (one) => new Date(localUs(one) / 1000).getUTCFullYear();
  return `${(year(us) === year(nowUs) ? shortDay : yearForm)(us)} `;
}

/** The instant for machines and for copying: ISO 8601 in UTC. */
export function iso(us) {
  return new Date(us / 1000).toISOString();
}

/** A short span with its fraction: `84 ms`, `2.3 s`, then as `span`. */
export function delay(us) {
  if (us < SECOND) return `${Math.max(0, Math.round(us / 1000))} ms`;
  if (us < 10 * SECOND) return `${(us / SECOND).toFixed(1)} s`;
  return span(us);
}
