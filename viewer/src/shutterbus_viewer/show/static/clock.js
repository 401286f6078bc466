// The server's clock as seen from here. Ages are counted against it and not against the visitor's own clock, which
// may be wrong by hours.

const KEPT = 8;
let samples = []; // server minus ours, in us; a message that was long under way reads low, so the largest is best
let offsetUs = 0;
let before = null;

/** Note that a message just came in which the server wrote at `serverNowUs`. */
export function sync(serverNowUs) {
  const now = { wall: Date.now(), steady: performance.now() };
  // Our clock was set, or this machine slept: what was measured before says nothing now.
  if (before && Math.abs(now.wall - before.wall - (now.steady - before.steady)) > 1000) samples = [];
  before = now;
  samples.push(serverNowUs - now.wall * 1000);
  if (samples.length > KEPT) samples.shift();
  offsetUs = Math.max(...samples);
}

/** Now by the server's clock, in us since 1970. */
export function nowUs() {
  return Date.now() * 1000 + offsetUs;
}
