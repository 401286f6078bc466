// A picture as the server sends it, and how it gets onto a canvas.

const VERSION = 1;
const utf8 = new TextDecoder();

/** Read a binary message: version (1 byte), header length (2, big-endian), header (JSON), picture. Null if unknown. */
export function readPicture(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 3 || view.getUint8(0) !== VERSION) return null;
  const start = 3 + view.getUint16(1);
  const facts = JSON.parse(utf8.decode(new Uint8Array(buffer, 3, start - 3)));
  const image = new Blob([new Uint8Array(buffer, start)], { type: facts.content_type });
  return { type: "picture", now_us: facts.now_us, facts, image };
}

/**
 * Draws the pictures of one camera: decoded off the main thread, one at a time, newest wins.
 *
 * `done(facts, drawn)` is called once for each picture given to `show`: after it is on screen, or when it was
 * overtaken (`drawn` null) or cannot be decoded (`drawn` false).
 */
export class Painter {
  #next = null;
  #busy = false;
  #turn = 0;

  constructor(canvas, done) {
    this.canvas = canvas;
    this.done = done;
    this.clear();
  }

  async show(picture) {
    if (this.#next) this.done(this.#next.facts, null);
    this.#next = picture;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#next) {
      const taken = this.#next;
      this.#next = null;
      const drawn = await this.#draw(taken.image);
      if (drawn) {
        this.drawn = taken;
        this.canvas.dataset.capturedAtUs = taken.facts.captured_at_us; // for measuring from outside
      }
      this.done(taken.facts, drawn);
    }
    this.#busy = false;
  }

  /** Give the memory of the picture back. */
  clear() {
    this.#turn += 1;
    this.drawn = null; // what is on the canvas, with its image
    this.canvas.width = 0;
    this.canvas.height = 0;
    delete this.canvas.dataset.capturedAtUs;
  }

  async #draw(image) {
    const turn = this.#turn;
    let bitmap;
    try {
      bitmap = await createImageBitmap(image); // turns it upright by its EXIF orientation
    } catch {
      return false;
    }
    if (turn !== this.#turn) return null; // cleared meanwhile
    const { canvas } = this;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    canvas.getContext("2d", { alpha: false }).drawImage(bitmap, 0, 0);
    bitmap.close();
    await new Promise(requestAnimationFrame);
    return true;
  }
}
