// Validation images while a model changes: what each was taken for at first, and is now.
import { photoPath } from "/api.js";
import { el, name, withNodes } from "/dom.js";
import { t } from "/texts.js";

export function watched(project, images) {
  if (!images.length) return null;
  const right = images.filter((image) => image.now === image.label).length;
  const gained = images.filter((image) => image.now === image.label && image.before !== image.label).length;
  const title = gained ? t("watched.gained", { n: right, of: images.length, gained }) : t("watched.right", { n: right, of: images.length });
  return el("section", { class: "watched", "aria-label": t("watched.title") },
    el("h3", {}, t("watched.title")), el("p", { class: "quiet small" }, title),
    el("ul", { class: "tiles few" }, images.map((image) => el("li", {}, tile(project, image)))));
}

function tile(project, image) {
  const right = image.now === image.label;
  const photo = el("img", { src: photoPath(project, image.sha256, 240), alt: t(right ? "watched.is_right" : "watched.is_wrong"), loading: "lazy" });
  const nodes = { label: name(image.label), before: name(image.before), now: name(image.now) };
  const changed = image.before !== image.now;
  const text = right ? (changed ? "watched.became_right" : "watched.stayed_right") : "watched.wrong";
  return el("figure", { class: `tile change ${right ? "better" : "worse"}` }, photo,
    el("figcaption", {}, el("span", { class: "sign", "aria-hidden": "true" }, right ? "✓" : "✗"), " ", withNodes(t(text), nodes)));
}
