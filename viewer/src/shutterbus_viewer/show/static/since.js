// How many pictures a camera took since one left what is live.

export class Since {
  #first = null;
  many = 0;

  /** Begin to count after that picture; with null after the next that is heard of. */
  begin(picture) {
    this.#first = picture;
    this.many = 0;
  }

  /** Note the newest picture: not each is told of, but its number says how many there were. */
  seen(picture) {
    if (!this.#first) {
      this.#first = picture;
      return;
    }
    const [epoch, seq] = this.#first.id.split("-");
    const [newEpoch, newSeq] = picture.id.split("-");
    if (newEpoch === epoch) this.many = Math.max(this.many, newSeq - seq);
    else this.begin(picture); // the camera began anew
  }
}
