/** The annotation page. */

import { wire } from "./actions.js";
import { Api } from "./api.js";
import { begin, Chooser, noteOfBefore } from "./chooser.js";
import { WorkClock } from "./clock.js";
import { Contrast } from "./contrast.js";
import { $, ask, toast } from "./dom.js";
import { Editor } from "./editor.js";
import { FieldList } from "./fields.js";
import { Gestures } from "./gestures.js";
import { Loop } from "./loop.js";
import { Magic } from "./magic.js";
import { Display } from "./panel.js";
import { Planes } from "./planes.js";
import { meet } from "./presence.js";
import { EditQueue } from "./queue.js";
import { Regions } from "./regions.js";
import { fillHelp, savedState, showBanner, showCursor, showSaved, showTool, showZoom } from "./status.js";
import { Thumbnails } from "./thumbnails.js";
import { Tools } from "./tools.js";
import { Uploads } from "./upload.js";
import { View } from "./view.js";

const BEAT = 15_000; // ms between signs of life
let mayChoose = false; // whether other folders may be opened

const api = new Api();
const clock = new WorkClock();
const view = new View($("view"));
const fields = new FieldList((key) => editor.open(key));
const display = new Display(() => editor.redraw());
const editor = new Editor(api, view, display, fields, clock);
const thumbnails = new Thumbnails(api);
const chooser = new Chooser(api, editor);
const planes = new Planes(api, editor, thumbnails);
const contrast = new Contrast(view, display);
const regions = new Regions(editor);
const uploads = new Uploads(api, addField, (why) => {
  toast(why, "bad");
  chooser.show(true);
});
const tools = new Tools(view, {
  select: (labels) => editor.select(labels),
  submit: (tool, extra, way) => (tool === "magic" ? magic.submit(extra, way) : editor.edits.submit(tool, extra, way)),
  region: (corners) => regions.add(corners),
  editable: () => editor.editable(),
  changed: () => {
    showTool(tools);
    if (tools.name === "magic") magic.prepare();
  },
});
const magic = new Magic(editor, () => tools.name === "magic");
const gestures = new Gestures(view, {
  begin: (place, event) => tools.begin(place, event),
  go: (places, event) => tools.go(places, event),
  end: (place, event, travelled) => tools.end(place, event, travelled),
  cancel: () => tools.cancel(),
  moves: () => tools.moves(),
  hover: (place) => {
    tools.hover(place);
    showCursor(view, place);
  },
  doubleClick: () => tools.close(),
});
const loop = new Loop(api, editor);
editor.onField = () => {
  tools.cancel();
  loop.showLabelling();
  if (tools.name === "magic") magic.prepare();
};
editor.onPlanes = (key) => planes.show(key, "needed");
api.onGone = () => begin(editor.queue, "Another folder was opened on this server.");
view.onFrame = () => {
  showZoom(view);
  regions.show();
};
editor.onAccepted = () => loop.poll();

/** Learn what there is to do, and open a field. */
async function start() {
  fillHelp();
  wire(editor, tools, display, gestures, loop, {
    contrast: () => contrast.auto(),
    folder: () => mayChoose && chooser.show(),
  });
  window.addEventListener("hashchange", () => location.reload());
  if (!api.token) {
    showBanner("Open the address that `nucseg annotate` printed: the token is missing.");
    return;
  }
  let project;
  const meeting = meet(api);
  try {
    project = await api.get("/api/project");
  } catch (error) {
    showBanner(error.message);
    return;
  }
  const live = await meeting;
  await chooseUser(project);
  showProject(project);
  if (!project.id) {
    await chooser.show(true);
    return;
  }
  editor.queue = new EditQueue(api, project.folder, {
    onAnswer: (item, answer) => editor.edits.answered(item, answer),
    onRefused: (item, error) => editor.edits.refused(item, error),
    onState: showSaved,
    onUnkept: () => showBanner("The browser cannot keep unsaved edits: leave this page open until all is saved."),
    seconds: () => clock.take(),
  });
  fields.thumbnails = thumbnails;
  fields.set(project.fields);
  loop.seen = project.seen;
  project.fields.forEach((row) => live.add(row.page));
  const count = editor.queue.adopt(live);
  await openFirst(project.fields);
  if (count) toast(`${count} edits of last time are sent now`);
  editor.queue.run();
  stayAlive();
  loop.poll();
}

/** What the page may do with this project, or without one. */
function showProject({ id, name, folder, chooser: allowed, upload, choice, fields: rows }) {
  const note = noteOfBefore();
  if (note) toast(note);
  api.project = id;
  mayChoose = allowed;
  uploads.limits = id ? upload : null;
  planes.label(choice);
  document.querySelectorAll("[data-action=folder]").forEach((button) => {
    button.hidden = !allowed;
  });
  $("project").textContent = name;
  $("project").title = folder;
  $("nothing").hidden = !id || rows.length > 0;
}

/** Take a field into the list whose image was dropped; the first one is opened. */
function addField(row) {
  fields.add(row);
  $("nothing").hidden = true;
  if (!editor.field) editor.open(row.key);
}

async function chooseUser({ ask_user: asks, users, user }) {
  const known = localStorage.getItem("nucseg:user");
  const usable = known && (!users.length || users.includes(known));
  api.user = user;
  if (asks) {
    api.user = usable ? known : await ask("Your name", "Edits are noted under it.", users);
    localStorage.setItem("nucseg:user", api.user);
  }
  $("who").textContent = api.user;
  $("who").onclick = () => {
    if (!asks) return;
    localStorage.removeItem("nucseg:user");
    location.reload();
  };
}

/** Open the field of edits not yet saved, that of last time, or the first that is not accepted. */
async function openFirst(rows) {
  const usable = rows.filter((row) => row.status !== "error" && row.status !== "aside");
  const last = editor.queue.items[0]?.field ?? sessionStorage.getItem("nucseg:field");
  const known = usable.find((row) => row.key === last);
  const found = known ?? usable.find((row) => row.status !== "accepted") ?? usable[0];
  if (found) await editor.open(found.key);
}

/** Signs of life, and what happens when the page goes. */
function stayAlive() {
  setInterval(beat, BEAT);
  window.addEventListener("beforeunload", (event) => {
    if (editor.queue.items.length) event.preventDefault();
  });
  window.addEventListener("pagehide", () => {
    const seconds = clock.take();
    if (editor.field) api.post("/api/leave", editor.field.key, { seconds }, true).catch(() => {});
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}

async function beat() {
  const count = editor.queue.items.length;
  try {
    await editor.beat();
    if (!count && savedState() === "offline") showSaved("saved");
  } catch (error) {
    if (error.status === 401) showSaved("locked-out", count);
    else if (error.isPassing) showSaved("offline", count);
  }
}

window.nucseg = { chooser, contrast, editor, loop, planes, regions, tools, uploads, view }; // for tests and the console
start();
