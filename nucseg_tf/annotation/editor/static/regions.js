/** Finished regions of a field: everything in them is corrected, of the rest nothing is known. */

import { $, make, toast } from "./dom.js";

const LEAST = 8; // px of a side; less was a click

export class Regions {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
    this.buttons = [];
    $("regions-clear").onclick = () => this.change([]);
  }

  get boxes() {
    return this.editor.view.regions;
  }

  /** Add the rectangle between two places, cut to the field. */
  add([[ya, xa], [yb, xb]]) {
    const { rows, columns } = this.editor.view.picture;
    const side = (a, b, most) => [Math.max(0, Math.floor(Math.min(a, b))), Math.min(most, Math.ceil(Math.max(a, b)))];
    const [y0, y1] = side(ya, yb, rows);
    const [x0, x1] = side(xa, xb, columns);
    if (y1 - y0 < LEAST || x1 - x0 < LEAST) toast("Drag a rectangle around what is finished");
    else this.change([...this.boxes, [y0, x0, y1, x1]]);
  }

  change(boxes) {
    if (!this.editor.editable()) return;
    this.editor.view.regions = boxes; // shown before the answer
    this.editor.edits.submit("region", { boxes });
    this.show();
  }

  /** Place a button at the corner of each region, and say how many there are. */
  show() {
    const { boxes, editor } = this;
    const { camera } = editor.view;
    if (this.buttons.length !== boxes.length) {
      this.buttons.forEach((button) => button.remove());
      this.buttons = boxes.map((_, i) => this.button(i));
      $("stage").append(...this.buttons);
    }
    const open = editor.field?.status !== "accepted" && editor.field?.status !== "aside";
    boxes.forEach(([y0, , , x1], i) => {
      const [x, y] = camera.toScreen(y0, x1);
      Object.assign(this.buttons[i].style, { left: `${x}px`, top: `${y}px` });
      this.buttons[i].hidden = !open;
    });
    $("regions-bar").hidden = !boxes.length;
    $("regions-clear").hidden = !open;
    const parts = boxes.length === 1 ? "1 finished region" : `${boxes.length} finished regions`;
    $("regions-text").textContent = `${parts}: training takes nothing else of this field`;
  }

  button(i) {
    const title = "Take this region back";
    const button = make("button", { className: "region-remove", title, textContent: "×" });
    button.onclick = () => this.change(this.boxes.filter((_, other) => other !== i));
    return button;
  }
}

/** Darken what is outside of the regions, and draw their edges. */
export function drawRegions(context, { scale }, picture, boxes) {
  if (!boxes.length) return;
  context.save();
  for (const [y0, x0, y1, x1] of boxes) {
    const outside = new Path2D();
    outside.rect(0, 0, picture.columns, picture.rows);
    outside.rect(x0, y0, x1 - x0, y1 - y0);
    context.clip(outside, "evenodd"); // one after the other: outside of all
  }
  context.fillStyle = "rgb(0 0 0 / 55%)";
  context.fillRect(0, 0, picture.columns, picture.rows);
  context.restore();
  context.lineWidth = 1.5 / scale;
  context.strokeStyle = "#3fbf7f";
  for (const [y0, x0, y1, x1] of boxes) context.strokeRect(x0, y0, x1 - x0, y1 - y0);
}
