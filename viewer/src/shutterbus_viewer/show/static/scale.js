// How measured values are written and drawn: with the decimals that their unit deserves, and never so enlarged that
// noise looks like a fall.

const UNITS = {
  "°C": { decimals: 1, leastSpan: 2 },
  "°F": { decimals: 1, leastSpan: 4 },
  "%": { decimals: 0, leastSpan: 5 },
  hPa: { decimals: 1, leastSpan: 4 },
  Pa: { decimals: 0, leastSpan: 400 },
  V: { decimals: 2, leastSpan: 0.5 },
  A: { decimals: 2, leastSpan: 0.5 },
  W: { decimals: 1, leastSpan: 2 },
  lx: { decimals: 0, leastSpan: 20 },
  ppm: { decimals: 0, leastSpan: 50 },
  "m/s": { decimals: 1, leastSpan: 2 },
  mm: { decimals: 1, leastSpan: 2 },
};
const LEAST_SHARE = 0.02; // of the value, where the unit is not known
const DIGITS = 4;

/** A formatter for values of a unit; `size` is about how large they are, for units that are not known. */
export function numberForm(unit, size) {
  const whole = Math.floor(Math.log10(Math.max(Math.abs(size), 1e-9))) + 1;
  const decimals = UNITS[unit]?.decimals ?? Math.max(0, Math.min(9, DIGITS - whole));
  const least = UNITS[unit] ? decimals : 0;
  return new Intl.NumberFormat("en", { minimumFractionDigits: least, maximumFractionDigits: decimals });
}

/** Between which values a line of `values` is drawn: at least the span of its unit, around their middle. */
export function scaleOf(values, unit) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const leastSpan = UNITS[unit]?.leastSpan ?? LEAST_SHARE * Math.max(Math.abs(low), Math.abs(high));
  const more = Math.max(0, (leastSpan || 1) - (high - low)) / 2;
  return { low: low - more, high: high + more };
}
