/** Small line charts. Colours and widths are in style.css. */

const NAMESPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [220, 76];
const [LEFT, RIGHT, TOP, BOTTOM] = [42, 6, 6, 15]; // room for the numbers

/**
 * A chart of a few lines.
 * @param {Object[]} lines each { name, points: [[x, y], ...], dots }; name is a class as well
 * @param {Object} options `low` and `high` of the y axis where they are fixed, `first` and `last` of
 *   the x axis, `unit` (written at its end), `label` (for those who cannot see it)
 */
export function lineChart(lines, { low, high, first, last, unit = "", label = "" }) {
  const points = lines.flatMap((line) => line.points);
  const ends = (values, from, to) => [from ?? Math.min(...values), to ?? Math.max(...values)];
  const [x0, x1] = ends(points.map(([x]) => x), first, last);
  const [y0, y1] = ends(points.map(([, y]) => y), low, high);
  const place = ([x, y]) => [
    LEFT + (x1 > x0 ? (x - x0) / (x1 - x0) : 0.5) * (WIDTH - LEFT - RIGHT),
    HEIGHT - BOTTOM - (y1 > y0 ? (y - y0) / (y1 - y0) : 0.5) * (HEIGHT - TOP - BOTTOM),
  ];
  const svg = element("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  svg.setAttribute("aria-label", label);
  const [left, floor, right] = [LEFT - 4, HEIGHT - BOTTOM + 2, WIDTH - RIGHT];
  svg.append(element("path", { class: "axis", d: `M${left} ${TOP}V${floor}H${right}` }));
  svg.append(text(number(y1), left - 3, TOP + 4, "end"), text(number(y0), left - 3, floor, "end"));
  svg.append(text(number(x0), LEFT, HEIGHT - 2, x1 > x0 ? "start" : "middle"));
  if (x1 > x0) svg.append(text(`${number(x1)} ${unit}`.trim(), right, HEIGHT - 2, "end"));
  for (const line of lines) svg.append(...drawn(line, line.points.map(place)));
  return svg;
}

function drawn({ name, dots = false }, places) {
  if (!places.length) return [];
  const way = places.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
  const path = element("path", { class: `line ${name}`, d: `M${way}` });
  const marked = dots || places.length === 1 ? places : [];
  const circles = marked.map(([x, y]) => element("circle", { class: name, cx: x, cy: y, r: 2.6 }));
  return [path, ...circles];
}

function text(content, x, y, anchor) {
  const made = element("text", { x, y, "text-anchor": anchor });
  made.textContent = content;
  return made;
}

function element(tag, attributes) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function number(value) {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(2)));
}
