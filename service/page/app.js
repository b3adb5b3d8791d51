"use strict";
// Every text from a file, a label or the service is set as text, never as HTML.
const PARALLEL = 4;
const MAX_TRIES = 5;
const byId = (id) => document.getElementById(id);
const model = byId("model"), version = byId("version"), maps = byId("maps");
const notice = byId("notice"), results = byId("results"), progress = byId("progress");
let models = [], waiting = [], running = 0, done = 0, total = 0, round = 0;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function headers(extra) {
  const key = sessionStorage.getItem("graft-key");
  return key ? { ...extra, Authorization: "Bearer " + key } : { ...extra };
}

function say(text) {
  notice.textContent = text;
  notice.hidden = !text;
}

async function problemOf(response) {
  try {
    return (await response.json()).detail || response.statusText;
  } catch {
    return `the service answered ${response.status}`;
  }
}

async function loadModels() {
  let response;
  try {
    response = await fetch("models", { headers: headers() });
  } catch {
    return say("The service does not answer. Is it still running?");
  }
  byId("key-form").hidden = response.status !== 401;
  if (response.status === 401) return say("This service needs an API key that it knows.");
  if (!response.ok) return say(await problemOf(response));
  models = (await response.json()).models;
  const chosen = model.value;
  model.replaceChildren(...models.map((m) => new Option(m.title ?? m.name, m.name)));
  if (models.some((m) => m.name === chosen)) model.value = chosen;
  model.disabled = models.length === 0;
  if (models.length === 0) {
    const ready = await fetch("health/ready", { headers: headers() });
    say(ready.ok ? "" : await problemOf(ready));
  }
  showVersions();
}

function showVersions() {
  const found = models.find((m) => m.name === model.value);
  if (!found) return;
  const current = new Option(found.serving ? `in service (${found.serving})` : "in service", "");
  const rest = found.versions.map((v) => {
    const option = new Option(`${v.version} (${v.state})`, v.version);
    option.disabled = ["failed", "unloaded", "incomplete"].includes(v.state);
    return option;
  });
  version.replaceChildren(current, ...rest);
  version.disabled = false;
  say(found.problem ? `${found.name}: ${found.problem}` : "");
}

function add(files) {
  const images = [...files];
  if (images.length === 0) return;
  if (!model.value) return say("There is no model to ask yet.");
  for (const file of images) {
    const card = byId("card").content.cloneNode(true).firstElementChild;
    const image = card.querySelector("img");
    image.src = URL.createObjectURL(file);
    image.alt = file.name;
    image.onerror = () => { card.querySelector(".frame").hidden = true; };
    card.querySelector("figcaption").textContent = file.name;
    card.querySelector(".answer").append(element("p", "times", "waiting …"));
    results.append(card);
    waiting.push({ file, card, round });
  }
  total += images.length;
  byId("clear").hidden = false;
  pump();
}

function pump() {
  while (running < PARALLEL && waiting.length > 0) {
    const job = waiting.shift();
    running += 1;
    classify(job).finally(() => {
      running -= 1;
      if (job.round === round) done += 1;
      pump();
    });
  }
  progress.textContent = total === 0 ? "" : done < total ? `${done} of ${total}` : `${total} done`;
}

async function classify({ file, card }) {
  const answer = card.querySelector(".answer");
  const path = `models/${encodeURIComponent(model.value)}` +
    (version.value ? `/versions/${encodeURIComponent(version.value)}` : "") + "/predict";
  try {
    const response = await post(`${path}?top_k=5&activation_map=true`, file);
    if (!response.ok) {
      if (response.status === 401) byId("key-form").hidden = false;
      return answer.replaceChildren(element("p", "problem", await problemOf(response)));
    }
    const body = await response.json();
    show(card, body.predictions[0], body.model, response.headers.get("server-timing"));
  } catch {
    answer.replaceChildren(element("p", "problem", "The service does not answer."));
  }
}

async function post(url, file) {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, {
      method: "POST",
      body: file,
      headers: headers({ "Content-Type": "application/octet-stream" }),
    });
    const wait = Number(response.headers.get("retry-after"));
    if (!wait || attempt === MAX_TRIES) return response;
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
  }
}

function show(card, prediction, from, timing) {
  const answer = card.querySelector(".answer");
  answer.replaceChildren();
  answer.classList.toggle("rejected", prediction.rejected);
  if (prediction.rejected) {
    answer.append(element("p", "note", "Unlike the images this model was trained on; do not rely on its answer."));
  }
  prediction.top.forEach(({ label, probability }, index) => {
    const row = element("div", index === 0 ? "label first" : "label");
    const percent = (100 * probability).toFixed(1) + " %";
    row.append(element("span", "", label), element("output", "", percent));
    const track = element("div", "track"), fill = element("div", "fill");
    fill.style.width = (100 * probability).toFixed(2) + "%";
    track.append(fill);
    answer.append(row, track);
  });
  const milliseconds = (timing || "").match(/dur=[\d.]+/g)?.reduce((sum, part) => sum + Number(part.slice(4)), 0);
  answer.append(element("p", "times", `${from.name} version ${from.version}` +
    (milliseconds === undefined ? "" : `, ${milliseconds.toFixed(1)} ms in the service`)));
  if (prediction.activation_map) drawMap(card, prediction.activation_map, prediction.crop_box);
}

function drawMap(card, rows, [left, top, right, bottom]) {
  const canvas = card.querySelector("canvas"), image = card.querySelector("img");
  canvas.width = rows[0].length;
  canvas.height = rows.length;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  rows.flat().forEach((value, index) => {
    pixels.data.set([255, Math.round(200 * (1 - value)), 0, Math.round(255 * value)], index * 4);
  });
  context.putImageData(pixels, 0, 0);
  const place = () => {
    const width = image.naturalWidth, height = image.naturalHeight;
    if (!width) return;
    canvas.style.left = `${(100 * left) / width}%`;
    canvas.style.top = `${(100 * top) / height}%`;
    canvas.style.width = `${(100 * (right - left)) / width}%`;
    canvas.style.height = `${(100 * (bottom - top)) / height}%`;
  };
  if (image.complete) place();
  image.addEventListener("load", place);
  canvas.dataset.map = "";
  canvas.hidden = !maps.checked;
}

model.addEventListener("change", showVersions);
maps.addEventListener("change", () => {
  for (const canvas of document.querySelectorAll("canvas[data-map]")) canvas.hidden = !maps.checked;
});
byId("files").addEventListener("change", (event) => {
  add(event.target.files);
  event.target.value = "";
});
byId("clear").addEventListener("click", () => {
  for (const image of results.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  results.replaceChildren();
  waiting = [];
  done = total = 0;
  round += 1;
  byId("clear").hidden = true;
  pump();
});
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("graft-key", byId("key").value);
  loadModels();
});
for (const type of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    byId("drop").classList.toggle("over", type === "dragover");
    if (type === "drop") add(event.dataTransfer.files);
  });
}
document.addEventListener("paste", (event) => add(event.clipboardData.files));
loadModels();
