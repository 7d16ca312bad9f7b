/**
 * Edits on their way to the server: one after the other, again and again until there is an answer.
 *
 * Each is kept in localStorage until then, under a key of its own, so that a page that was closed or
 * reloaded sends them when it is opened again. The server makes an edit with the same id only once,
 * and only of the revision of its field that the annotator saw, which is kept with it.
 */

const PATIENCE = [500, 1000, 2000, 4000, 8000]; // ms between attempts
const MOST_ERRORS = 5; // of the server itself, until an edit is given up

export class EditQueue {
  /**
   * @param {import("./api.js").Api} api
   * @param {string} project tells the stored edits of projects apart
   * @param {Object} handlers onAnswer(item, answer), onRefused(item, error), onState(name, count),
   *   onUnkept(), seconds()
   */
  constructor(api, project, handlers) {
    this.api = api;
    this.prefix = `nucseg:pending:${project}:`;
    this.handlers = handlers;
    this.items = [];
    this.running = false;
    this.failures = 0; // attempts in a row without an answer
    this.refusals = 0; // of all time
    this.number = Date.now(); // of the last item; those of later pages are higher
    this.waiting = [];
  }

  /** Take over the edits of pages that are gone; `live` are the pages that are not. */
  adopt(live) {
    let last = 0;
    for (const key of Object.keys(localStorage)) {
      const name = key.startsWith(this.prefix) ? key.slice(this.prefix.length) : "";
      const [, page, number] = name.match(/^([^:]+):(\d+)$/) ?? [];
      if (!page || (page !== this.api.page && live.has(page))) continue;
      try {
        this.items.push({ ...JSON.parse(localStorage.getItem(key)), number: Number(number) });
      } catch (error) {
        console.error(error); // damaged; it stays where it is
        continue;
      }
      localStorage.removeItem(key);
    }
    this.items.sort((one, other) => one.number - other.number);
    for (const item of this.items) {
      item.number = last = Math.max(item.number, last + 1); // two pages may have used the same
      this.keep(item);
    }
    this.number = Math.max(this.number, last);
    return this.items.length;
  }

  /** Send an edit: `item` has path, field and body; `revision` is what the page shows. */
  push(item, revision) {
    this.number = Math.max(this.number + 1, Date.now());
    const kept = { ...item, number: this.number, at: performance.now() };
    if (item.body.edit) kept.revision = revision + this.editsOf(item.field).length;
    this.items.push(kept);
    this.keep(kept);
    if (this.failures) this.handlers.onState("offline", this.items.length);
    this.run();
  }

  editsOf(field) {
    return this.items.filter((item) => item.field === field && item.body.edit);
  }

  /** Forget the edits of a field; returns how many. */
  drop(field) {
    const dropped = this.items.filter((item) => item.field === field);
    dropped.forEach((item) => this.finish(item));
    return dropped.length;
  }

  /** Resolves when nothing is on its way, with the number of edits refused meanwhile. */
  async idle() {
    const before = this.refusals;
    if (this.items.length && (this.failures || !this.running)) throw this.unsaved();
    if (this.running) await new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
    return this.refusals - before;
  }

  unsaved() {
    return new Error(`${this.items.length} edits are not saved yet: wait until the server answers`);
  }

  keep(item) {
    try {
      localStorage.setItem(this.keyOf(item), JSON.stringify(item));
    } catch (error) {
      console.warn(error);
      this.handlers.onUnkept();
    }
  }

  keyOf(item) {
    return `${this.prefix}${this.api.page}:${item.number}`;
  }

  async run() {
    if (this.running) return;
    this.running = true;
    while (this.items.length) {
      const item = this.items[0];
      this.handlers.onState(this.failures ? "offline" : "saving", this.items.length);
      try {
        const answer = await this.send(item);
        this.failures = 0;
        this.finish(item);
        this.handlers.onAnswer(item, answer);
      } catch (error) {
        if (error.status === 500) item.errors = (item.errors ?? 0) + 1;
        if (error.isPassing && !(item.errors >= MOST_ERRORS)) {
          this.handlers.onState("offline", this.items.length);
          this.failures += 1;
          this.waiting.splice(0).forEach(({ reject }) => reject(this.unsaved()));
          const delay = PATIENCE[Math.min(this.failures, PATIENCE.length) - 1];
          await new Promise((wake) => setTimeout(wake, delay));
          continue;
        }
        if ([401, 410].includes(error.status)) {
          this.running = false;
          this.handlers.onState("locked-out", this.items.length);
          this.waiting.splice(0).forEach(({ reject }) => reject(this.unsaved()));
          return;
        }
        if (error.status === undefined) console.error(error);
        this.failures = 0;
        this.refuse(item);
        await this.handlers.onRefused(item, error);
      }
    }
    this.running = false;
    this.handlers.onState("saved", 0);
    this.waiting.splice(0).forEach(({ resolve }) => resolve());
  }

  send(item) {
    const body = { ...item.body, seconds: this.handlers.seconds() };
    if (body.edit) body.edit = { ...body.edit, revision: item.revision };
    return this.api.post(item.path, item.field, body);
  }

  /** Take out an edit that was not made: those behind it begin a revision lower. */
  refuse(item) {
    if (!this.items.includes(item)) return; // made, but its answer could not be shown
    this.refusals += 1;
    this.finish(item);
    if (!item.body.edit) return;
    for (const later of this.editsOf(item.field)) {
      later.revision -= 1;
      this.keep(later);
    }
  }

  finish(item) {
    this.items = this.items.filter((other) => other !== item);
    localStorage.removeItem(this.keyOf(item));
  }
}
