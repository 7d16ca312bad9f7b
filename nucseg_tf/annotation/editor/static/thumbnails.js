/** Small pictures of the fields in the list: asked for when they come into sight, two at a time. */

const MOST = 2; // requests at a time: edits go before
const AHEAD = "160px"; // of the list, beyond what is seen

export class Thumbnails {
  /** @param {import("./api.js").Api} api */
  constructor(api) {
    this.api = api;
    this.known = new Map(); // key -> ImageBitmap, or null where there is none
    this.wanted = []; // canvases that came into sight
    this.running = 0;
    this.age = 0; // counts how often all were forgotten
    this.observer = null;
  }

  /** A canvas with the picture of a field, now or when it is seen. */
  canvas(key) {
    const canvas = Object.assign(document.createElement("canvas"), { className: "thumb", width: 72, height: 72 });
    canvas.dataset.key = key;
    if (this.known.has(key)) draw(canvas, this.known.get(key));
    else this.watch().observe(canvas);
    return canvas;
  }

  /** Forget all, as the images are shown by another plane. */
  forget() {
    this.known.forEach((bitmap) => bitmap?.close());
    this.known.clear();
    this.age += 1;
  }

  /** Watch anew, as the list is drawn anew. */
  restart() {
    this.observer?.disconnect();
    this.observer = null;
    this.wanted = [];
  }

  watch() {
    const root = document.getElementById("field-list");
    const see = (entries) => {
      this.wanted.push(...entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target));
      this.run();
    };
    this.observer ??= new IntersectionObserver(see, { root, rootMargin: AHEAD });
    return this.observer;
  }

  run() {
    while (this.running < MOST && this.wanted.length) this.fetch(this.wanted.pop());
  }

  async fetch(canvas) {
    const { key } = canvas.dataset;
    if (!canvas.isConnected) return; // the list was drawn anew; its own canvas is watched
    this.observer?.unobserve(canvas);
    const { age } = this;
    if (!this.known.has(key)) {
      this.running += 1;
      const bitmap = await this.load(key);
      this.running -= 1;
      if (age === this.age) this.known.set(key, bitmap);
    }
    const shown = canvas.isConnected ? canvas : document.querySelector(`canvas[data-key="${CSS.escape(key)}"]`);
    if (shown && age === this.age) draw(shown, this.known.get(key));
    this.run();
  }

  /** The picture, or null where the image cannot be read. */
  async load(key) {
    try {
      const response = await this.api.fetch(`/api/thumbnail?field=${encodeURIComponent(key)}`);
      return await createImageBitmap(await response.blob());
    } catch {
      return null; // opening the field says why
    }
  }
}

/** Fill a square canvas with the middle of a picture. */
function draw(canvas, bitmap) {
  canvas.dataset.shown = bitmap ? "yes" : "none";
  if (!bitmap) return;
  const side = Math.min(bitmap.width, bitmap.height);
  const [x, y] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  canvas.getContext("2d").drawImage(bitmap, x, y, side, side, 0, 0, canvas.width, canvas.height);
}
