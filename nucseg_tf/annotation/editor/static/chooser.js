/** The dialog that opens another folder, or makes one. */

import { $, make } from "./dom.js";

const NOTE = "nucseg:note"; // what to say once the page was loaded anew

export class Chooser {
  /**
   * @param {import("./api.js").Api} api
   * @param {import("./editor.js").Editor} editor
   */
  constructor(api, editor) {
    this.api = api;
    this.editor = editor;
    this.here = null; // what the server said of the folder shown
    $("chooser-up").onclick = () => this.look(this.here.parent);
    $("chooser-open").onclick = () => this.open(this.here.path);
    $("chooser-roots").onchange = () => this.look($("chooser-roots").value);
    $("chooser-new").onsubmit = (event) => {
      event.preventDefault();
      const name = $("chooser-name").value.trim();
      if (name && this.here) this.open(this.here.path, { name });
    };
  }

  /** Show the dialog; without a project at work it stays until a folder is open. */
  async show(lasting = false) {
    const dialog = $("chooser");
    $("chooser-close").hidden = lasting;
    dialog.oncancel = (event) => lasting && event.preventDefault();
    if (!dialog.open) dialog.showModal();
    await this.look(this.here?.path ?? "");
  }

  async look(path) {
    this.say("");
    try {
      this.here = await this.api.get(`/api/folders?path=${encodeURIComponent(path)}`);
      this.draw();
    } catch (error) {
      this.say(error.message);
    }
  }

  draw() {
    const { path, parent, roots, folders, images, project } = this.here;
    $("chooser-path").textContent = path;
    $("chooser-up").disabled = !parent;
    $("chooser-open").textContent = images === 0 ? "No images here" : `Open this folder · ${told(images)}`;
    $("chooser-open").disabled = images === 0 && !project;
    const choices = roots.map((root) => make("option", { value: root, textContent: root }));
    $("chooser-roots").replaceChildren(...choices);
    $("chooser-roots").value = roots.find((root) => path === root || path.startsWith(`${root}/`)) ?? roots[0];
    $("chooser-roots").hidden = roots.length < 2;
    const rows = folders.map((folder) => this.row(folder));
    if (!rows.length) rows.push(make("li", { className: "quiet", textContent: "No folders in it" }));
    $("chooser-list").replaceChildren(...rows);
    $("chooser-list").scrollTop = 0;
  }

  row({ name, path, images, project }) {
    const facts = [project ? "annotated before" : "", images === 0 ? "" : told(images)].filter(Boolean);
    const into = make("button", { className: "into", type: "button", title: `Look into ${name}` });
    const text = make("span", { className: "name", textContent: name });
    into.append(text, make("span", { className: "facts", textContent: facts.join(" · ") }));
    into.onclick = () => this.look(path);
    const row = make("li", { data: { path } }, into);
    if (images !== 0 || project) {
      const open = make("button", { className: "open", type: "button", textContent: "Open" });
      open.onclick = () => this.open(path);
      row.append(open);
    }
    return row;
  }

  /** Open a folder; the page begins anew with it. */
  async open(path, extra = {}) {
    const { api, editor } = this;
    try {
      await editor.leave();
      const body = { path, page: api.page, user: api.user, ...extra };
      const headers = { "content-type": "application/json" };
      await api.fetch("/api/folder", { method: "POST", body: JSON.stringify(body), headers });
      sessionStorage.removeItem("nucseg:field");
      location.reload();
    } catch (error) {
      if (error.status !== 422 || extra.over || !error.message.includes(" works on ")) {
        this.say(error.message);
        return;
      }
      this.say(`${error.message}. Their edits are safe, but their page will show this folder.`);
      const button = make("button", { type: "button", textContent: "Open it all the same" });
      button.onclick = () => this.open(path, { ...extra, over: true });
      $("chooser-error").append(" ", button);
    }
  }

  say(text) {
    $("chooser-error").textContent = text;
    $("chooser-error").hidden = !text;
  }
}

/** Begin anew, as another folder is at work; what is not saved waits in the browser. */
export function begin(queue, note) {
  if (queue) queue.items = []; // stored under the folder they belong to
  sessionStorage.setItem(NOTE, note);
  sessionStorage.removeItem("nucseg:field");
  location.reload();
}

/** What the page that was here before had to say, or "". */
export function noteOfBefore() {
  const note = sessionStorage.getItem(NOTE) ?? "";
  sessionStorage.removeItem(NOTE);
  return note;
}

function told(images) {
  if (images === null) return "many images";
  return images === 1 ? "1 image" : `${images.toLocaleString()} images`;
}
