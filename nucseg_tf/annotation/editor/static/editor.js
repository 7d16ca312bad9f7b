/** The field that is open: what it shows, and who may edit it. */

import { Acceptance } from "./acceptance.js";
import { $, toast } from "./dom.js";
import { Edits } from "./edits.js";
import { numbers } from "./fields.js";
import { Flip } from "./flip.js";
import { LabelMap } from "./labelmap.js";
import { showHistory, showSelected } from "./panel.js";
import { Picture } from "./picture.js";
import { savedState, setEnabled, showBanner, showCount } from "./status.js";
import { noteTaken, showHeld } from "./takeover.js";
import { Suspects } from "./suspects.js";

export class Editor {
  /**
   * @param {import("./api.js").Api} api
   * @param {import("./view.js").View} view
   * @param {import("./panel.js").Display} display
   * @param {import("./fields.js").FieldList} fields
   * @param {import("./clock.js").WorkClock} clock
   */
  constructor(api, view, display, fields, clock) {
    Object.assign(this, { api, view, display, fields, clock });
    this.field = null; // what the server says of the field shown
    this.revision = 0;
    this.queue = null; // set once the project is known
    this.onField = () => {}; // called when another field is shown
    this.onPlanes = () => {}; // called with the key of a field whose plane must be chosen
    this.onAccepted = () => {}; // called when a field was accepted or reopened
    this.suspects = new Suspects(this);
    this.flip = new Flip(this);
    this.edits = new Edits(this);
    this.acceptance = new Acceptance(this);
  }

  // --- opening a field -------------------------------------------------------------------------

  /** Show a field; `over` takes it from another window of the same user, or where nobody works. */
  async open(key, over = false) {
    if (this.opening) return;
    this.opening = true;
    try {
      await this.leave();
      $("loading").hidden = false;
      const labels = this.api.bytes("/api/labels", key);
      labels.catch(() => {}); // told below, or by the requests before it
      const [field, image] = await Promise.all([
        this.api.post("/api/open", key, { over }),
        this.api.bytes("/api/image", key),
      ]);
      this.showPicture(field, image.buffer);
      this.showField(await labels);
    } catch (error) {
      if (error.status === 428) this.onPlanes(key);
      else toast(error.message, "bad");
      if (error.status === 422) this.fields.update(key, { status: "error", error: error.message });
    } finally {
      this.opening = false;
      $("loading").hidden = true;
    }
  }

  /** Show the image; the labels follow. */
  showPicture(field, image) {
    this.field = field;
    sessionStorage.setItem("nucseg:field", field.key);
    this.onField();
    this.view.setPicture(new Picture(image, field.image));
    this.redraw();
    $("title").textContent = field.key;
    document.title = `${field.key} · nucseg annotate`;
    this.fields.choose(field.key);
    markPainted(`picture:${field.key}`);
  }

  showField(labels) {
    const { field } = this;
    this.setLabels(labels);
    this.suspects.reset();
    this.showState(field);
    this.showHistory();
    if (field.prelabels_changed) {
      toast("The prelabels were made anew since this field was begun; its own labels are kept.");
    }
    document.body.dataset.field = field.key;
    markPainted(`shown:${field.key}`);
  }

  setLabels({ buffer, revision }) {
    this.flip.forget();
    this.revision = revision;
    const { rows, columns } = this.view.picture;
    this.view.setLabels(new LabelMap(buffer, rows, columns));
    this.select([]);
  }

  /** Fetch the labels again, as others or an earlier page have changed them. */
  async reload() {
    const { key } = this.field;
    const gone = () => this.opening || key !== this.field.key;
    const labels = await this.api.bytes("/api/labels", key);
    if (gone()) return;
    this.setLabels(labels);
    const field = await this.api.post("/api/open", key);
    if (gone()) return;
    this.field = field;
    this.showState(field);
  }

  /** Give the field back, once its edits are saved. */
  async leave() {
    if (!this.field) return;
    await this.queue.idle();
    const { key } = this.field;
    await this.api.post("/api/leave", key, { seconds: this.clock.take() });
    this.fields.update(key, { user: "", page: "" });
  }

  // --- who may edit ----------------------------------------------------------------------------

  /** Why the field cannot be edited, "" if it can. */
  obstacle() {
    if (!this.field || !this.view.labels) return "Open a field first";
    if (!this.field.writable) return `${this.field.user} edits this field in another window`;
    if (this.flip.on) return "These labels are only shown. Press C for the field's own.";
    if (this.field.status === "accepted") return "This field is accepted. Reopen it to change it.";
    if (this.field.status === "aside") return "This field is set aside. Take it back to change it.";
    if (savedState() === "locked-out") return "The server was started anew: open the address that it printed";
    return "";
  }

  /** Whether the field can be edited; says why if not. */
  editable() {
    const obstacle = this.obstacle();
    if (obstacle) toast(obstacle, "bad");
    return !obstacle;
  }

  /** Say that this page is still there; see who may edit, and whether others have. */
  async beat() {
    if (!this.field || this.opening) return;
    const { key, writable } = this.field;
    const answer = await this.api.post("/api/beat", key, { seconds: writable ? this.clock.take() : 0 });
    if (key !== this.field.key || this.opening) return;
    this.setHeld(answer);
    if (answer.revision !== this.revision && !this.queue.items.length) await this.reload();
  }

  setHeld(held) {
    const { writable, user, idle } = this.field;
    if (held.writable === writable && held.user === user && held.idle === idle) return;
    if (writable && !held.writable) noteTaken(this.field.key, held.user);
    Object.assign(this.field, { writable: held.writable, user: held.user, idle: held.idle });
    this.showAccess();
  }

  // --- showing ---------------------------------------------------------------------------------

  /** Draw image and outlines as the sliders say. */
  redraw() {
    const { view, display } = this;
    view.show.fill = display.settings.fill;
    view.picture?.render(display.settings);
    view.picture?.drawHistogram($("histogram"));
    view.refresh();
  }

  select(labels) {
    this.view.selected = labels;
    this.view.refresh();
    const { suspects = [], image = {} } = this.field ?? {};
    showSelected(this.view.labels, labels, suspects, image.pixel_size);
  }

  showState(state) {
    this.field.status = state.status;
    if (!this.queue.editsOf(this.field.key).length) this.view.regions = state.regions;
    this.view.refresh();
    this.fields.update(this.field.key, numbers(state));
    showCount(state.count);
    setEnabled("undo", state.undo > 0);
    setEnabled("redo", state.redo > 0);
    this.suspects.show();
    this.showAccess();
  }

  /** Say who may edit the field, and whether it is accepted. */
  showAccess() {
    const { field } = this;
    setEnabled("accept", !this.obstacle());
    if (!field.writable) {
      showHeld(field, this.api.user, () => this.open(field.key, true));
    } else if (field.status === "accepted" || field.status === "aside") {
      const aside = field.status === "aside";
      const next = this.fields.unfinished();
      const buttons = [aside ? ["Take back", () => this.acceptance.setAside()] : ["Reopen", () => this.acceptance.reopen()]];
      if (next) buttons.push(["Next field", () => this.open(next)]);
      showBanner(aside ? "Set aside: training does not take this field." : accepted(this.view.regions), buttons);
    } else {
      showBanner("");
    }
  }

  async showHistory() {
    const { key } = this.field;
    try {
      const history = await this.api.get("/api/history", key);
      if (key === this.field.key) showHistory(history, this.field.from);
    } catch {
      // The next edit or sign of life says that the server is gone.
    }
  }
}

/** Note the time at which the frame asked for is on the screen; for scripts/bench_annotate.py. */
function markPainted(name) {
  requestAnimationFrame(() => setTimeout(() => performance.mark(name)));
}

/** What to say of an accepted field with these finished regions. */
function accepted({ length }) {
  return length ? "Accepted: training uses the labels in its regions." : "Accepted: training uses these labels.";
}
