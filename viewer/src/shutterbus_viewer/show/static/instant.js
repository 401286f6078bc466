// How an address names an instant.

const FORM = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)$/i;

/** `2026-11-27T22:42:49.631204Z` */
export function instant(us) {
  const milliseconds = Math.floor(us / 1000);
  const rest = String(Math.round(us - milliseconds * 1000)).padStart(3, "0");
  return new Date(milliseconds).toISOString().replace("Z", `${rest}Z`);
}

/** The instant in us since 1970; NaN if it is none. A `+` may have become a space on the way. */
export function readInstant(text) {
  const parts = FORM.exec(text.trim().replace(/ (?=\d\d:\d\d$)/, "+"));
  if (!parts) return NaN;
  const [, whole, fraction = "", zone] = parts;
  return Date.parse(whole.replace(" ", "T") + zone.toUpperCase()) * 1000 + Number(fraction.padEnd(6, "0"));
}
