// Three choices in words; then how far it is; then the new version beside the one before, and the decision.
import { get, photoPath, post, projectPath, remove, start } from "/api.js";
import { complain, el, fill, name, say, whileWaiting, withNodes } from "/dom.js";
import { curve } from "/parts/curve.js";
import { watched } from "/parts/watched.js";
import { poll } from "/polling.js";
import { duration, has, percent, t } from "/texts.js";
import { stageText } from "/views/data.js";

const CHOICES = ["minute", "ten_minutes", "as_long_as_it_helps"];

export async function showTrain(page) {
  const { main, project, signal } = page;
  const [times, found] = await Promise.all([
    get(projectPath(project, "training/choices")), get(projectPath(project, "findings")),
  ]);
  const now = el("section");
  const choices = el("section");
  const versions = el("section");
  const lead = found.corrections ? t("train.corrected", { n: found.corrections }) : t("train.lead");
  fill(main, el("h1", {}, t("train.title")), el("p", { class: "quiet" }, lead), now, choices, versions);
  const view = { page, now, choices, versions, times, drawn: null, last: null };
  await follow(view, signal);
}

async function follow(view, signal) {
  await poll(signal, async () => {
    const state = await get(projectPath(view.page.project, "training"));
    const waits = state.state === "running" || state.comparing;
    const shown = JSON.stringify([state.state, state.comparison, state.default, state.comparing]);
    if (waits || shown !== view.drawn) await draw(view, state);
    if (view.last === "running" && state.state !== "running") say(t(`train.state.${state.state}`));
    view.drawn = shown;
    view.last = state.state;
    return waits;
  });
}

async function draw(view, state) {
  if (state.state === "running") {
    drawRunning(view, state);
    fill(view.choices);
    return;
  }
  if (state.state === "done" && state.published) drawResult(view, state);
  else if (state.state === "none") fill(view.now);
  else drawProblem(view, state);
  drawChoices(view, state);
  await drawVersions(view);
  if (view.first) drawAccuracy(view, state.published);
}

function drawChoices(view, state) {
  const begin = (choice) => whileWaiting(view.choices.querySelectorAll("button"), async () => {
    await start(projectPath(view.page.project, "training"), { choice });
    view.drawn = null;
    await follow(view, view.page.signal);
  });
  const card = (choice) => {
    const time = view.times.find((one) => one.choice === choice);
    const resumes = choice !== "minute" && ["stopped", "lost"].includes(state.state) && state.choice === choice;
    return el("li", { class: "card choice" },
      el("h3", {}, t(`train.${choice}`)),
      el("p", { class: "quiet" }, t(`train.${choice}.brings`)),
      el("p", { class: "small" }, t("train.takes", { time: duration(time.seconds) }), expected(time)),
      el("button", { type: "button", class: resumes || (choice === "minute" && state.state === "none") ? "main" : "", onclick: () => begin(choice) },
        t(resumes ? "train.resume" : "train.start")));
  };
  fill(view.choices, el("h2", {}, t("train.how")), el("ul", { class: "cards three" }, CHOICES.map(card)),
    view.times.some((one) => one.least_accuracy !== null) ? el("p", { class: "quiet small" }, t("train.expected.how")) : null);
}

// What a choice will probably bring, in images of a hundred; nothing where nobody can say.
function expected({ least_accuracy: least, most_accuracy: most }) {
  if (least === null) return null;
  const values = { least: percent(least), most: percent(most) };
  return ` · ${t(values.least === values.most ? "train.expected" : "train.expected.range", values)}`;
}

// Made once and then changed, so that a button keeps the focus and what was unfolded stays so.
function drawRunning(view, state) {
  if (!view.live?.card.isConnected) makeLive(view, state);
  const { bar, stage, left, drawing, images, list } = view.live;
  bar.value = Math.min(.98, state.elapsed_s / Math.max(1, state.elapsed_s + state.left_s));
  stage.textContent = stageText(state.stage && { ...state.stage, seconds_left: null });
  left.textContent = state.left_s > 5 ? t("train.left", { time: duration(state.left_s) }) : t("train.soon");
  fill(drawing, curve(state.curve));
  fillOnce(images, watched(view.page.project, state.examples), state.examples);
  fill(list, state.words.map((line) => el("li", {}, name(line.text))));
}

function makeLive(view, state) {
  const stop = () => remove(projectPath(view.page.project, "training")).catch(complain);
  const bar = el("progress", { max: 1, value: 0, "aria-label": t("train.running") });
  const stage = el("p"), left = el("p", { class: "quiet small" }), drawing = el("div"), images = el("div"), list = el("ul", { class: "small quiet" });
  const card = el("div", { class: "card" },
    el("h2", { class: "first" }, t(`train.${state.choice}`)), bar, stage, left, drawing, images,
    el("p", { class: "quiet small" }, t("train.closing")),
    el("button", { type: "button", onclick: stop }, t("stop")),
    el("details", {}, el("summary", {}, t("train.words")), list));
  view.live = { card, bar, stage, left, drawing, images, list };
  fill(view.now, card);
}

// Photos are not put into the page again while they say the same.
function fillOnce(place, child, content) {
  const key = JSON.stringify(content);
  if (place.dataset.content === key) return;
  place.dataset.content = key;
  fill(place, child);
}

function words(lines) {
  return el("details", {}, el("summary", {}, t("train.words")),
    el("ul", { class: "small quiet" }, lines.map((line) => el("li", {}, name(line.text)))));
}

function drawProblem(view, state) {
  fill(view.now, el("p", { class: `note ${state.state === "stopped" ? "" : "bad"}` },
    state.problem ? name(state.problem) : t(has(`train.state.${state.state}.${state.choice}`) ? `train.state.${state.state}.${state.choice}` : `train.state.${state.state}`)), words(state.words));
}

function drawResult(view, state) {
  const { project } = view.page;
  const decide = (decision) => whileWaiting(view.now.querySelectorAll("button"), async () => {
    await post(projectPath(project, "training/decision"), { decision });
    view.drawn = null;
    await follow(view, view.page.signal);
  });
  const isDefault = state.default === state.published;
  view.first = state.before === null ? el("span") : null;
  const report = el("a", { href: reportPath(project, state.published), target: "_blank" }, t("train.report"));
  if (state.before === null) {
    fill(view.now, el("div", { class: "card" }, el("h2", { class: "first" }, t("train.first", { version: state.published })),
      el("p", {}, t("train.first.lead"), " ", view.first), watched(project, state.examples), el("div", { class: "row" }, tryLink(project), report)));
    return;
  }
  fill(view.now, el("div", { class: "card" },
    el("h2", { class: "first" }, state.comparing ? t("train.comparing") : verdict(state.comparison)),
    state.comparison ? comparison(state.comparison) : null,
    el("p", { class: isDefault ? "" : "quiet" }, isDefault ? t("train.answers", { version: state.published }) : t("train.kept", { version: state.default })),
    el("div", { class: "row" },
      isDefault ? el("button", { type: "button", onclick: () => decide("keep") }, t("train.keep", { version: state.before }))
        : el("button", { type: "button", class: "main", onclick: () => decide("publish") }, t("train.publish", { version: state.published })),
      tryLink(project), report),
    changes(project, state.comparison)));
}

// How good the first version is, beside the hard images that are shown.
function drawAccuracy(view, version) {
  const one = view.found.find((found) => found.version === version);
  if (one) view.first.textContent = `${t("train.accuracy")}: ${percent(one.accuracy, 1)} (${t(`train.part.${one.part}`, { n: one.images })}).`;
}

const tryLink = (project) => el("a", { class: "go", href: `#/${encodeURIComponent(project)}/try` }, t("train.try"));
const reportPath = (project, version) => `/api/models/${encodeURIComponent(project)}/${version}/report`;

function verdict(found) {
  if (!found) return t("train.unknown");
  return t(`train.verdict.${found.verdict}`);
}

function comparison(found) {
  if (found.verdict === "unknown") return el("p", {}, found.why ? t(`train.unknown.${found.why}`) : name(found.reason));
  const n = found.images;
  const right = (model) => Math.round(model.accuracy * n);
  const chance = found.p_value < 0.001 ? "<0.1" : String(Math.round(found.p_value * 1000) / 10);
  const row = (model) => el("tr", {}, el("th", { scope: "row" }, t("train.version", { version: model.version })),
    el("td", {}, t("of", { done: right(model), of: n })), el("td", {}, percent(model.accuracy, 1)), el("td", {}, model.nll.toFixed(3)));
  return el("div", {},
    el("table", {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("train.model")), el("th", { scope: "col" }, t("train.right")), el("th", { scope: "col" }, t("train.accuracy")), el("th", { scope: "col" }, t("train.loss")))),
      el("tbody", {}, row(found.before), row(found.new))),
    el("p", { class: "quiet small" }, `${t(`train.part.${found.part}`, { n })}. `, found.only_new_right + found.only_before_right === 0 ? t("train.same") : t("train.sure", { chance, better: found.only_new_right, worse: found.only_before_right })),
    found.added?.length ? el("p", {}, t("train.added.lead"), " ", found.added.map((one) => t("train.added", { label: one.label, right: one.right, of: one.images })).join(" ")) : null);
}

function changes(project, found) {
  if (!found?.changed?.length) return null;
  return el("details", { open: true }, el("summary", {}, t("train.changed", { n: found.changed.length })),
    el("ul", { class: "tiles small" }, found.changed.map((one) => changed(project, one))));
}

// An image that the two versions name differently: green where the new one is right, red where it no longer is.
function changed(project, one) {
  const kind = one.new === one.label ? "better" : one.before === one.label ? "worse" : "";
  const photo = one.sha256 ? el("img", { src: photoPath(project, one.sha256, 240), alt: one.path, loading: "lazy" }) : null;
  return el("li", { class: `tile change ${kind}` }, photo, el("span", {}, withNodes(t("train.change"), { label: name(one.label), before: name(one.before), new: name(one.new) })));
}

async function drawVersions(view) {
  const { project } = view.page;
  const found = await get(`/api/models/${encodeURIComponent(project)}`);
  view.found = found.versions;
  if (!found.versions.length) return fill(view.versions);
  fill(view.versions, el("h2", {}, t("train.versions")), el("table", {},
    el("thead", {}, el("tr", {}, [t("train.model"), t("train.accuracy"), t("train.on"), ""].map((text) => el(text ? "th" : "td", text ? { scope: "col" } : {}, text)))),
    el("tbody", {}, found.versions.map((one) => el("tr", {},
      el("th", { scope: "row" }, t("train.version", { version: one.version }), one.version === found.default ? el("span", { class: "badge" }, t("train.default")) : null),
      el("td", {}, percent(one.accuracy, 1)),
      el("td", {}, t(`train.part.${one.part}`, { n: one.images })),
      el("td", {}, el("a", { href: reportPath(project, one.version), target: "_blank", "aria-label": t("train.report.of", { version: one.version }) }, t("train.report"))))))));
}
