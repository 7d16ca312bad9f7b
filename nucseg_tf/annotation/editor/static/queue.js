/**
 * Edits on their way to the server: one after the other, again and again until there is an answer.
 *
 * They are kept in localStorage until then, so that a page that was closed or reloaded sends them
 * when it is opened again. The server makes an edit with the same id only once.
 */

const PATIENCE = [500, 1000, 2000, 4000, 8000]; // ms between attempts

export class EditQueue {
  /**
   * @param {import("./api.js").Api} api
   * @param {string} project tells the stored edits of projects apart
   * @param {Object} handlers onAnswer(item, answer), onRefused(item, error), onState(name, count),
   *   revisionOf(field), seconds()
   */
  constructor(api, project, handlers) {
    this.api = api;
    this.prefix = `nucseg:pending:${project}:`;
    this.handlers = handlers;
    this.items = [];
    this.running = false;
    this.failures = 0; // attempts in a row without an answer
    this.waiting = [];
  }

  /** Take over the edits of pages that are gone; `live` are the pages that are not. Then run. */
  adopt(live) {
    for (const key of Object.keys(localStorage)) {
      const page = key.startsWith(this.prefix) ? key.slice(this.prefix.length) : "";
      if (!page || (page !== this.api.page && live.has(page))) continue;
      const items = JSON.parse(localStorage.getItem(key));
      localStorage.removeItem(key);
      this.items.push(...items);
    }
    this.store();
    return this.items.length;
  }

  /** Send an edit: `item` has path, field and body. */
  push(item) {
    this.items.push({ ...item, at: performance.now() });
    this.store();
    if (this.failures) this.handlers.onState("offline", this.items.length);
    this.run();
  }

  /** Forget the edits of a field; returns how many. */
  drop(field) {
    const before = this.items.length;
    this.items = this.items.filter((item) => item.field !== field);
    this.store();
    return before - this.items.length;
  }

  /** Resolves when nothing is on its way. */
  idle() {
    if (!this.items.length) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  store() {
    const key = this.prefix + this.api.page;
    if (this.items.length) localStorage.setItem(key, JSON.stringify(this.items));
    else localStorage.removeItem(key);
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
        if (error.isPassing) {
          this.handlers.onState("offline", this.items.length);
          this.failures += 1;
          const delay = PATIENCE[Math.min(this.failures, PATIENCE.length) - 1];
          await new Promise((wake) => setTimeout(wake, delay));
          continue;
        }
        if (error.status === 401) {
          this.running = false;
          this.handlers.onState("locked-out", this.items.length);
          return;
        }
        if (error.status === undefined) console.error(error);
        this.failures = 0;
        this.finish(item);
        await this.handlers.onRefused(item, error);
      }
    }
    this.running = false;
    this.handlers.onState("saved", 0);
    this.waiting.splice(0).forEach((resolve) => resolve());
  }

  send(item) {
    const body = { ...item.body, seconds: this.handlers.seconds() };
    if (body.edit) {
      item.revision ??= this.handlers.revisionOf(item.field);
      body.edit = { ...body.edit, revision: item.revision };
      this.store();
    }
    return this.api.post(item.path, item.field, body);
  }

  finish(item) {
    this.items = this.items.filter((other) => other !== item);
    this.store();
  }
}
