// A model's answer about one image, as bars.
import { el, fill, name } from "/dom.js";
import { percent, t } from "/texts.js";

export function answerBars(place, found) {
  fill(place,
    found.rejected ? el("p", { class: "note" }, t("try.rejected")) : null,
    found.top.map((one, rank) => el("div", { class: rank === 0 && !found.rejected ? "guess best" : "guess" },
      el("div", { class: "guess-label" }, name(one.label), el("span", {}, percent(one.probability, 1))),
      el("meter", { max: 1, value: one.probability, "aria-label": one.label }))));
}
