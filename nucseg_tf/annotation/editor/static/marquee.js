/**
 * Selecting in a box: all nuclei whose middle lies in it.
 *
 * A box is drawn by dragging with Shift or Ctrl, which adds to the selection, by a long press of a
 * finger or a stylus and dragging, or always while `always` is set.
 */

const LONG = 450; // ms of a long press
const STILL = 8; // px on the screen that a finger trembles

export class Marquee {
  /**
   * @param {import("./view.js").View} view
   * @param {function(number[])} select called with labels
   */
  constructor(view, select) {
    this.view = view;
    this.select = select;
    this.always = false;
    this.adds = false;
    this.drawing = false;
    this.timer = 0;
  }

  /** A pointer goes down with the select tool. */
  press(place, event) {
    Object.assign(this, { from: place, to: place, down: event, moved: false });
    this.adds = event.shiftKey || event.ctrlKey || event.metaKey;
    this.drawing = this.adds || this.always;
    if (!this.drawing && event.pointerType !== "mouse") {
      this.timer = setTimeout(() => this.begin(), LONG);
    }
  }

  /** The finger stayed where it is. */
  begin() {
    this.drawing = this.adds = true;
    navigator.vibrate?.(15);
    this.show();
  }

  go(place, event) {
    const far = Math.hypot(event.clientX - this.down.clientX, event.clientY - this.down.clientY) > STILL;
    if (far) clearTimeout(this.timer);
    if (!this.drawing) return;
    this.moved ||= far;
    this.to = place;
    this.show();
  }

  /** The pointer goes up; false where no box was drawn, so that it was a click. */
  end() {
    const drawn = this.drawing && this.moved;
    this.cancel();
    if (!drawn) return false;
    const found = inBox(this.view.labels, this.box);
    const before = this.adds ? this.view.selected : [];
    this.select([...new Set([...before, ...found])]);
    return true;
  }

  /** Forget the box; false where there was none. */
  cancel() {
    const { drawing } = this;
    clearTimeout(this.timer);
    this.drawing = false;
    this.show();
    return drawing;
  }

  get box() {
    const [[y0, x0], [y1, x1]] = [this.from, this.to];
    return [Math.min(y0, y1), Math.min(x0, x1), Math.max(y0, y1), Math.max(x0, x1)];
  }

  show() {
    const { view } = this;
    view.ways = view.ways.filter((way) => way.kind !== "box");
    if (this.drawing) {
      const [y0, x0, y1, x1] = this.box;
      const points = [[y0, x0], [y0, x1], [y1, x1], [y1, x0]];
      view.ways.push({ kind: "box", points, closed: true });
    }
    view.refresh();
  }
}

/** Labels of the nuclei whose middle lies in a box. */
function inBox(labels, [top, left, bottom, right]) {
  const found = [];
  for (const [label, { box }] of labels?.nuclei ?? []) {
    const [y, x] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
    if (y >= top && y < bottom && x >= left && x < right) found.push(label);
  }
  return found;
}

/** Labels of the nuclei whose middle is on the screen. */
export function inView({ labels, camera, size }) {
  return inBox(labels, camera.visible(...size, labels.rows, labels.columns));
}
