// The facts of the picture on the screen and of its camera, beside it.

import { nowUs } from "./clock.js";
import { ago } from "./pastwords.js";
import { delay, exact, iso, moment, second, span } from "./times.js";
import { intervalS, oldWords, UNHEARD } from "./verdict.js";
import { account, bytes, every, exposure, heldBack, rate, timeIsWorth } from "./words.js";

const $ = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Fill a row of the list; without text it is not there. */
function row(id, text) {
  $(id).closest("div").hidden = !text;
  write($(id), text || "");
}

function time(id, us, now) {
  row(id, us ? exact(us, now) : "");
  if (us) $(id).dateTime = $(id).title = iso(us);
}

/** A list of sentences; what stands between backticks in them is something to type. */
function sentences(list, all) {
  if (list.dataset.text === all.join("\n")) return;
  list.dataset.text = all.join("\n");
  list.replaceChildren(
    ...all.map((text) => {
      const item = document.createElement("li");
      item.append(...text.split("`").map((part, index) => (index % 2 ? element("code", part) : part)));
      return item;
    }),
  );
  list.hidden = all.length === 0;
}

function element(name, text) {
  return Object.assign(document.createElement(name), { textContent: text });
}

/** What was known when `facts` was drawn at `drawnUs`; `openedUs` is when this page began to look. */
export function showPicture(facts, drawnUs, openedUs) {
  const { metadata = {} } = facts;
  const now = nowUs();
  time("captured", facts.captured_at_us, now);
  if (facts.captured_at_us == null) row("captured", "not known");
  time("arrived", facts.arrived_at_us, now);
  time("drawn", drawnUs, now);
  const wasWaiting = facts.arrived_at_us < openedUs;
  const end = wasWaiting ? facts.arrived_at_us : drawnUs;
  const undated = facts.captured_at_us == null;
  const ahead = facts.captured_at_us - end;
  const way = wasWaiting ? "from capture to server" : "from capture to screen";
  // A millisecond or two is what two clocks on one table differ by.
  row("delay", undated ? "" : ahead > 5000 ? `unknown: the clocks differ by ${delay(ahead)} or more` : `${delay(-ahead)} ${way}`);
  write($("worth"), timeIsWorth(facts));
  const type = facts.content_type === "image/png" ? "PNG" : "JPEG";
  row("size", `${facts.width} × ${facts.height}, ${bytes(facts.bytes)} ${type}`);
  row("exposure", metadata.ExposureTime ? exposure(metadata.ExposureTime) : "");
  row("gain", metadata.AnalogueGain ? `${number.format(metadata.AnalogueGain * (metadata.DigitalGain ?? 1))} ×` : "");
  row("lens", metadata.LensPosition == null ? "" : `${number.format(metadata.LensPosition)} dioptres`);
  row("lux", metadata.Lux == null ? "" : `${number.format(Math.round(metadata.Lux))} lx`);
  row("frame", facts.id);
  row("lane", facts.lane === "backlog" ? "late: it had been held back" : "");
}

/** How old the picture is that is live, or with `pastUs` of when the one is that is shown. */
function showAge({ picture, verdict }, now, pastUs) {
  const isPast = pastUs !== null;
  const old = picture ? oldWords(picture, now) : "";
  write($("age"), isPast ? second(pastUs, now) : old);
  document.body.dataset.state = isPast ? "past" : verdict.kind;
  document.body.classList.toggle("ahead", !isPast && verdict.aheadUs > 0);
  write($("state"), isPast ? ago(pastUs, now) : verdict.words);
}

/** What the camera says of itself; `pastUs` is the instant that is shown, null for what is live. */
export function showCamera(camera, now, pastUs = null) {
  const { state, verdict } = camera;
  showAge(camera, now, pastUs);
  write($("explained"), pastUs === null ? explained(camera) : "");
  sentences($("problems"), verdict === UNHEARD ? [] : state.problems ?? []); // what is away is said at the top of the page
  row("name", state.title ? state.id : ""); // for addresses and commands, where a title is shown instead
  row("online", status(camera, now));
  row("schedule", state.schedule);
  row("rate", verdict.kind === "live" ? rate(state.frames_per_second) : ""); // else a mean over a hole
  row("source", state.source);
  row("version", state.version);
  // A foreign sender never says what it holds; there is no use in waiting for it.
  const kept = $("kept");
  kept.hidden = state.online == null && !state.held && !state.counters;
  const isWaiting = state.held?.frames > 0;
  const matters = pastUs === null && (isWaiting || Object.values(state.counters?.dropped ?? {}).some(Boolean));
  const place = $(matters ? "facts" : "itself");
  if (kept.nextElementSibling !== place) place.before(kept); // first, where there is something to say
  write($("held"), heldBack(state.held));
  sentences($("account"), account(state.counters));
  write($("reported"), state.reported_at_us ? `By its report of ${second(state.reported_at_us, now)}.` : "");
}

function status({ state, picture, verdict }, now) {
  if (state.online == null) return "";
  const word = state.online ? "online" : "offline";
  const heardUs = Math.max(state.heard_at_us ?? 0, picture?.arrived_at_us ?? 0);
  if (verdict === UNHEARD && heardUs) return `${word} when last heard of, ${second(heardUs, now)}`;
  return state.since_us ? `${word} since ${moment(state.since_us, now)}` : word;
}

function explained(camera) {
  const { verdict } = camera;
  if (verdict.aheadUs) {
    return `Its clock is ${span(verdict.aheadUs)} or more ahead of the server’s: the picture says it was taken after it came. Its age is not known.`;
  }
  if (verdict.kind === "waiting") return "It appears here by itself when its first picture comes.";
  if (verdict.kind === "live" || verdict.kind === "unknown") return "";
  const interval = intervalS(camera);
  return interval ? `A picture was expected ${every(interval)}.` : "";
}
