// How pictures of different shapes share a wall. An aspect is width by height; sizes are CSS pixels, of the picture alone,
// and `caption` is what stands under each.

const GROWN = 1.8; // how much higher than asked a row may be, so that its tiles fill the width
const SHRUNK = 0.75; // how much lower, where it would be still higher without the next tile
const UNIT = 64; // browsers count in such parts of a pixel; a row must not be one too wide

/** Rows that fill the width, of as many tiles as can be `height` high; all of a row are of one height, and the last as the one before. */
export function rows(aspects, { width, height, gap }) {
  const heightOf = (row) => (width - gap * (row.length - 1)) / row.reduce((sum, aspect) => sum + aspect, 0);
  const sizes = [];
  let high = 0;
  let row = [];
  const close = (most) => {
    high = Math.min(heightOf(row), most);
    sizes.push(...level(row, high));
    row = [];
  };
  for (const aspect of aspects) {
    const longer = [...row, aspect];
    if (row.length && heightOf(longer) < height) {
      const takesOneMore = heightOf(row) > GROWN * height && heightOf(longer) >= SHRUNK * height;
      if (takesOneMore) row = longer;
      close(GROWN * height);
      if (!takesOneMore) row = [aspect];
    } else {
      row = longer;
    }
  }
  if (row.length) close(high || GROWN * height);
  return sizes;
}

/** The height at which all of them, of one height, just fit into the box without scrolling. */
export function fit(aspects, box) {
  let high = 0;
  for (let step = Math.max(0, box.height - box.caption); step > 1 / UNIT; step /= 2) {
    if (fits(aspects, box, high + step)) high += step;
  }
  return high;
}

/** Sizes of one height. */
export function level(aspects, high) {
  return aspects.map((aspect) => size(aspect, high));
}

/** In how many pages `aspects` are cut, in order and about equally, so that all of a page fit and are `least` high. */
export function pages(aspects, box, least) {
  let count = 0;
  for (let begin = 0; begin < aspects.length; count += 1) {
    let end = begin + 1;
    while (end < aspects.length && fits(aspects.slice(begin, end + 1), box, least)) end += 1;
    begin = end;
  }
  return count;
}

function fits(aspects, { width, height, gap, caption }, high) {
  let lines = 1;
  let right = -gap;
  for (const aspect of aspects) {
    if (aspect * high > width) return false;
    right += gap + aspect * high;
    if (right <= width) continue;
    lines += 1;
    right = aspect * high;
  }
  return lines * (high + caption + gap) - gap <= height;
}

function size(aspect, height) {
  return { width: Math.floor(aspect * height * UNIT) / UNIT, height: Math.floor(height * UNIT) / UNIT };
}
