/** Black and white by what is in view, by the histogram, or by dragging with Alt. */

import { $ } from "./dom.js";

const SAMPLE = 500_000; // pixels that are looked at
const SPEED = 2; // widths of the histogram per width of the screen, dragging with Alt

export class Contrast {
  /**
   * @param {import("./view.js").View} view
   * @param {import("./panel.js").Display} display
   */
  constructor(view, display) {
    Object.assign(this, { view, display });
    this.next = null; // levels to be shown at the next frame
    const histogram = $("histogram");
    histogram.addEventListener("pointerdown", (event) => this.grab(event));
    $("auto-contrast").onclick = () => this.auto();
    const { canvas } = view;
    canvas.addEventListener("pointerdown", (event) => this.window(event), { capture: true });
  }

  /** Stretch what is in view. */
  auto() {
    const { picture, camera, size } = this.view;
    if (!picture) return;
    const [y0, x0, y1, x1] = camera.visible(...size, picture.rows, picture.columns);
    if (y0 >= y1 || x0 >= x1) return;
    const step = Math.max(1, Math.floor(Math.sqrt(((y1 - y0) * (x1 - x0)) / SAMPLE)));
    const values = [];
    for (let y = y0; y < y1; y += step) {
      for (let x = x0; x < x1; x += step) values.push(picture.pixels[y * picture.columns + x]);
    }
    const sorted = Uint16Array.from(values).sort();
    const at = (percent) => sorted[Math.round((percent / 100) * (sorted.length - 1))];
    this.set(at(0.5), at(99.8));
  }

  /** Show these pixel values as black and white. */
  set(black, white) {
    const { picture } = this.view;
    const most = picture.percentile(100);
    const low = Math.round(Math.min(Math.max(0, black), most - 1));
    const high = Math.round(Math.min(Math.max(low + 1, white), most));
    const drawn = this.next;
    this.next = { low: picture.share(low), high: picture.share(high) };
    if (drawn) return;
    requestAnimationFrame(() => {
      this.display.set(this.next);
      this.next = null;
    });
  }

  /** Drag the nearer of the two lines of the histogram. */
  grab(event) {
    const { picture } = this.view;
    if (!picture) return;
    const canvas = event.currentTarget;
    const box = canvas.getBoundingClientRect();
    const [first, last] = picture.range();
    const value = ({ clientX }) => first + ((clientX - box.left) / box.width) * (last - first);
    let { black, white } = picture;
    const isBlack = Math.abs(value(event) - black) <= Math.abs(value(event) - white);
    this.drag(event, canvas, (moved) => {
      if (isBlack) black = Math.min(value(moved), white - 1);
      else white = Math.max(value(moved), black + 1);
      this.set(black, white);
    });
  }

  /** With Alt: to the right brightens less, downwards darkens. */
  window(event) {
    const { picture, size } = this.view;
    if (!event.altKey || event.button !== 0 || !picture) return;
    event.stopImmediatePropagation();
    const [first, last] = picture.range();
    const { black, white } = picture;
    const { clientX, clientY } = event;
    this.drag(event, event.currentTarget, (moved) => {
      const wider = (SPEED * (moved.clientX - clientX) * (white - black)) / size[0];
      const darker = ((moved.clientY - clientY) * (last - first)) / (SPEED * size[1]);
      this.set(black + darker, Math.max(black + 1, white + wider) + darker);
    });
  }

  drag(event, canvas, go) {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    const moved = (next) => {
      next.stopImmediatePropagation();
      go(next);
    };
    const names = ["pointerup", "pointercancel"];
    const end = (last) => {
      last.stopImmediatePropagation();
      canvas.removeEventListener("pointermove", moved, { capture: true });
      names.forEach((name) => canvas.removeEventListener(name, end, { capture: true }));
    };
    canvas.addEventListener("pointermove", moved, { capture: true });
    names.forEach((name) => canvas.addEventListener(name, end, { capture: true }));
  }
}
