/** The tools: what a hand draws becomes a message to the server. */

import { Marquee } from "./marquee.js";

export const BRUSHES = Array.from({ length: 31 }, (_, i) => (i < 16 ? 2 * i + 1 : 31 + 4 * (i - 15)));

export const HINTS = {
  select: "Click a nucleus, Shift adds; drag to move the field, with Shift to select in a box",
  draw: "Start in a nucleus, or beside the selected one, to extend it; elsewhere for a new one",
  erase: "Start in a nucleus to erase only that one",
  polygon: "Click corners and press Enter, or drag an outline",
  magic: "Click a nucleus to outline it, or one that is outlined to do it anew",
  split: "Draw a line across a nucleus",
  merge: "Drag from nucleus to nucleus",
};

const NEAR = 10; // px on the screen that close a polygon at its first corner

export class Tools {
  /**
   * @param {import("./view.js").View} view
   * @param {Object} handler select(labels), submit(tool, extra, way), editable(), changed()
   */
  constructor(view, handler) {
    this.view = view;
    this.handler = handler;
    this.name = "select";
    this.brush = 4; // index into BRUSHES
    this.over = false;
    this.points = [];
    this.active = ""; // the tool of the stroke, "erase" with the other end of a stylus
    this.corners = false; // a polygon is under way, corner by corner
    this.marquee = new Marquee(view, (labels) => handler.select(labels));
  }

  get size() {
    return BRUSHES[this.brush];
  }

  choose(name) {
    this.cancel();
    this.name = name;
    this.hover(null);
    this.handler.changed();
  }

  resize(step) {
    this.brush = Math.min(BRUSHES.length - 1, Math.max(0, this.brush + step));
    if (this.view.cursor) this.view.cursor.size = this.size;
    this.view.refresh();
    this.handler.changed();
  }

  toggleOver() {
    this.over = !this.over;
    this.handler.changed();
  }

  /** Whether dragging moves the field. */
  moves() {
    return this.active === "select" && !this.marquee.drawing;
  }

  /** Whether dragging with the select tool draws a box. */
  toggleBox() {
    this.marquee.always = !this.marquee.always;
    if (this.name !== "select") this.choose("select");
    this.handler.changed();
  }

  begin(place, event) {
    this.active = event.buttons & 32 ? "erase" : this.name;
    if (this.active !== "select" && !this.handler.editable()) {
      this.active = "";
      return;
    }
    if (this.active === "select") {
      this.marquee.press(place, event);
    } else if (this.active === "polygon" && this.corners) {
      this.addCorner(place);
    } else {
      this.points = [place];
    }
    this.preview();
  }

  go(places, event) {
    if (this.active === "select") this.marquee.go(places.at(-1), event);
    if (!this.active || this.active === "select") return;
    if (this.corners) return;
    for (const place of places) {
      const last = this.points.at(-1);
      const step = Math.max(this.active === "split" ? 0.5 : 0.7, 1 / this.view.camera.scale);
      if (Math.hypot(place[0] - last[0], place[1] - last[1]) >= step) this.points.push(place);
    }
    this.preview();
  }

  end(place, event, travelled) {
    const tool = this.active;
    this.active = "";
    if (tool === "select" && this.marquee.end()) return;
    if (tool === "select" || (tool === "merge" && travelled < 5)) {
      if (travelled < 5) this.pick(place, event.shiftKey || event.ctrlKey || tool === "merge" || this.marquee.adds);
      this.clear();
    } else if (tool === "polygon" && !this.corners && travelled < 8) {
      this.corners = true;
      this.points = [place];
      this.preview();
    } else if (tool && !this.corners) {
      this.finish(tool);
    }
  }

  addCorner(place) {
    const first = this.view.camera.toScreen(...this.points[0]);
    const here = this.view.camera.toScreen(...place);
    const near = Math.hypot(first[0] - here[0], first[1] - here[1]) < NEAR;
    if (near && this.points.length > 2) this.close();
    else this.points.push(place);
  }

  /** Close a polygon that is drawn corner by corner. */
  close() {
    if (!this.corners) return false;
    if (this.points.length > 2) this.finish("polygon");
    else this.clear();
    return true;
  }

  pick(place, add) {
    const label = this.view.labels?.at(...place) ?? 0;
    const { selected } = this.view;
    if (!add) this.handler.select(label ? [label] : []);
    else if (selected.includes(label)) this.handler.select(selected.filter((l) => l !== label));
    else if (label) this.handler.select([...selected, label]);
  }

  finish(tool) {
    const points = this.points;
    this.clear();
    if (tool === "polygon" && points.length < 3) return;
    if (tool === "merge") {
      const labels = this.view.labels.along(points);
      this.handler.submit("merge", { labels });
      return;
    }
    if (tool === "magic") points.splice(1);
    const extra = { points: points.map(([y, x]) => [round(y), round(x)]) };
    if (tool === "draw" || tool === "erase") extra.size = this.size;
    if (tool === "draw" || tool === "polygon") extra.over = this.over;
    if (tool !== "polygon" && tool !== "magic") extra.labels = this.view.selected;
    const way = { kind: tool, points, size: this.size, closed: tool === "polygon" };
    this.handler.submit(tool, extra, way);
  }

  /** Stop what is being drawn; false where there was nothing. */
  cancel() {
    const drawing = this.marquee.cancel() || this.points.length > 0;
    this.active = "";
    this.clear();
    return drawing;
  }

  clear() {
    this.points = [];
    this.corners = false;
    this.preview();
  }

  hover(place) {
    const brush = this.name === "draw" || this.name === "erase";
    this.view.cursor = place && brush ? { y: place[0], x: place[1], size: this.size } : null;
    this.tip = this.corners ? place : null;
    this.preview();
  }

  /** Show what is being drawn. */
  preview() {
    const kind = this.corners ? "polygon" : this.active;
    const { view } = this;
    view.ways = view.ways.filter((way) => !way.live);
    if (this.points.length && kind && kind !== "select") {
      const points = this.tip ? [...this.points, this.tip] : this.points;
      view.ways.push({ kind, points, size: this.size, live: true });
    }
    view.refresh();
  }
}

function round(value) {
  return Math.round(value * 100) / 100;
}
