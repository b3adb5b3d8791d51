// The validation accuracy while it trains, as a line.
import { el } from "/dom.js";
import { percent, t } from "/texts.js";

const WIDTH = 480, HEIGHT = 140, MARGIN = 34;

function svg(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

export function curve(points) {
  if (points.length < 2) return null;
  const values = points.map((point) => point.val_accuracy);
  const lowest = Math.min(...values), range = Math.max(...values) - lowest, last = values.at(-1);
  const spread = Math.max(range, 0.02), low = lowest - (spread - range) / 2;
  const x = (place) => MARGIN + (place / (points.length - 1)) * (WIDTH - 2 * MARGIN);
  const y = (value) => HEIGHT - 22 - ((value - low) / spread) * (HEIGHT - 44);
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "curve", "aria-label": t("train.curve", { from: percent(values[0], 1), to: percent(last, 1) }) });
  drawing.append(
    svg("polyline", { points: values.map((value, place) => `${x(place)},${y(value)}`).join(" "), class: "line" }),
    svg("circle", { cx: x(values.length - 1), cy: y(last), r: 4, class: "dot" }),
    svg("text", { x: x(0), y: y(values[0]) - 8, "text-anchor": "middle" }, percent(values[0], 1)),
    svg("text", { x: x(values.length - 1), y: y(last) - 8, "text-anchor": "middle" }, percent(last, 1)));
  return el("figure", { class: "curve" }, drawing, el("figcaption", { class: "quiet small" }, t("train.curve.title")));
}
