// Photos that are named together: a click, or X at the arrow keys' place, strikes one out.
import { el, fill, name } from "/dom.js";
import { t } from "/texts.js";

export function tileRow(images, { source, caption = (image) => image.path.split("/").pop() }) {
  const list = el("ul", { class: "tiles" });
  const row = { list, images, struck: new Set(), at: 0 };
  row.kept = () => images.filter((image) => !row.struck.has(image.sha256));
  row.strike = (place) => {
    const { sha256 } = images[place];
    if (!row.struck.delete(sha256)) row.struck.add(sha256);
    row.at = place;
    draw(true);
  };
  row.move = (step) => {
    const to = row.at + step;
    if (to < 0 || to >= images.length) return;
    row.at = to;
    draw(true);
  };
  row.columns = () => Math.max(1, getComputedStyle(list).gridTemplateColumns.split(" ").length);

  function draw(focus) {
    fill(list, images.map((image, place) => {
      const out = row.struck.has(image.sha256);
      return el("li", {}, el("button", {
        type: "button", class: out ? "tile said out" : "tile", "aria-pressed": String(out), tabIndex: place === row.at ? 0 : -1,
        onclick: () => row.strike(place),
      }, el("img", { src: source(image, 240), alt: image.path }), el("span", {}, out ? t("pile.struck") : name(caption(image)))));
    }));
    if (focus) list.querySelectorAll("button")[row.at]?.focus();
  }
  draw(false);
  return row;
}
