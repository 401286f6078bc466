// The facts of the picture on the screen and of its camera, beside it.

import { nowUs } from "./clock.js";
import { age, delay, exact, iso, moment, span } from "./times.js";
import { intervalS } from "./verdict.js";
import { account, bytes, exposure, heldBack, rate, timeIsWorth } from "./words.js";

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
  if (us) $(id).dateTime = iso(us);
}

function sentences(list, all) {
  if (list.textContent === all.join("")) return;
  list.replaceChildren(...all.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  list.hidden = all.length === 0;
}

/** What was known when `facts` was drawn at `drawnUs`; `openedUs` is when this page began to look. */
export function showPicture(facts, drawnUs, openedUs) {
  const { metadata = {} } = facts;
  const now = nowUs();
  time("captured", facts.captured_at_us, now);
  time("arrived", facts.arrived_at_us, now);
  time("drawn", drawnUs, now);
  const wasWaiting = facts.arrived_at_us < openedUs;
  const end = wasWaiting ? facts.arrived_at_us : drawnUs;
  const ahead = facts.captured_at_us > end;
  const way = wasWaiting ? "from capture to server" : "from capture to screen";
  row("delay", ahead ? `unknown: the clocks differ by ${span(facts.captured_at_us - end)} or more` : `${delay(end - facts.captured_at_us)} ${way}`);
  write($("worth"), timeIsWorth(facts));
  const type = facts.content_type === "image/png" ? "PNG" : "JPEG";
  row("size", `${facts.width} × ${facts.height}, ${bytes(facts.bytes)} ${type}`);
  row("exposure", metadata.ExposureTime ? exposure(metadata.ExposureTime) : "");
  row("gain", metadata.AnalogueGain ? `${number.format(metadata.AnalogueGain * (metadata.DigitalGain ?? 1))} ×` : "");
  row("lens", metadata.LensPosition == null ? "" : `${number.format(metadata.LensPosition)} dioptres`);
  row("lux", metadata.Lux == null ? "" : `${number.format(Math.round(metadata.Lux))} lx`);
  row("frame", facts.id);
  row("lane", facts.lane === "backlog" ? "late, from what was held back" : "");
}

/** What the camera says of itself. */
export function showCamera(camera, now) {
  const { state, picture, verdict } = camera;
  const old = picture ? age(picture.captured_at_us, now) : "–";
  write($("age"), old);
  document.body.dataset.state = verdict.kind;
  write($("state"), verdict.words);
  write($("explained"), explained(camera, now));
  sentences($("problems"), state.problems ?? []);
  row("online", state.online == null ? "" : `${state.online ? "online" : "offline"}${state.since_us ? ` since ${moment(state.since_us, now)}` : ""}`);
  row("schedule", state.schedule);
  row("rate", rate(state.frames_per_second));
  row("source", state.source);
  row("version", state.version);
  write($("held"), heldBack(state.held));
  sentences($("account"), account(state.counters));
}

function explained(camera, now) {
  const { verdict, picture } = camera;
  if (verdict.ahead) return `Its clock is ${span(picture.captured_at_us - now)} ahead of the server's, so its age is not known.`;
  if (verdict.kind === "waiting") return "It appears here by itself when its first picture comes.";
  if (verdict.kind === "live") return "";
  const interval = intervalS(camera);
  return interval ? `A picture was expected every ${delay(interval * 1e6)}.` : "";
}
