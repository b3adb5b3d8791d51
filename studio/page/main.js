// The shell: address to view. `#/` chooses a folder, `#/PROJECT/VIEW/…` shows a view of a project.
import { complain, el, name } from "/dom.js";
import { LANGUAGES, language, setLanguage, t } from "/texts.js";
import { showAdd } from "/views/add.js";
import { showChooser } from "/views/chooser.js";
import { showClass } from "/views/class_gallery.js";
import { showCollect } from "/views/collect.js";
import { showData } from "/views/data.js";
import { showLeftOut } from "/views/left_out.js";
import { showPile } from "/views/pile.js";
import { showReview } from "/views/review.js";
import { showTrain } from "/views/train.js";
import { showTry } from "/views/try.js";

const VIEWS = { data: showData, review: showReview, class: showClass, train: showTrain, try: showTry, pile: showPile, collect: showCollect, add: showAdd, "left-out": showLeftOut };
const STEPS = ["data", "review", "train", "try", "pile", "collect"];
const main = document.getElementById("main");
let leave = null;

function parts() {
  return location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decoded);
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed, or cut off on its way
  }
}

async function show() {
  if (location.hash === "#main") return;
  const [project, view = "data", ...rest] = parts();
  if (leave) leave.abort();
  leave = new AbortController();
  drawHeader(project, view);
  // A place of its own: a view that was left before its answers came would write over the next one.
  const place = el("div", { tabIndex: -1 });
  main.replaceChildren(place);
  const page = { main: place, project, rest, signal: leave.signal };
  document.documentElement.lang = language;
  try {
    if (!project) await showChooser(page);
    else await (VIEWS[view] || showData)(page);
  } catch (problem) {
    if (!page.signal.aborted) place.replaceChildren(el("h1", {}, t("trouble")), el("p", { class: "note bad" }, problem.message));
  }
  if (page.signal.aborted) return;
  const title = place.querySelector("h1")?.textContent || "";
  document.title = title ? `${title} · Graft studio` : "Graft studio";
  // Not from what the view, or the person meanwhile, has chosen.
  if (!place.contains(document.activeElement)) main.focus({ preventScroll: true });
}

function drawHeader(project, view) {
  document.getElementById("skip").textContent = t("skip");
  const steps = document.getElementById("steps");
  steps.setAttribute("aria-label", t("steps"));
  const link = (step) => el("a", {
    href: `#/${encodeURIComponent(project)}/${step}`,
    "aria-current": view === step || (step === "data" && ["class", "add", "left-out"].includes(view)) ? "page" : null,
  }, t(`step.${step}`));
  steps.replaceChildren(...(project ? STEPS.map(link) : []));
  document.getElementById("project").replaceChildren(...(project ? [name(project)] : []));
  const choice = document.getElementById("language");
  choice.setAttribute("aria-label", t("language"));
  choice.replaceChildren(...Object.entries(LANGUAGES).map(([tag, own]) => new Option(own, tag, false, tag === language)));
}

document.getElementById("language").addEventListener("change", (event) => {
  setLanguage(event.target.value);
  show();
});
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
// A photo dropped beside the place for it would open in the place of the page.
for (const kind of ["dragover", "drop"]) {
  addEventListener(kind, (event) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  });
}
addEventListener("hashchange", show);
addEventListener("unhandledrejection", (event) => complain(event.reason));
show();
