// All cameras this page has heard of, and what is newest of each.

import { judge } from "./verdict.js";

const GAPS_KEPT = 3;

/** What people call a camera: its title, else its name. */
export function nameOf({ id, state }) {
  return state.title || id;
}

/** Cameras by id: `{id, state, picture, gapsS, verdict}`; `picture` holds facts, never the image. */
export class Roster {
  constructor() {
    this.cameras = new Map();
    this.lostUs = 0; // since when the server cannot be reached
  }

  /**
   * Take a CameraState in; return its camera.
   *
   * A camera is never taken out: after a restart the server may not know it yet, and then its tile grows old in
   * plain sight instead of vanishing.
   */
  take(state) {
    const camera = this.#known(state.id);
    camera.state = state;
    if (state.picture) this.#newest(camera, state.picture);
    return camera;
  }

  /** Note a picture that came by itself; return its camera. */
  seen(facts) {
    const camera = this.#known(facts.camera);
    this.#newest(camera, facts);
    return camera;
  }

  /** Judge a camera anew; return whether it is of another kind than before. */
  judge(camera, nowUs) {
    const before = camera.verdict;
    camera.verdict = judge(camera, nowUs, this.lostUs);
    return before?.kind !== camera.verdict.kind;
  }

  #known(id) {
    let camera = this.cameras.get(id);
    if (!camera) {
      camera = { id, state: { id, online: null, readings: [], problems: [] }, picture: null, gapsS: [], verdict: null };
      this.cameras.set(id, camera);
    }
    return camera;
  }

  #newest(camera, facts) {
    const last = camera.picture;
    if (last?.id === facts.id || last?.arrived_at_us > facts.arrived_at_us) return; // a state is told a little later
    const gapS = last ? secondsEach(last, facts) : 0;
    if (gapS > 0) camera.gapsS = [...camera.gapsS, gapS].slice(-GAPS_KEPT);
    camera.picture = { ...last, ...facts };
  }
}

/** Seconds from one picture to the next where `later` is some pictures on; 0 if their ids do not tell how many. */
function secondsEach(earlier, later) {
  const [epoch, seq] = earlier.id.split("-");
  const [laterEpoch, laterSeq] = later.id.split("-");
  const pictures = laterEpoch === epoch ? laterSeq - seq : 0;
  const dated = later.captured_at_us != null && earlier.captured_at_us != null;
  return dated && pictures > 0 ? (later.captured_at_us - earlier.captured_at_us) / 1e6 / pictures : 0;
}
