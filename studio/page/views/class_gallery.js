// A class, those images first that are least like it. Arrow keys move, the answer keys are those of the review.
import { get, photoPath, post, projectPath } from "/api.js";
import { el, fill, name, say } from "/dom.js";
import { onKeys } from "/parts/keys.js";
import { pickLabel } from "/parts/label_picker.js";
import { oneAtATime } from "/parts/one_at_a_time.js";
import { t } from "/texts.js";

const PAGE = 60;

export async function showClass({ main, project, rest, signal }) {
  const label = rest[0] ?? "";
  const gallery = { project, label, offset: 0, at: 0, images: [], total: 0, labels: [], history: [], run: oneAtATime() };
  const list = el("ul", { class: "tiles" });
  const pager = el("div", { class: "row" });
  const found = await get(projectPath(project, "findings"));
  gallery.labels = found.classes.map((one) => one.label);
  fill(main,
    el("h1", {}, name(label || t("class.out"))),
    el("p", { class: "quiet" }, t("class.lead")),
    list,
    el("div", { class: "bar-under" }, el("div", { class: "row" }, answerButtons(gallery)), pager),
  );
  gallery.draw = () => draw(gallery, list, pager);
  const move = (step) => Object.assign(() => focus(gallery, list, gallery.at + step()), { repeats: true });
  onKeys(signal, {
    ArrowRight: move(() => 1), ArrowLeft: move(() => -1),
    ArrowDown: move(() => columns(list)), ArrowUp: move(() => -columns(list)),
    KeyK: () => give(gallery, () => gallery.label), KeyG: () => guess(gallery), KeyX: () => give(gallery, () => ""),
    KeyO: () => other(gallery), KeyZ: () => undo(gallery),
    PageDown: () => turn(gallery, PAGE), PageUp: () => turn(gallery, -PAGE),
  });
  await load(gallery);
}

async function load(gallery) {
  const query = new URLSearchParams({ label: gallery.label, offset: gallery.offset, limit: PAGE });
  const page = await get(projectPath(gallery.project, `gallery?${query}`));
  Object.assign(gallery, { images: page.images, total: page.total, at: 0 });
  gallery.draw();
}

function draw(gallery, list, pager) {
  fill(list, ...gallery.images.map((image, place) => el("li", {}, tile(gallery, image, place, list))));
  const last = Math.min(gallery.offset + PAGE, gallery.total);
  if (gallery.total <= PAGE) return fill(pager);
  fill(pager,
    el("button", { type: "button", disabled: gallery.offset === 0, onclick: () => turn(gallery, -PAGE) }, t("class.before")),
    el("span", { class: "quiet small" }, t("class.range", { from: gallery.total ? gallery.offset + 1 : 0, to: last, of: gallery.total })),
    el("button", { type: "button", disabled: last >= gallery.total, onclick: () => turn(gallery, PAGE) }, t("class.after")));
}

function tile(gallery, image, place, list) {
  const said = image.said !== null;
  const other = image.guess !== gallery.label;
  const text = said ? (image.said === "" ? t("class.out") : image.said) : other ? t("class.like", { guess: image.guess }) : image.path.split("/").pop();
  const kind = said ? (image.said === "" ? "said out" : "said") : other && image.confidence < 0.15 ? "doubt" : "";
  return el("button", {
    type: "button", class: `tile ${kind}`, "aria-pressed": String(place === gallery.at), tabIndex: place === gallery.at ? 0 : -1,
    onclick: () => focus(gallery, list, place),
  }, el("img", { src: photoPath(gallery.project, image.sha256, 240), alt: image.path, loading: "lazy" }), el("span", {}, name(text)));
}

function focus(gallery, list, place) {
  if (place < 0 || place >= gallery.images.length) return;
  gallery.at = place;
  [...list.querySelectorAll(".tile")].forEach((one, index) => {
    one.setAttribute("aria-pressed", String(index === place));
    one.tabIndex = index === place ? 0 : -1;
    if (index === place) one.focus();
  });
}

const columns = (list) => Math.max(1, getComputedStyle(list).gridTemplateColumns.split(" ").length);

// What an answer took out of the class does not lie before the next page any more: without that, images would be skipped.
const turn = (gallery, step) => gallery.run(async () => {
  if (step < 0 ? gallery.offset === 0 : gallery.offset + step >= gallery.total) return;
  const gone = gallery.images.filter((image) => image.said !== null && image.said !== gallery.label).length;
  gallery.offset = Math.max(0, gallery.offset + step - (step > 0 ? gone : 0));
  await load(gallery);
  scrollTo(0, 0);
}, { waits: true });

// The next image is seen already, so an answer to it may wait for the one before.
const give = (gallery, choose) => gallery.run(async () => {
  const image = gallery.images[gallery.at];
  const label = image ? choose(image) : null;
  if (label !== null) await save(gallery, image, label);
}, { waits: true });

async function save(gallery, image, label) {
  const answered = await post(projectPath(gallery.project, "answers"), { images: [image.sha256], label, kind: "gallery" });
  gallery.history.push({ images: [image.sha256], before: answered.before, image, said: image.said });
  image.said = label;
  say(label === "" ? t("class.out") : label);
  step(gallery, gallery.images[gallery.at] === image ? 1 : 0);
}

function step(gallery, by) {
  gallery.at = Math.max(0, Math.min(gallery.images.length - 1, gallery.at + by));
  gallery.draw();
  document.querySelector(".tile[aria-pressed=true]")?.focus();
}

const guess = (gallery) => give(gallery, (image) => image.guess);

const other = (gallery) => gallery.run(async () => {
  const image = gallery.images[gallery.at];
  const label = image ? await pickLabel(gallery.labels) : null;
  if (label !== null) await save(gallery, image, label);
}, { waits: true });

const undo = (gallery) => gallery.run(async () => {
  const last = gallery.history.at(-1);
  if (!last) return;
  await post(projectPath(gallery.project, "undo"), { images: last.images, before: last.before });
  gallery.history.pop();
  last.image.said = last.said;
  gallery.at = Math.max(0, gallery.images.indexOf(last.image));
  step(gallery, 0);
}, { waits: true });

function answerButtons(gallery) {
  const button = (key, text, onclick) => el("button", { type: "button", onclick, "aria-keyshortcuts": key }, el("kbd", { "aria-hidden": "true" }, key), text);
  return [
    button("K", t("class.keep"), () => give(gallery, () => gallery.label)),
    button("G", t("class.guess"), () => guess(gallery)),
    button("O", t("review.other"), () => other(gallery)),
    button("X", t("review.out"), () => give(gallery, () => "")),
    button("Z", t("review.undo"), () => undo(gallery)),
  ];
}
