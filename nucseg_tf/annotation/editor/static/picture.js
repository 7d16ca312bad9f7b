/** The image of a field: grey values of 8 or 16 bits, shown through a table of greys. */

export const DEFAULTS = { low: 0.5, high: 99.8, gamma: 1, invert: false };

export class Picture {
  /**
   * @param {ArrayBuffer} buffer its pixels
   * @param {Object} header shape, bits, offset, step, pixel_size
   */
  constructor(buffer, header) {
    [this.rows, this.columns] = header.shape;
    this.header = header;
    this.pixels = header.bits === 8 ? new Uint8Array(buffer) : new Uint16Array(buffer);
    this.counts = new Uint32Array(2 ** header.bits);
    for (let i = 0; i < this.pixels.length; i += 1) this.counts[this.pixels[i]] += 1;
    this.canvas = new OffscreenCanvas(this.columns, this.rows);
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.image = this.context.createImageData(this.columns, this.rows);
  }

  /** The pixel value below which so many percent lie. */
  percentile(percent) {
    const wanted = (percent / 100) * this.pixels.length;
    let sum = 0;
    for (let value = 0; value < this.counts.length; value += 1) {
      sum += this.counts[value];
      if (sum >= wanted && sum > 0) return value;
    }
    return this.counts.length - 1;
  }

  /** The grey value of the file at a place, or null outside. */
  at(y, x) {
    const row = Math.floor(y);
    const column = Math.floor(x);
    if (row < 0 || column < 0 || row >= this.rows || column >= this.columns) return null;
    const { offset, step } = this.header;
    return offset + step * this.pixels[row * this.columns + column];
  }

  /** The percent at which `percentile` gives a value back, or the next one that pixels have. */
  share(value) {
    let sum = 0;
    for (let i = 0; i < value; i += 1) sum += this.counts[i];
    return (100 * (sum + 0.5)) / this.pixels.length;
  }

  /** The values at the ends of the histogram. */
  range() {
    const first = this.percentile(0);
    return [first, Math.max(this.percentile(99.99), this.white, first + 1)];
  }

  /** Draw the image anew: low and high are percentiles, gamma above 1 brightens. */
  render({ low, high, gamma, invert }) {
    const black = this.percentile(low);
    const white = Math.max(this.percentile(high), black + 1);
    const table = new Uint32Array(this.counts.length);
    for (let value = 0; value < table.length; value += 1) {
      const part = Math.min(1, Math.max(0, (value - black) / (white - black)));
      const grey = Math.round(255 * part ** (1 / gamma));
      const shown = invert ? 255 - grey : grey;
      table[value] = 0xff000000 | (shown << 16) | (shown << 8) | shown;
    }
    const target = new Uint32Array(this.image.data.buffer);
    const { pixels } = this;
    for (let i = 0; i < pixels.length; i += 1) target[i] = table[pixels[i]];
    this.context.putImageData(this.image, 0, 0);
    this.black = black;
    this.white = white;
  }

  /** Draw the histogram, with what is black and white marked, into a canvas. */
  drawHistogram(canvas) {
    const context = canvas.getContext("2d");
    const { width, height } = canvas;
    const [first, last] = this.range();
    const bins = new Float64Array(width / 2);
    const place = (value) => ((value - first) / (last - first)) * (bins.length - 1);
    for (let value = first; value <= last; value += 1) {
      bins[Math.round(place(value))] += this.counts[value];
    }
    const top = Math.log1p(Math.max(...bins));
    context.clearRect(0, 0, width, height);
    context.fillStyle = "#5b6675";
    bins.forEach((count, i) => {
      const tall = (Math.log1p(count) / top) * (height - 4);
      context.fillRect(i * 2, height - tall, 2, tall);
    });
    context.fillStyle = "#5aa5ff";
    for (const value of [this.black, this.white]) {
      context.fillRect(Math.min(width - 2, Math.max(0, place(value) * 2)), 0, 2, height);
    }
  }
}
