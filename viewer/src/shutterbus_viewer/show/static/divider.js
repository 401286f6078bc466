// Where one of two pictures that lie on each other is cut off.

const THUMB_REM = 2.75; // as in the stylesheet: its middle stays within the stage

/**
 * The clip path that leaves of `canvas` what is left of the divider, or right of it. The divider stands in the window of
 * the `stage`, however near the pictures are and whichever part of them is seen.
 */
export function cut(canvas, stage, keepsLeft) {
  const divider = document.querySelector("#divider");
  const thumb = divider.clientWidth ? parseFloat(getComputedStyle(document.documentElement).fontSize) * THUMB_REM : 0;
  const window = stage.getBoundingClientRect();
  const picture = canvas.getBoundingClientRect();
  const x = window.left + thumb / 2 + (divider.value / 100) * (window.width - thumb);
  return keepsLeft ? `inset(0 ${picture.right - x}px 0 0)` : `inset(0 0 0 ${x - picture.left}px)`;
}
