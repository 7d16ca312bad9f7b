/** Draws the field: image, outlines, selection, what is being drawn. */

import { Camera } from "./camera.js";
import { COLOURS, colourOf, Outlines, traceSides } from "./outlines.js";

const FINE = 2; // from this scale on outlines are lines between pixels
const MAX_IDS = 800;
const MANY = 60; // selected nuclei, from which on lines would take too long to draw
const SELECTED_FILL = 60; // opacity of their inside then, of 255

export class View {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.camera = new Camera();
    this.picture = null;
    this.labels = null;
    this.outlines = null;
    this.selected = [];
    this.suspects = []; // labels nobody has looked at
    this.show = { labels: true, ids: false, fill: 0 };
    this.ways = []; // drawn, but not yet answered: see drawWay
    this.cursor = null; // { y, x, size } of the brush
    this.asked = false;
    this.onFrame = () => {};
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
  }

  /** Take a field; labels may come later. */
  setPicture(picture) {
    this.picture = picture;
    this.labels = null;
    this.outlines = null;
    this.selected = [];
    this.ways = [];
    this.resize();
    this.fit();
  }

  setLabels(labels) {
    this.labels = labels;
    this.outlines = new Outlines(labels);
    this.refresh();
  }

  /** Width and height of the canvas in CSS px. */
  get size() {
    return [this.canvas.clientWidth, this.canvas.clientHeight];
  }

  fit() {
    if (!this.picture) return;
    this.camera.show([0, 0, this.picture.rows, this.picture.columns], ...this.size);
    this.refresh();
  }

  /** Zoom by a factor around the middle. */
  zoom(factor) {
    const [width, height] = this.size;
    this.camera.zoom(factor, width / 2, height / 2);
    this.refresh();
  }

  /** Show a nucleus large. */
  zoomTo(label) {
    const nucleus = this.labels?.nuclei.get(label);
    if (nucleus) this.camera.show(nucleus.box, ...this.size, 0.3);
    this.refresh();
  }

  resize() {
    const ratio = window.devicePixelRatio;
    const [width, height] = this.size;
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.refresh();
  }

  /** Draw at the next frame. */
  refresh() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
      this.onFrame();
    });
  }

  draw() {
    const { context, camera } = this;
    const ratio = window.devicePixelRatio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#0c0e11";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.picture) return;
    const scale = camera.scale * ratio;
    context.setTransform(scale, 0, 0, scale, camera.x * ratio, camera.y * ratio);
    context.imageSmoothingEnabled = scale < 1.5;
    context.imageSmoothingQuality = scale < 0.5 ? "medium" : "low";
    context.drawImage(this.picture.canvas, 0, 0);
    if (this.labels) this.drawLabels(scale);
    this.ways.forEach((way) => this.drawWay(way));
    this.drawCursor();
  }

  drawLabels(scale) {
    const box = this.camera.visible(...this.size, this.labels.rows, this.labels.columns);
    if (this.show.labels) {
      const fill = Math.round(this.show.fill * 2.55);
      if (scale < FINE || fill) {
        const width = scale < FINE ? rimOf(scale) : 0;
        this.outlines.render(width, fill);
        this.context.drawImage(this.outlines.canvas, 0, 0);
      }
      if (scale >= FINE) this.drawLines(box, scale);
      this.drawSuspects(box);
    }
    this.drawSelected(scale);
    if (this.show.ids) this.drawIds(box);
  }

  drawLines(box, scale) {
    const paths = COLOURS.map(() => new Path2D());
    traceSides(this.labels, (label) => paths[(label - 1) & 7], box, (0.75 * window.devicePixelRatio) / scale);
    this.context.lineCap = "butt";
    this.context.lineWidth = (1.5 * window.devicePixelRatio) / scale;
    paths.forEach((path, i) => {
      this.context.strokeStyle = colourOf(i + 1);
      this.context.stroke(path);
    });
  }

  /** The selected nuclei, the first one white; what is made of them is kept while they stay so. */
  drawSelected(scale) {
    if (this.traced?.selected !== this.selected) this.traced = this.traceSelected();
    if (this.traced.outlines) {
      this.traced.outlines.render(1 + rimOf(scale), SELECTED_FILL);
      this.context.drawImage(this.traced.outlines.canvas, 0, 0);
      return;
    }
    this.context.lineCap = "square";
    for (const [path, colour] of [[this.traced.others, "#cfe4ff"], [this.traced.first, "#fff"]]) {
      for (const [width, style] of [[4.5, "rgb(0 0 0 / 75%)"], [2.2, colour]]) {
        this.context.lineWidth = (width / scale) * window.devicePixelRatio;
        this.context.strokeStyle = style;
        this.context.stroke(path);
      }
    }
  }

  traceSelected() {
    const { selected } = this;
    if (selected.length > MANY) return { selected, outlines: new Outlines(this.labels, selected) };
    const [first, others] = [new Path2D(), new Path2D()];
    for (const label of selected) {
      const nucleus = this.labels.nuclei.get(label);
      const path = label === selected[0] ? first : others;
      if (nucleus) traceSides(this.labels, (other) => (other === label ? path : null), nucleus.box, 0);
    }
    return { selected, first, others };
  }

  /** A dashed ring around each suspect. */
  drawSuspects(box) {
    const { context, camera } = this;
    context.lineWidth = 1.5 / camera.scale;
    context.strokeStyle = "#ffb020";
    context.setLineDash([5 / camera.scale, 4 / camera.scale]);
    for (const label of this.suspects) {
      const nucleus = this.labels.nuclei.get(label);
      if (!nucleus || !overlap(nucleus.box, box)) continue;
      const [y0, x0, y1, x1] = nucleus.box;
      const gap = 5 / camera.scale;
      const [ry, rx] = [(y1 - y0) / 2 + gap, (x1 - x0) / 2 + gap];
      context.beginPath();
      context.ellipse((x0 + x1) / 2, (y0 + y1) / 2, rx, ry, 0, 0, 2 * Math.PI);
      context.stroke();
    }
    context.setLineDash([]);
  }

  drawIds(box) {
    const { context, camera } = this;
    const seen = [...this.labels.nuclei].filter(([, nucleus]) => overlap(nucleus.box, box));
    const readable = seen.filter(([, { box: b }]) => (b[3] - b[1]) * camera.scale > 12);
    if (readable.length > MAX_IDS) return;
    const ratio = window.devicePixelRatio;
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 3;
    context.strokeStyle = "rgb(0 0 0 / 80%)";
    context.fillStyle = "#fff";
    for (const [label, { box: b }] of readable) {
      const [x, y] = camera.toScreen((b[0] + b[2]) / 2, (b[1] + b[3]) / 2);
      context.strokeText(label, x, y);
      context.fillText(label, x, y);
    }
    context.restore();
  }

  /** What a hand has drawn: { kind, points, size, closed }. */
  drawWay({ kind, points, size = 1, closed = false }) {
    const { context, camera } = this;
    const stroke = kind === "draw" || kind === "erase";
    const shift = stroke && size % 2 ? 0.5 : 0;
    const places = points.map(([y, x]) => (stroke ? [Math.floor(y) + shift, Math.floor(x) + shift] : [y, x]));
    context.beginPath();
    places.forEach(([y, x], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (places.length === 1) context.lineTo(places[0][1] + 1e-3, places[0][0]);
    if (closed) context.closePath();
    context.lineCap = "round";
    context.lineJoin = "round";
    context.lineWidth = stroke ? size : (kind === "magic" ? 12 : 2) / camera.scale;
    context.strokeStyle = WAY_COLOURS[kind] ?? "#fff";
    context.stroke();
    if (kind === "polygon" || kind === "box") {
      context.fillStyle = "rgb(90 165 255 / 18%)";
      context.fill();
      if (kind === "polygon" && !closed) this.drawCorners(points);
    }
  }

  drawCorners(points) {
    const side = 7 / this.camera.scale;
    this.context.fillStyle = "#fff";
    for (const [y, x] of points.slice(0, 200)) {
      this.context.fillRect(x - side / 2, y - side / 2, side, side);
    }
  }

  drawCursor() {
    if (!this.cursor) return;
    const { context, camera } = this;
    const { y, x, size } = this.cursor;
    for (const [width, colour] of [[3, "rgb(0 0 0 / 60%)"], [1.2, "#fff"]]) {
      context.lineWidth = width / camera.scale;
      context.strokeStyle = colour;
      context.beginPath();
      context.arc(Math.floor(x) + 0.5, Math.floor(y) + 0.5, size / 2, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}

const WAY_COLOURS = {
  box: "#fff",
  magic: "#ffd23f",
  draw: "rgb(90 165 255 / 45%)",
  erase: "rgb(255 90 90 / 40%)",
  polygon: "#5aa5ff",
  split: "#ff5a5a",
  merge: "#50dc50",
};

/** The width of outlines in px of the field that shows on a screen. */
function rimOf(scale) {
  return Math.min(4, Math.max(1, Math.round(1 / scale)));
}

function overlap(a, b) {
  return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
}
