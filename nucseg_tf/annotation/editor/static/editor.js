/** The field that is open: its edits, selection and acceptance. */

import { randomId } from "./api.js";
import { $, toast } from "./dom.js";
import { LabelMap } from "./labelmap.js";
import { showHistory, showSelected } from "./panel.js";
import { Picture } from "./picture.js";
import { noteTaken, showHeld, showLost } from "./takeover.js";
import { savedState, setEnabled, showBanner } from "./status.js";
import { Suspects } from "./suspects.js";

const HISTORY_DELAY = 1500; // ms after an edit until the history is shown anew

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
    this.suspects = new Suspects(this);
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
      toast(error.message, "bad");
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

  // --- edits -----------------------------------------------------------------------------------

  /** Why the field cannot be edited, "" if it can. */
  obstacle() {
    if (!this.field || !this.view.labels) return "Open a field first";
    if (!this.field.writable) return `${this.field.user} edits this field in another window`;
    if (this.field.status === "accepted") return "This field is accepted. Reopen it to change it.";
    if (savedState() === "locked-out") return "The server was started anew: open the address that it printed";
    return "";
  }

  /** Whether the field can be edited; says why if not. */
  editable() {
    const obstacle = this.obstacle();
    if (obstacle) toast(obstacle, "bad");
    return !obstacle;
  }

  /** Send an edit; `way` is what a hand drew, shown until there is an answer. */
  submit(tool, extra = {}, way = null) {
    if (!this.editable()) return;
    const edit = { id: randomId(), tool, ...extra };
    if (way) this.view.ways.push({ ...way, id: edit.id });
    this.queue.push({ path: "/api/edit", field: this.field.key, body: { edit } }, this.revision);
    this.view.refresh();
  }

  /** Use a tool on the selected nuclei. */
  submitSelected(tool, least = 1) {
    const labels = this.view.selected;
    if (labels.length >= least) this.submit(tool, { labels });
    else toast("Select a nucleus first");
  }

  /** An edit or a review was saved. */
  answered(item, answer) {
    const { edit, label } = item.body;
    if (item.field !== this.field?.key) {
      this.fields.update(item.field, numbers(answer));
      return;
    }
    if (edit && answer.revision !== this.revision + 1) {
      this.reload(); // saved by an earlier page, and perhaps more after it
      return;
    }
    if (edit) {
      this.forgetWay(item);
      this.revision = answer.revision;
      this.view.labels.apply(answer);
      this.view.outlines.update(answer.patch.box);
      this.select(answer.select);
      performance.measure(`edit:${edit.tool}`, { start: Math.min(item.at, performance.now()) });
    }
    this.suspects.markDone(edit ? Object.keys(answer.nuclei).map(Number) : [label]);
    this.showState(answer);
    clearTimeout(this.historyTimer);
    this.historyTimer = setTimeout(() => this.showHistory(), HISTORY_DELAY);
  }

  /** An edit was refused. */
  async refused(item, error) {
    this.forgetWay(item);
    const here = item.field === this.field?.key;
    if (error.status === 409) {
      const saved = error.message.startsWith("saved before");
      const lost = saved ? 0 : this.queue.drop(item.field) + 1;
      if (here) this.view.ways = [];
      if (!saved) toast(`${item.field}: ${error.message}; edits that were not made: ${lost}`, "bad");
      if (here) await this.reload();
      return;
    }
    if (error.status === 423) {
      const lost = this.queue.drop(item.field) + 1;
      showLost(item.field, error.message, lost);
      if (here) await this.reload();
      return;
    }
    toast(error.message, "bad");
  }

  forgetWay(item) {
    this.view.ways = this.view.ways.filter((way) => way.id !== item.body.edit?.id);
    this.view.refresh();
  }

  // --- accepting -------------------------------------------------------------------------------

  async accept() {
    if (!this.editable()) return;
    const { key } = this.field;
    try {
      if (savedState() === "offline") throw new Error("The server does not answer; accept the field when it does");
      if (await this.queue.idle()) throw new Error("An edit was refused; look again and accept");
    } catch (error) {
      toast(error.message, "bad");
      return;
    }
    if (this.opening || key !== this.field.key) return;
    await this.ask("/api/accept", { seconds: this.clock.take() }, (answer, here) => {
      toast(`Saved for training: ${answer.mask}`, "good");
      if (answer.kept.length) toast(`Earlier masks are kept: ${answer.kept.join(", ")}`);
      if (here) this.select([]);
    });
  }

  async reopen() {
    await this.ask("/api/reopen", {}, () => {
      toast("Reopened. Training goes on with the labels accepted last until you accept it again.");
    });
  }

  async ask(path, extra, then) {
    const { key } = this.field;
    try {
      const answer = await this.api.post(path, key, { revision: this.revision, ...extra });
      then(answer, key === this.field.key);
      this.fields.update(key, numbers(answer));
      if (key !== this.field.key) return; // another field is shown by now
      this.showState(answer);
      await this.showHistory();
    } catch (error) {
      toast(error.message, "bad");
      if (error.status === 409 && key === this.field.key) await this.reload();
    }
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
    this.fields.update(this.field.key, numbers(state));
    $("count").textContent = `${state.count.toLocaleString()} nuclei`;
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
    } else if (field.status === "accepted") {
      const next = this.fields.unfinished();
      const buttons = [["Reopen", () => this.reopen()]];
      if (next) buttons.push(["Next field", () => this.open(next)]);
      showBanner("Accepted: training uses these labels.", buttons);
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

function numbers({ status, count, suspects_left }) {
  return { status, count, suspects_left };
}
