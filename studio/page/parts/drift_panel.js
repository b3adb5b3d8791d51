// The answers of the last days beside those on validation images, the rule for an alert, and whether it holds.
import { el, name } from "/dom.js";
import { percent, t } from "/texts.js";

export function driftPanel(drift) {
  const title = el("h2", {}, t("drift.title"));
  if (drift.version === null || drift.recent.images === null) return [title, el("p", { class: "quiet" }, t("drift.none"))];
  return [title, el("p", { class: "quiet" }, t("drift.lead", { version: drift.version, days: drift.window_days })),
    ...alerts(drift), figures(drift), labels(drift), days(drift)];
}

function alerts(drift) {
  const { rule } = drift;
  const points = (share) => Math.round(share * 100);
  const said = drift.validation.images === null ? el("p", { class: "note" }, t("drift.no_reference"))
    : drift.alerts.length ? el("div", { class: "note" }, drift.alerts.map((alert) => el("div", {}, t(`drift.alert.${alert}`))))
      : el("p", { class: "calm" }, t(drift.recent.images < rule.images ? "drift.too_few" : "drift.calm"));
  return [said, el("p", { class: "quiet small" }, t("drift.rule", {
    images: rule.images, rejected: points(rule.rejected), probability: points(rule.top_probability), shift: percent(rule.label_shift, 0),
  }))];
}

const share = (value) => (value === null ? "–" : percent(value, 1));
const cell = (text) => el("td", {}, text);
const heads = (...texts) => el("thead", {}, el("tr", {}, texts.map((text) => el("th", { scope: "col" }, text))));
// May be wider than a phone: then it scrolls by itself, also by keys.
const wide = (label, table) => el("div", { class: "wide", role: "group", "aria-label": label, tabIndex: 0 }, table);
const row = (head, ...cells) => el("tr", {}, el("th", { scope: "row" }, head), cells.map(cell));

function figures({ recent, validation, label_shift: shift, window_days: count }) {
  const number = (value) => (value === null ? "–" : value.toLocaleString(document.documentElement.lang));
  return wide(t("drift.title"), el("table", {}, heads(t("drift.what"), t("drift.recent", { days: count }), t("drift.validation")), el("tbody", {},
    row(t("drift.images"), number(recent.images), number(validation.images)),
    row(t("drift.rejected"), share(recent.rejected), share(validation.rejected)),
    row(t("drift.probability"), share(recent.top_probability), share(validation.top_probability)),
    row(t("drift.shift"), shift === null ? t("drift.shift.too_few") : percent(shift, 1), ""))));
}

function labels({ labels: found, window_days: count }) {
  if (!found.length) return null;
  const bar = (value) => el("td", {}, el("span", { class: "share" }, el("meter", { max: 1, value, "aria-hidden": "true" }), percent(value, 1)));
  return el("details", {}, el("summary", {}, t("drift.labels")), wide(t("drift.labels"), el("table", {}, heads(t("drift.label"), t("drift.recent", { days: count }), t("drift.validation")),
    el("tbody", {}, found.map((one) => el("tr", {}, el("th", { scope: "row" }, name(one.label)), bar(one.recent), bar(one.validation)))))));
}

function days({ days: found }) {
  const day = (text) => new Date(`${text}T00:00:00Z`).toLocaleDateString(document.documentElement.lang, { timeZone: "UTC", month: "short", day: "numeric" });
  return el("details", {}, el("summary", {}, t("drift.days")), wide(t("drift.days"), el("table", {}, heads(t("drift.day"), t("drift.images"), t("drift.rejected"), t("drift.probability")),
    el("tbody", {}, found.map((one) => row(day(one.day), one.images.toLocaleString(document.documentElement.lang), share(one.rejected), share(one.top_probability)))))));
}
