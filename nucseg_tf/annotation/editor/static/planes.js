/** The dialog that chooses channel, plane and time of the images, and says whether nuclei are dark. */

import { $, make, toast } from "./dom.js";

const NAMES = { channel: "Channel", z: "Plane (z)", t: "Time" };

export class Planes {
  /**
   * @param {import("./api.js").Api} api
   * @param {import("./editor.js").Editor} editor
   * @param {import("./thumbnails.js").Thumbnails} thumbnails
   */
  constructor(api, editor, thumbnails) {
    Object.assign(this, { api, editor, thumbnails });
    this.key = ""; // of the field that is asked about
    this.selects = {};
    $("choose-plane").onclick = () => {
      const key = editor.field?.key ?? this.key;
      if (key) this.show(key);
    };
    $("planes-use").onclick = () => this.use();
  }

  /** Say what is chosen now. */
  label(choice) {
    const { invert, ...roles } = choice ?? {};
    const parts = Object.entries(roles).filter(([, value]) => value !== null);
    const texts = parts.map(([role, value]) => (role === "channel" ? value : `${role} ${value}`));
    if (invert) texts.push("dark nuclei");
    $("choose-plane").textContent = texts.join(" · ") || "Channel and plane…";
  }

  /** Ask for the plane of a field's image; `why` says that nothing is shown without. */
  async show(key, why = "") {
    this.key = key;
    let found;
    try {
      found = await this.api.get("/api/planes", key);
    } catch (error) {
      toast(error.message, "bad");
      return;
    }
    const roles = Object.entries(found.offered);
    this.over = false;
    this.chosen = found.chosen;
    this.selects = {};
    const rows = roles.map(([role, options]) => this.row(role, options, found));
    $("planes-choices").replaceChildren(...rows);
    this.offerInvert(found);
    const text = roles.length ? `Those of ${key}` : `${key} has one channel and one plane`;
    $("planes-text").textContent = why ? `${key} has several. Which one shows the nuclei?` : text;
    this.say("");
    if (!$("planes").open) $("planes").showModal();
  }

  row(role, options, { chosen, fixed }) {
    const select = make("select", { disabled: fixed.includes(role), data: { role } });
    select.append(...options.map(([value, textContent]) => make("option", { value, textContent })));
    if (options.some(([value]) => value === chosen[role])) select.value = chosen[role];
    const note = fixed.includes(role) ? " (by the command line)" : "";
    this.selects[role] = select;
    return make("label", {}, make("span", { textContent: NAMES[role] + note }), select);
  }

  offerInvert({ chosen, fixed }) {
    const given = fixed.includes("invert");
    Object.assign($("planes-invert"), { checked: chosen.invert, disabled: given });
    $("planes-invert-note").hidden = !given;
  }

  async use() {
    const picked = Object.entries(this.selects).map(([role, select]) => [role, select.value]);
    const invert = $("planes-invert").checked;
    const body = { ...this.chosen, ...Object.fromEntries(picked), invert, over: this.over };
    try {
      const choice = await this.api.post("/api/planes", this.key, body);
      $("planes").close();
      this.label(choice);
      this.thumbnails.forget();
      this.editor.fields.draw();
      await this.editor.open(this.key);
    } catch (error) {
      this.over = error.status === 409;
      const more = " Their labels stay as they are. Press again to show the other plane all the same.";
      this.say(this.over ? `${error.message}.${more}` : error.message);
    }
  }

  say(text) {
    $("planes-error").textContent = text;
    $("planes-error").hidden = !text;
  }
}
