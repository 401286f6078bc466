// Instants and spans as people read them. All times shown are in the visitor's own zone, and say which that is.

const SECOND = 1e6;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const form = (options) => new Intl.DateTimeFormat("en-GB", { hourCycle: "h23", ...options });
const TIME = { hour: "2-digit", minute: "2-digit" };
const ZONE = { timeZoneName: "short" };
const bareForm = form(TIME);
const minuteForm = form({ ...TIME, ...ZONE });
const secondForm = form({ ...TIME, ...ZONE, second: "2-digit" });
const exactForm = form({ ...TIME, ...ZONE, second: "2-digit", fractionalSecondDigits: 3 });
const dayForm = form({ day: "numeric", month: "short" });
const yearForm = form({ day: "numeric", month: "short", year: "numeric" });
const at = (us) => new Date(us / 1000);

/** How many midnights lie between the two. */
function daysBetween(us, laterUs) {
  return Math.round((at(laterUs).setHours(12, 0, 0, 0) - at(us).setHours(12, 0, 0, 0)) / 864e5);
}

/** `3 s`, `4 min`, `2 h`, `6 days`: the largest unit that fits, never rounded up. */
export function span(us) {
  if (us < MINUTE) return `${Math.max(0, Math.floor(us / SECOND))} s`;
  if (us < HOUR) return `${Math.floor(us / MINUTE)} min`;
  if (us < DAY) return `${Math.floor(us / HOUR)} h`;
  const days = Math.floor(us / DAY);
  return days === 1 ? "1 day" : `${days} days`;
}

/** How old something of `us` is: a span while that says enough, then the moment itself, by the visitor's clock. */
export function age(us, nowUs) {
  const old = nowUs - us;
  if (old < 6 * HOUR || (old < DAY && daysBetween(us, nowUs) === 0)) return span(old);
  return `${day(us, nowUs)}${bareForm.format(at(us))}`;
}

/** `16:20 CET`, `yesterday 16:20 CET`, `9 Nov 16:20 CET`, `9 Nov 2025 16:20 CET`: as short as it can be without doubt. */
export function moment(us, nowUs) {
  return `${day(us, nowUs)}${minuteForm.format(at(us))}`;
}

/** The same to the second: `16:20:07 CET`. */
export function second(us, nowUs) {
  return `${day(us, nowUs)}${secondForm.format(at(us))}`;
}

/** The same to the millisecond: `16:20:07.482 CET`. */
export function exact(us, nowUs) {
  return `${day(us, nowUs)}${exactForm.format(at(us))}`;
}

function day(us, nowUs) {
  const days = daysBetween(us, nowUs);
  if (days === 0) return "";
  if (days === 1) return "yesterday ";
  const thisYear = at(us).getFullYear() === at(nowUs).getFullYear();
  return `${(thisYear ? dayForm : yearForm).format(at(us))} `;
}

/** The instant for machines and for copying: ISO 8601 in UTC. */
export function iso(us) {
  return at(us).toISOString();
}

/** A short span with its fraction: `84 ms`, `2.3 s`, then as `span`. */
export function delay(us) {
  if (us < SECOND) return `${Math.max(0, Math.round(us / 1000))} ms`;
  if (us < 10 * SECOND) return `${(us / SECOND).toFixed(1)} s`;
  return span(us);
}
