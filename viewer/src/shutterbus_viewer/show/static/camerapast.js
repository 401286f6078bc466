// The past of one camera on its page: all parts of it put together.

import { Address } from "./address.js";
import { Calendar } from "./calendar.js";
import { nowUs } from "./clock.js";
import { Comparison } from "./compare.js";
import { showPicture } from "./facts.js";
import { wireGoTo } from "./goto.js";
import { Graphs } from "./graphs.js";
import { History } from "./history.js";
import { Past } from "./past.js";
import { noTime, notThen, onlyLive } from "./pastwords.js";
import { SameMinute } from "./sameminute.js";
import { Since } from "./since.js";
import { Timeline } from "./timeline.js";
import { wireTransport } from "./transport.js";
import { intervalS } from "./verdict.js";
import { wireZip } from "./zip.js";

const $ = (selector) => document.querySelector(selector);

/**
 * Put it together for the camera `id`. `camera()` is what is known of it, or undefined; `changed()` is called when
 * another instant is shown.
 *
 * Return `history`, its `keys`, and what to tell it: `extent` (see Past.extent), each live `picture`'s facts, that its
 * frame is `drawn`, and `refresh()` as time passes.
 */
export function wirePast({ id, painter, stage, camera, changed }) {
  const address = new Address();
  const past = new Past(id);
  const history = new History(past, address, () => (camera() ? (intervalS(camera()) ?? 0) * 1e6 : 0));
  const timeline = new Timeline(history);
  const { scrubber } = timeline;
  const hover = (detail) => scrubber.dispatchEvent(new CustomEvent("hover", { detail }));
  const graphs = new Graphs($("#graphs"), history, scrubber, hover);
  const comparison = new Comparison(history, stage, from);
  const since = new Since();
  const transport = wireTransport({
    history,
    timeline,
    comparison,
    since,
    from,
    calendar: new Calendar(history),
    goTo: wireGoTo(history),
    zip: wireZip(past, scrubber),
    busy: () => stage.zoomed && document.activeElement === stage.element,
  });
  new SameMinute(history, $("#same-minute"));
  let wasPast = history.isPast;
  let known = false;

  /** The frame that is shown, also of what is live. */
  function from() {
    const facts = painter.drawn?.facts ?? camera()?.picture;
    return history.frame ?? (facts && { us: facts.captured_at_us ?? facts.arrived_at_us, id: facts.id });
  }

  history.addEventListener("frame", ({ detail: { frame, image } }) => {
    painter.show({ facts: { id: frame.id, camera: id, captured_at_us: frame.us, bytes: frame.bytes }, image });
  });
  history.addEventListener("facts", ({ detail }) => {
    stage.shape(detail);
    showPicture(detail, null, Infinity);
  });
  history.addEventListener("refused", ({ detail: status }) => {
    if (status !== 404 && status !== 410) return;
    painter.clear(); // another picture in its place would be taken for it
    delete painter.canvas.dataset.frame;
    $("#facts").hidden = true;
  });
  history.addEventListener("said", ({ detail }) => say(detail));
  history.addEventListener("place", () => {
    if (wasPast !== history.isPast) {
      wasPast = history.isPast;
      if (wasPast) since.begin(camera()?.picture ?? null);
      else delete painter.canvas.dataset.frame; // the facts of what is live are others, though the picture may be the same
      stage.fit();
    }
    changed();
  });

  function say(sentence) {
    let said = sentence;
    if (address.wrong !== null) said = noTime(address.wrong);
    else if (history.problem && address.at !== null) said = notThen(address.at, history.problem, nowUs());
    if ($("#at").textContent !== said) $("#at").textContent = said;
    $("#at").hidden = !said;
  }

  function extent({ problem, kept }) {
    const first = !known;
    known ||= kept !== null;
    if (!known) history.problem = problem;
    else history.problem = ""; // what cannot be read just now is said when it is asked for
    $("#only-live").hidden = !history.problem;
    $("#only-live").textContent = history.problem && onlyLive(history.problem);
    for (const part of ["#past", "[data-past=zip]"]) $(part).hidden = !known;
    if (first && kept) scrubber.begin(nowUs() - kept.oldest_us);
    if (kept) $("#scrubber").setAttribute("aria-valuemin", Math.floor(kept.oldest_us / 1e6));
    stage.fit();
    if (first) history.restore();
    refresh();
  }

  function refresh() {
    if (!known) return;
    const newest = camera()?.picture;
    if (newest && history.isPast) since.seen(newest);
    timeline.refresh();
    graphs.refresh();
    transport.refresh();
  }

  function picture(facts) {
    if (facts.captured_at_us != null) timeline.density.seen(facts.captured_at_us);
  }

  say("");
  return { history, past, comparison, keys: transport.keys, drawn: () => timeline.settle(), extent, picture, refresh };
}
