/** Outlines of nuclei: as pixels on a canvas of the field's size, and as lines between pixels. */

// Bright, told apart from each other and from grey; neighbours in number differ.
export const COLOURS = [
  [255, 80, 80],
  [80, 220, 80],
  [90, 160, 255],
  [255, 220, 50],
  [255, 100, 255],
  [60, 230, 230],
  [255, 150, 40],
  [180, 130, 255],
];

const PACKED = COLOURS.map(([r, g, b]) => (b << 16) | (g << 8) | r);

/** The colour of a label, for styles. */
export function colourOf(label) {
  return `rgb(${COLOURS[(label - 1) % COLOURS.length].join(" ")})`;
}

export class Outlines {
  /**
   * @param {import("./labelmap.js").LabelMap} labels
   * @param {number[]|null} only these nuclei, in white; all in their colours without
   */
  constructor(labels, only = null) {
    this.labels = labels;
    this.shown = only && new Uint8Array(1 + only.reduce((most, label) => Math.max(most, label), 0));
    only?.forEach((label) => (this.shown[label] = 1));
    this.canvas = new OffscreenCanvas(labels.columns, labels.rows);
    this.context = this.canvas.getContext("2d");
    this.width = -1; // of the outlines in px, 0 for none; nothing is drawn yet
    this.fill = 0; // opacity of the inside, 0 to 255
  }

  /** Draw all, if width or fill are others than before. */
  render(width, fill) {
    if (width === this.width && fill === this.fill) return;
    this.width = width;
    this.fill = fill;
    this.update([0, 0, this.labels.rows, this.labels.columns]);
  }

  /** Draw a box anew, with what its change does to the outlines around it. */
  update(box) {
    const { rows, columns } = this.labels;
    const y0 = Math.max(0, box[0] - this.width);
    const x0 = Math.max(0, box[1] - this.width);
    const y1 = Math.min(rows, box[2] + this.width);
    const x1 = Math.min(columns, box[3] + this.width);
    if (y0 >= y1 || x0 >= x1) return;
    const image = this.context.createImageData(x1 - x0, y1 - y0);
    this.paint(new Uint32Array(image.data.buffer), y0, x0, y1, x1);
    this.context.putImageData(image, x0, y0);
  }

  paint(target, y0, x0, y1, x1) {
    const { pixels, rows, columns } = this.labels;
    const { width, fill, shown } = this;
    const inside = fill << 24;
    let place = 0;
    for (let y = y0; y < y1; y += 1) {
      // At the field's edge a nucleus is left open: there the pixel is compared with itself.
      const up = y >= width ? width * columns : 0;
      const down = y < rows - width ? width * columns : 0;
      for (let x = x0; x < x1; x += 1, place += 1) {
        const i = y * columns + x;
        const label = pixels[i];
        if (label === 0 || (shown && !shown[label])) continue;
        const left = x >= width ? width : 0;
        const right = x < columns - width ? width : 0;
        const rim =
          pixels[i - up] !== label ||
          pixels[i + down] !== label ||
          pixels[i - left] !== label ||
          pixels[i + right] !== label;
        if (!rim && !fill) continue;
        const colour = shown ? 0xffffff : PACKED[(label - 1) & 7];
        target[place] = colour | (rim ? 0xff000000 : inside);
      }
    }
  }
}

/**
 * Sides of pixels between a label and other values, drawn a little inside the label.
 * @param {function(number): Path2D|null} pathOf where the lines of a label go
 * @param {number[]} box of the part to look at
 * @param {number} inset in px of the field
 */
export function traceSides(labels, pathOf, box, inset) {
  const [y0, x0, y1, x1] = box;
  for (let y = y0; y < y1; y += 1) {
    for (let x = x0; x < x1; x += 1) {
      const label = labels.pixels[y * labels.columns + x];
      const path = label ? pathOf(label) : null;
      if (path) tracePixel(labels, path, label, y, x, inset);
    }
  }
}

function tracePixel(labels, path, label, y, x, inset) {
  const { pixels, rows, columns } = labels;
  const i = y * columns + x;
  if (y > 0 && pixels[i - columns] !== label) line(path, x, y + inset, x + 1, y + inset);
  if (y < rows - 1 && pixels[i + columns] !== label) line(path, x, y + 1 - inset, x + 1, y + 1 - inset);
  if (x > 0 && pixels[i - 1] !== label) line(path, x + inset, y, x + inset, y + 1);
  if (x < columns - 1 && pixels[i + 1] !== label) line(path, x + 1 - inset, y, x + 1 - inset, y + 1);
}

function line(path, x0, y0, x1, y1) {
  path.moveTo(x0, y0);
  path.lineTo(x1, y1);
}
