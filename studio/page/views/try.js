// The published model, asked: drop, paste, choose, or the camera a few times a second.
import { get, post } from "/api.js";
import { complain, el, fill, say } from "/dom.js";
import { answerBars } from "/parts/answer_bars.js";
import { camera } from "/parts/camera.js";
import { phoneCard } from "/parts/phone_card.js";
import { percent, t } from "/texts.js";

const EVERY_MS = 250;

export async function showTry({ main, project, signal }) {
  const found = await get(`/api/models/${encodeURIComponent(project)}`);
  if (!found.versions.length) {
    fill(main, el("h1", {}, t("try.title")), el("p", {}, t("try.none")), el("a", { class: "go", href: `#/${encodeURIComponent(project)}/train` }, t("step.train")));
    return;
  }
  const version = el("select", { "aria-label": t("train.model") },
    found.versions.map((one) => new Option(t("train.version", { version: one.version }) + (one.version === found.default ? ` (${t("train.default")})` : ""), one.version, false, one.version === found.default)));
  const heat = el("input", { type: "checkbox", checked: true, id: "heat" });
  const results = el("ol", { class: "results", "aria-label": t("try.results") });
  const ask = (image, withHeat) => post(`/api/models/${encodeURIComponent(project)}/answers?version=${version.value}&heat=${withHeat}`, image);
  const add = (files) => [...files].forEach((file) => one(results, file, ask, heat).catch(complain));
  const input = el("input", { type: "file", multiple: true, accept: "image/*", onchange: () => { add(input.files); input.value = ""; } });
  const drop = el("label", { class: "drop" }, el("strong", {}, t("try.drop")), el("span", { class: "quiet small" }, t("try.here")), input);
  for (const kind of ["dragover", "dragleave", "drop"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.toggle("over", kind === "dragover"); });
  drop.addEventListener("drop", (event) => add(event.dataTransfer.files));
  document.addEventListener("paste", (event) => add(event.clipboardData.files), { signal });
  const live = el("section", { class: "live", hidden: true });
  const open = el("button", { type: "button", onclick: () => watch(live, open, ask, signal).catch(complain) }, t("try.camera"));
  fill(main, el("h1", {}, t("try.title")),
    el("div", { class: "row" }, version, el("label", { class: "row" }, heat, t("try.heat")), open), live, drop, results, phoneCard(project, signal));
}

async function one(results, file, ask, heat) {
  const photo = el("img", { src: URL.createObjectURL(file), alt: file.name });
  const answer = el("div", { class: "answer" }, el("p", { class: "quiet" }, t("try.wait")));
  const mapped = el("img", { alt: t("try.looked"), hidden: true });
  results.prepend(el("li", { class: "card result" }, el("div", { class: "photos" }, photo, mapped), answer));
  try {
    const found = await ask(file, heat.checked);
    answerBars(answer, found);
    if (found.heat) Object.assign(mapped, { src: found.heat, hidden: false });
    say(t("try.said", { label: found.label, share: percent(found.probability) }));
  } catch (problem) {
    fill(answer, el("p", { class: "note bad" }, problem.message));
  }
}

async function watch(live, open, ask, signal) {
  if (!live.hidden) return stop();
  const eye = await camera(signal);
  const answer = el("div", { class: "answer" });
  live.hidden = false;
  open.textContent = t("try.close");
  fill(live, eye.video, answer);
  const own = new AbortController();
  const end = AbortSignal.any([signal, own.signal]);
  open.stopWatching = () => own.abort();
  end.addEventListener("abort", () => eye.close(), { once: true });
  while (!end.aborted) {
    const began = performance.now();
    const image = await eye.take();
    if (image) answerBars(answer, await ask(image, false));
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, EVERY_MS - (performance.now() - began))));
  }

  function stop() {
    open.stopWatching?.();
    live.hidden = true;
    open.textContent = t("try.camera");
  }
}
