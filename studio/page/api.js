// Calls of the studio's own API. A refusal becomes an Error with the sentence to show.

export class Refused extends Error {
  constructor(problem, status) {
    super(problem.detail || String(status));
    this.code = problem.code;
    this.status = status;
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
    throw new Refused({ code: "gone", detail: "The studio does not answer." }, 0);
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

export const projectPath = (project, rest) => `/api/projects/${encodeURIComponent(project)}/${rest}`;
export const photoPath = (project, sha256, side) => projectPath(project, `photos/${sha256}?side=${side}`);
