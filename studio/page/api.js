// Calls of the studio's own API. A refusal becomes an Error with the sentence to show.
import { t } from "/texts.js";

const GONE = "gone";
const RUNNING = "running";

export class Refused extends Error {
  constructor(problem, status) {
    super(problem.detail || String(status));
    this.code = problem.code;
    this.status = status;
  }

  // Nothing answered: the network, or the studio, may be back in a moment.
  get isGone() {
    return this.code === GONE;
  }
}

async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body instanceof Blob) {
    options.body = body;
  } else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["content-type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused({ code: GONE, detail: t("gone") }, 0);
  }
  const text = await response.text();
  let content = {};
  try {
    content = text ? JSON.parse(text) : {};
  } catch { /* an answer without JSON has nothing to say */ }
  if (!response.ok) throw new Refused(content, response.status);
  return content;
}

export const get = (path) => call("GET", path);
export const post = (path, body) => call("POST", path, body ?? {});
export const remove = (path) => call("DELETE", path);

// Starts what runs once at a time; where another page, or another click, has started it, that is as good.
export async function start(path, body) {
  try {
    await post(path, body);
  } catch (problem) {
    if (problem.status !== 409 || (await get(path)).state !== RUNNING) throw problem;
  }
}

export const projectPath = (project, rest) => `/api/projects/${encodeURIComponent(project)}/${rest}`;
export const photoPath = (project, sha256, side) => projectPath(project, `photos/${sha256}?side=${side}`);
