// The page of a phone: take a photo or choose some, and see what the model takes them for.
import { post } from "/api.js";
import { el, fill, say } from "/dom.js";
import { answerBars } from "/parts/answer_bars.js";
import { language, percent, t } from "/texts.js";

const results = el("ol", { class: "results", "aria-label": t("try.results") });

// `capture` opens the phone's camera; it works without https, which a live picture does not.
function chooser(text, options, main) {
  const input = el("input", { type: "file", accept: "image/*", class: "unseen", ...options, onchange: () => {
    [...input.files].forEach(ask);
    input.value = "";
  } });
  return el("label", { class: main ? "press main" : "press" }, input, text);
}

async function ask(file) {
  const photo = el("img", { src: URL.createObjectURL(file), alt: file.name });
  const answer = el("div", { class: "answer" }, el("p", { class: "quiet" }, t("try.wait")));
  results.prepend(el("li", { class: "card result" }, el("div", { class: "photos" }, photo), answer));
  try {
    const found = await post("/api/answers", file);
    answerBars(answer, found);
    say(t("try.said", { label: found.label, share: percent(found.probability) }));
  } catch (problem) {
    fill(answer, el("p", { class: "note bad" }, problem.isGone ? t("phone.gone") : problem.message));
  }
}

document.documentElement.lang = language;
document.title = t("try.title");
fill(document.getElementById("main"),
  el("h1", {}, t("try.title")),
  el("div", { class: "row" }, chooser(t("phone.take"), { capture: "environment" }, true), chooser(t("phone.choose"), { multiple: true })),
  el("p", { class: "quiet small" }, t("phone.privacy")),
  results);
