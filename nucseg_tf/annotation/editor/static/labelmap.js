/** The labels of a field, as the server has them. */

/** Values and lengths of runs -> pixels, from `start` on in rows of `width`. */
function expand(runs, target) {
  let place = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const end = place + runs[i + 1];
    if (runs[i]) target.fill(runs[i], place, end);
    place = end;
  }
  return target;
}

export class LabelMap {
  /**
   * @param {ArrayBuffer} buffer runs of the whole field, uint32
   * @param {number} rows
   * @param {number} columns
   */
  constructor(buffer, rows, columns) {
    this.rows = rows;
    this.columns = columns;
    const runs = new Uint32Array(buffer);
    this.pixels = expand(runs, new Int32Array(rows * columns));
    this.nuclei = findNuclei(runs, columns);
  }

  /** The label at a place, 0 outside. */
  at(y, x) {
    const row = Math.floor(y);
    const column = Math.floor(x);
    const inside = row >= 0 && column >= 0 && row < this.rows && column < this.columns;
    return inside ? this.pixels[row * this.columns + column] : 0;
  }

  /** Take over an answer of the server: `patch` and `nuclei`. */
  apply({ patch, nuclei }) {
    const [y0, x0, y1, x1] = patch.box;
    const width = x1 - x0;
    const inner = expand(patch.runs, new Int32Array((y1 - y0) * width));
    for (let y = y0; y < y1; y += 1) {
      const row = inner.subarray((y - y0) * width, (y - y0 + 1) * width);
      this.pixels.set(row, y * this.columns + x0);
    }
    for (const [label, found] of Object.entries(nuclei)) {
      if (found) {
        const [area, ...box] = found;
        this.nuclei.set(Number(label), { area, box });
      } else {
        this.nuclei.delete(Number(label));
      }
    }
  }

  /** Labels along a way of (y, x) points. */
  along(points) {
    const found = new Set();
    for (let i = 0; i < points.length; i += 1) {
      const [y0, x0] = points[Math.max(0, i - 1)];
      const [y1, x1] = points[i];
      const steps = Math.ceil(Math.hypot(y1 - y0, x1 - x0)) + 1;
      for (let step = 0; step <= steps; step += 1) {
        const part = step / steps;
        const label = this.at(y0 + part * (y1 - y0), x0 + part * (x1 - x0));
        if (label) found.add(label);
      }
    }
    return [...found];
  }
}

/** Area and box (y0, x0, y1, x1) of each label, from runs that may go on over the ends of rows. */
function findNuclei(runs, columns) {
  const nuclei = new Map();
  let place = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const length = runs[i + 1];
    if (runs[i]) addRun(nuclei, runs[i], place, length, columns);
    place += length;
  }
  return nuclei;
}

function addRun(nuclei, label, place, length, columns) {
  const y0 = Math.floor(place / columns);
  const y1 = Math.floor((place + length - 1) / columns);
  const x0 = y0 === y1 ? place % columns : 0;
  const x1 = y0 === y1 ? x0 + length : columns;
  const known = nuclei.get(label);
  if (!known) {
    nuclei.set(label, { area: length, box: [y0, x0, y1 + 1, x1] });
    return;
  }
  known.area += length;
  const { box } = known;
  box[0] = Math.min(box[0], y0);
  box[1] = Math.min(box[1], x0);
  box[2] = Math.max(box[2], y1 + 1);
  box[3] = Math.max(box[3], x1);
}
