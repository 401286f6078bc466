// Pictures of the past as files in memory: what was fetched is kept a while, and what is not wanted any more is not
// waited for.

const KEPT = 32;

export class Images {
  #files = new Map(); // by id and width: {id, file (a promise), control, here}

  constructor(past) {
    this.past = past;
  }

  /** The picture of a frame, for a place that is `width` pixels wide; 0: as it is stored. */
  get(id, width) {
    const address = this.past.address(id, width);
    let entry = this.#files.get(address);
    if (!entry) {
      const control = new AbortController();
      entry = { id, control, here: false, file: this.past.image(id, width, control.signal) };
      entry.file.then(
        () => (entry.here = true),
        () => this.#files.get(address) === entry && this.#files.delete(address),
      );
    }
    this.#files.delete(address);
    this.#files.set(address, entry); // the newest last
    return entry.file;
  }

  /** Stop fetching all but these frames. */
  keep(ids) {
    for (const [address, entry] of this.#files) {
      const stop = !entry.here && !ids.has(entry.id);
      if (stop) entry.control.abort();
      if (stop || (entry.here && this.#files.size > KEPT)) this.#files.delete(address);
    }
  }
}
