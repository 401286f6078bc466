// What the pages say of the past, in sentences.

import { second, span } from "./times.js";
import { bytes } from "./words.js";

const number = new Intl.NumberFormat("en");

export const words = {
  live: "Live",
  play: "Play",
  stop: "Stop",
  noPicture: "no picture",
  nothingKept: "The archive has no picture of this camera yet.",
  away: "The server cannot be reached: this picture cannot be shown now.",
  unread: "The archive cannot be read now.",
  gone: "This picture is gone",
  neverHad: "The archive never had this picture",
  noEarlier: "There is no earlier picture.",
};

/** `8,640 pictures` */
export function pictures(many) {
  return `${number.format(many)} ${many === 1 ? "picture" : "pictures"}`;
}

/** What a zip will be: `about 1,440 pictures, 118 MB`. */
export function asZip(many, size) {
  return many ? `about ${pictures(many)}, ${bytes(size)}` : "No pictures are kept of that time.";
}

/** Where the instant asked for has no picture. */
export function inGap(askedUs, frameUs, nowUs) {
  const away = span(Math.abs(frameUs - askedUs));
  const side = frameUs < askedUs ? "before" : "after";
  return `There is no picture of ${second(askedUs, nowUs)}. The nearest is of ${second(frameUs, nowUs)}, ${away} ${side}.`;
}

/** Why a picture cannot be shown, by the status of the answer and the server's own sentence. */
export function refused({ status, message }) {
  if (status === 0) return words.away;
  const short = { 404: words.neverHad, 410: words.gone, 503: words.unread }[status] ?? words.unread;
  return message ? `${short.replace(/\.$/, "")}: ${message.replace(/\.$/, "")}.` : `${short.replace(/\.$/, "")}.`;
}

/** Of a server that keeps nothing, or nothing that can be read now. */
export function onlyLive(problem) {
  return `No earlier pictures: ${problem.replace(/\.$/, "")}.`;
}

/** Of an address with an instant, on such a server. */
export function notThen(askedUs, problem, nowUs) {
  return `This is the live picture, not that of ${second(askedUs, nowUs)}: ${problem.replace(/\.$/, "")}.`;
}

/** Of an address whose instant is none. */
export function noTime(text) {
  return `This is the live picture: “${text.slice(0, 40)}” in the address is no time.`;
}

/** How long ago something was: `3 h ago`. */
export function ago(us, nowUs) {
  return `${span(Math.max(0, nowUs - us))} ago`;
}

/** What a screen reader says of the place in time. */
export function place(frame, atUs, nowUs) {
  return frame && Math.abs(frame.us - atUs) < 1e6 ? `picture of ${second(atUs, nowUs)}` : second(atUs, nowUs);
}

/** How long a stretch the scrubber shows: `2 h`, `45 s`. */
export function stretch(us) {
  return us < 36e8 * 48 ? span(Math.round(us / 1e6) * 1e6) : `${Math.round(us / 864e8)} days`;
}

/** What a day of another length than 24 hours is. */
export function lengthOfDay(us) {
  const hours = us / 36e8;
  return hours === 24 ? "" : `${+hours.toFixed(2)} hours`;
}

/** Of a day in the calendar. */
export function dayLabel(date, many) {
  return `${date}, ${many ? pictures(many) : "no pictures"}`;
}
