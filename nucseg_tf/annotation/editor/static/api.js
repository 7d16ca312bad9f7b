/** Talking to the server; the token comes from the fragment of the page's address. */

/** A refusal of the server: `status` is 0 where there was no answer. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** Whether the same request may succeed later. */
  get isPassing() {
    return [0, 429, 500, 502, 503, 504].includes(this.status);
  }
}

/** A random name. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Api {
  constructor() {
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    if (given) {
      sessionStorage.setItem("nucseg:token", given);
      history.replaceState(null, "", "/");
    }
    this.token = sessionStorage.getItem("nucseg:token") ?? "";
    this.page = sessionStorage.getItem("nucseg:page") ?? randomId();
    sessionStorage.setItem("nucseg:page", this.page);
    this.user = "";
    this.project = ""; // id of the project that the page shows
    this.onGone = () => {}; // called when the server has opened another one
  }

  /** What every request says. */
  get headers() {
    const project = this.project ? { "x-project": this.project } : {};
    return { authorization: `Bearer ${this.token}`, ...project };
  }

  /** Take a new name for this page: another one has it. */
  rename() {
    this.page = randomId();
    sessionStorage.setItem("nucseg:page", this.page);
  }

  /** @returns {Promise<Response>} of a request that was granted */
  async fetch(path, options = {}) {
    const headers = { ...this.headers, ...options.headers };
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch {
      throw new ApiError(0, "The server does not answer");
    }
    if (response.ok) return response;
    const text = await response.text();
    if (response.status === 410) this.onGone();
    throw new ApiError(response.status, errorText(text) || `The server answered ${response.status}`);
  }

  /** A JSON answer; `query` names the field. */
  async get(path, field) {
    return (await this.fetch(withField(path, field))).json();
  }

  /** Bytes, and the revision and the model that came with them; `of` asks for other labels. */
  async bytes(path, field, of = "") {
    const response = await this.fetch(withField(path, field) + (of && `&of=${of}`));
    const revision = Number(response.headers.get("x-revision"));
    const model = response.headers.get("x-model") ?? "";
    return { buffer: await response.arrayBuffer(), revision, model };
  }

  /** Send what every request of a page says, and `extra`. */
  async post(path, field, extra = {}, keepalive = false) {
    const body = JSON.stringify({ field, page: this.page, user: this.user, ...extra });
    const headers = { "content-type": "application/json" };
    return (await this.fetch(path, { method: "POST", body, headers, keepalive })).json();
  }
}

function withField(path, field) {
  return field === undefined ? path : `${path}?field=${encodeURIComponent(field)}`;
}

function errorText(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return "";
  }
}
