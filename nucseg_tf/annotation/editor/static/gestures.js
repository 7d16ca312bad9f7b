/**
 * Mouse, touch and stylus on the canvas.
 *
 * One pointer uses the tool; two fingers, the right and the middle button, and the space bar move
 * and zoom. Once a stylus was used, a single finger moves, so that the hand may rest on the screen.
 */

const WHEEL = 0.0015;

export class Gestures {
  /**
   * @param {import("./view.js").View} view
   * @param {Object} handler begin(place, event), go(places, event), end(event), cancel(),
   *   hover(place|null), doubleClick(place), moves(event): whether the tool lets the field move
   */
  constructor(view, handler) {
    this.view = view;
    this.handler = handler;
    this.pointers = new Map(); // places on the screen, of fingers
    this.mode = "none"; // tool, move, pinch
    this.space = false;
    this.stylus = false;
    const { canvas } = view;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.moved(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", (event) => this.up(event, true));
    canvas.addEventListener("pointerleave", () => handler.hover(null));
    canvas.addEventListener("dblclick", (event) => handler.doubleClick(this.place(event)));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  screen(event) {
    const frame = this.view.canvas.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  }

  place(event) {
    return this.view.camera.toField(...this.screen(event));
  }

  down(event) {
    event.preventDefault();
    this.view.canvas.focus({ preventScroll: true });
    this.view.canvas.setPointerCapture(event.pointerId);
    if (event.pointerType === "pen") this.stylus = true;
    this.pointers.set(event.pointerId, this.screen(event));
    if (this.pointers.size === 2 && event.pointerType === "touch") {
      if (this.mode === "tool") this.handler.cancel();
      this.mode = "pinch";
      return;
    }
    if (this.pointers.size > 1) return;
    const palm = this.stylus && event.pointerType === "touch";
    const moves = event.button === 1 || event.button === 2 || this.space || palm;
    this.mode = moves ? "move" : "tool";
    this.travelled = 0;
    if (this.mode === "tool") this.handler.begin(this.place(event), event);
  }

  moved(event) {
    const known = this.pointers.get(event.pointerId);
    if (!known) {
      this.handler.hover(this.place(event), event);
      return;
    }
    const now = this.screen(event);
    const [dx, dy] = [now[0] - known[0], now[1] - known[1]];
    if (this.mode === "pinch") {
      this.pinch(event.pointerId, now);
    } else if (this.mode === "move") {
      this.view.camera.move(dx, dy);
    } else if (this.mode === "tool") {
      this.travelled += Math.hypot(dx, dy);
      if (this.handler.moves(event) && this.travelled > 4) this.view.camera.move(dx, dy);
      const events = event.getCoalescedEvents?.() ?? [];
      this.handler.go((events.length ? events : [event]).map((e) => this.place(e)), event);
    }
    this.pointers.set(event.pointerId, now);
    this.handler.hover(this.place(event), event);
    this.view.refresh();
  }

  pinch(id, now) {
    const before = [...this.pointers.values()];
    const after = [...this.pointers].map(([key, value]) => (key === id ? now : value));
    const [from, to] = [middle(before), middle(after)];
    this.view.camera.move(to[0] - from[0], to[1] - from[1]);
    this.view.camera.zoom(apart(after) / Math.max(1, apart(before)), ...to);
  }

  up(event, cancelled = false) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.mode === "tool") {
      if (cancelled) this.handler.cancel();
      else this.handler.end(this.place(event), event, this.travelled);
    }
    if (this.mode === "tool" || this.pointers.size === 0) this.mode = "none";
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 20 : 1;
    const pinch = event.ctrlKey ? 6 : 1; // trackpads send small steps with it
    const delta = Math.max(-240, Math.min(240, event.deltaY * lines * pinch));
    this.view.camera.zoom(Math.exp(-delta * WHEEL), ...this.screen(event));
    this.handler.hover(this.place(event), event);
    this.view.refresh();
  }
}

function middle([a, b]) {
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

function apart([a, b]) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
