/** Where the field lies on the screen: screen = field * scale + shift, in CSS px. */

const MIN_SCALE = 0.02;
const MAX_SCALE = 64;

export class Camera {
  constructor() {
    this.scale = 1;
    this.x = 0;
    this.y = 0;
  }

  /** Screen (x, y) -> field (y, x). */
  toField(x, y) {
    return [(y - this.y) / this.scale, (x - this.x) / this.scale];
  }

  /** Field (y, x) -> screen (x, y). */
  toScreen(y, x) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
  }

  /** Zoom by a factor; the place under the screen point (x, y) stays there. */
  zoom(factor, x, y) {
    const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, this.scale * factor));
    const change = scale / this.scale;
    this.x = x - (x - this.x) * change;
    this.y = y - (y - this.y) * change;
    this.scale = scale;
  }

  /** Show a box (y0, x0, y1, x1) in the middle of a screen, with a margin of its share. */
  show(box, width, height, margin = 0.03) {
    const [y0, x0, y1, x1] = box;
    const room = 1 - 2 * margin;
    const fit = Math.min((room * width) / (x1 - x0), (room * height) / (y1 - y0));
    this.scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, fit));
    this.centre((y0 + y1) / 2, (x0 + x1) / 2, width, height);
  }

  /** Move a place of the field to the middle of a screen. */
  centre(y, x, width, height) {
    this.x = width / 2 - x * this.scale;
    this.y = height / 2 - y * this.scale;
  }

  /** The box of whole pixels that a screen shows, cut to the field. */
  visible(width, height, rows, columns) {
    const [y0, x0] = this.toField(0, 0);
    const [y1, x1] = this.toField(width, height);
    return [
      Math.max(0, Math.floor(y0)),
      Math.max(0, Math.floor(x0)),
      Math.min(rows, Math.ceil(y1)),
      Math.min(columns, Math.ceil(x1)),
    ];
  }
}
