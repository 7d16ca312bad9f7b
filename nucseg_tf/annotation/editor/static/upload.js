/** Files that are dropped on the page, or chosen: sent one after the other, with their progress. */

import { $, make } from "./dom.js";

const GIGABYTE = 1e9;
const STAY = 2500; // ms that the line of a file stays when it is done

export class Uploads {
  /**
   * @param {import("./api.js").Api} api
   * @param {function(Object)} onRow called with the row of each field that was added
   * @param {function(string)} onRefuse called where nothing can be dropped, with the reason
   */
  constructor(api, onRow, onRefuse) {
    Object.assign(this, { api, onRow, onRefuse });
    this.limits = null; // of the server, once a project is open: bytes, suffixes
    this.waiting = [];
    this.running = false;
    this.depth = 0; // of elements that the dragged files are over
    const files = (event) => event.dataTransfer?.types.includes("Files");
    const show = (step) => {
      this.depth = step ? Math.max(0, this.depth + step) : 0;
      $("drop").hidden = !this.depth;
    };
    window.addEventListener("dragenter", (event) => files(event) && show(1));
    window.addEventListener("dragleave", (event) => files(event) && show(-1));
    window.addEventListener("dragover", (event) => files(event) && event.preventDefault());
    window.addEventListener("drop", async (event) => {
      if (!files(event)) return;
      event.preventDefault();
      show(0);
      this.add(await filesOf(event.dataTransfer));
    });
    $("add-images").onclick = () => $("file-input").click();
    $("file-input").onchange = () => {
      this.add([...$("file-input").files]);
      $("file-input").value = "";
    };
    window.addEventListener("beforeunload", (event) => {
      if (this.running) event.preventDefault();
    });
  }

  add(files) {
    if (!this.limits) {
      this.onRefuse("Open or make a folder first; images are copied into it.");
      return;
    }
    for (const file of files) this.waiting.push({ file, line: lineOf(file.name) });
    $("uploads").append(...this.waiting.map(({ line }) => line.element));
    this.run();
  }

  async run() {
    if (this.running) return;
    this.running = true;
    while (this.waiting.length) {
      const { file, line } = this.waiting.shift();
      try {
        this.check(file);
        await this.api.get(`/api/upload?name=${encodeURIComponent(file.name)}`);
        this.onRow(await this.send(file, line));
        line.done();
      } catch (error) {
        line.fail(error.message);
      }
    }
    this.running = false;
  }

  /** Say what the server would say, before it is sent. */
  check({ name, size }) {
    const { bytes, suffixes } = this.limits;
    if (!suffixes.some((suffix) => name.toLowerCase().endsWith(suffix))) throw new Error(`${name}: is no image that can be read`);
    if (size > bytes) throw new Error(`${name}: is larger than ${bytes / GIGABYTE} GB; start the server with a larger --max-upload`);
  }

  /** Send a file; fetch tells nothing of its progress. */
  send(file, line) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", `/api/upload?name=${encodeURIComponent(file.name)}`);
      for (const [name, value] of Object.entries(this.api.headers)) request.setRequestHeader(name, value);
      request.responseType = "json";
      request.upload.onprogress = ({ loaded, total }) => line.show(loaded / total);
      request.onload = () => {
        if (request.status === 200) resolve(request.response);
        else reject(new Error(request.response?.error ?? `The server answered ${request.status}`));
      };
      request.onerror = () => reject(new Error(`${file.name}: the server does not answer; drop it again`));
      request.send(file);
    });
  }
}

/** The files of a drop, those in folders too. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  return (await Promise.all(entries.map(filesIn))).flat();
}

async function filesIn(entry) {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(filesIn))).flat();
}

/** A line of the list of files on their way. */
function lineOf(name) {
  const bar = make("progress", { max: 1, value: 0 });
  const text = make("span", { className: "why" });
  const element = make("li", {}, make("span", { className: "name", textContent: name }), bar, text);
  element.onclick = () => element.dataset.state && element.remove();
  return {
    element,
    show: (part) => {
      bar.value = part;
      text.textContent = part < 1 ? "" : "Checking…";
    },
    done: () => {
      element.dataset.state = "done";
      text.textContent = "Added";
      setTimeout(() => element.remove(), STAY);
    },
    fail: (why) => {
      element.dataset.state = "failed";
      bar.remove();
      text.textContent = why;
    },
  };
}
