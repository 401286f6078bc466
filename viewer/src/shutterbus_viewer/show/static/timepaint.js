// What is drawn on a stretch of time, whichever it is.

/** Marks of the axis, their labels below `floor`. */
export function paintMarks(context, track, all, floor, height, colours) {
  context.font = `12px ${getComputedStyle(track.element).fontFamily}`;
  context.textBaseline = "middle";
  context.textAlign = "center";
  for (const { us, label, strong } of all) {
    const x = Math.round(track.x(us)) + 0.5;
    context.fillStyle = colours.line;
    context.fillRect(x - 0.5, strong ? 0 : floor - 5, 1, strong ? floor + 4 : 9);
    const half = context.measureText(label).width / 2;
    context.fillStyle = strong ? colours.text : colours.quiet;
    if (x - half > 2 && x + half < track.width - 2) context.fillText(label, x, (floor + height) / 2 + 2);
  }
}

/** The line at an instant; its edge keeps it apart from what it stands on. */
export function needle(context, x, floor, colour, edge) {
  const line = new Path2D(`M${x - 6} 0h12l-5 8V${floor}h-2V8z`);
  context.lineWidth = 2;
  context.strokeStyle = edge;
  context.stroke(line);
  context.fillStyle = colour;
  context.fill(line);
}
