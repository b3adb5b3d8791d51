// What was found in the folder, the costliest first, and its classes.
import { get, post, projectPath, remove, start } from "/api.js";
import { complain, el, fill, name, say, whileWaiting } from "/dom.js";
import { poll } from "/polling.js";
import { duration, has, t } from "/texts.js";
import { browse } from "/views/chooser.js";

const ASKED = { suspect_labels: "suspect_labels", conflicting_labels: "conflicting_labels", outliers: "outliers" };

export async function showData(page) {
  const { main, project, signal } = page;
  let state = await get(projectPath(project, "looking"));
  if (!state.looked && state.state !== "running" && state.state !== "failed" && state.is_there) {
    await start(projectPath(project, "looking"));
    state = await get(projectPath(project, "looking"));
  }
  const status = el("section", { "aria-live": "polite" });
  const results = el("section");
  fill(main, el("h1", {}, t("data.title")),
    el("p", { class: "quiet small" }, name(state.data), " · ", el("a", { href: `#/${encodeURIComponent(project)}/add` }, t("data.add"))), status, results);
  if (state.looked) await drawFindings(results, page);
  await poll(signal, async () => {
    state = await get(projectPath(project, "looking"));
    drawStatus(status, state, page);
    return state.state === "running";
  });
}

function drawStatus(status, state, page) {
  const again = () => whileWaiting(status.querySelectorAll("button"), async () => {
    await start(projectPath(page.project, "looking"));
    await showData(page);
  });
  if (!state.is_there) {
    drawGone(status, page);
  } else if (state.state === "running") {
    drawRunning(status, state.stage, page);
  } else if (state.state === "failed") {
    fill(status, el("p", { class: "note bad" }, state.problem || t("data.failed")), el("button", { onclick: again }, t("data.again")), " ",
      el("a", { class: "go", href: `#/${encodeURIComponent(page.project)}/pile` }, t("data.pile")));
  } else if (!state.looked) {
    fill(status, el("p", { class: "note" }, t("data.stopped")), el("button", { onclick: again }, t("data.again")));
  } else {
    if (status.childElementCount && !status.querySelector(".again")) return showData(page);
    fill(status, el("button", { class: "plain again", onclick: again }, t("data.again")));
  }
}

// The folder was moved or renamed: where is it now?
function drawGone(status, page) {
  const browser = el("section", { class: "card" });
  const take = (path) => post(projectPath(page.project, "folder"), { path }).then(() => showData(page)).catch(complain);
  fill(status, el("p", { class: "note" }, t("data.gone")), el("h2", {}, t("data.moved")), browser);
  browse(browser, null, take).catch(complain);
}

// Made once and then changed, so that the button keeps the focus and every click on it counts.
function drawRunning(status, stage, page) {
  if (!status.querySelector("progress")) {
    fill(status, el("div", { class: "card" },
      el("p", {}, t("data.looking"), " ", el("span", { class: "quiet" })), el("progress", { "aria-label": t("data.looking") }),
      el("button", { class: "plain", onclick: () => remove(projectPath(page.project, "looking")).catch(complain) }, t("stop"))));
  }
  status.querySelector("span").textContent = stageText(stage);
  const bar = status.querySelector("progress");
  if (stage?.of > 1) Object.assign(bar, { max: stage.of, value: stage.done });
  else bar.removeAttribute("value");
}

export function stageText(stage) {
  if (!stage) return "";
  const key = `stage.${stage.stage}`;
  const title = has(key) ? t(key) : stage.stage;
  const left = stage.seconds_left ? `, ${t("left", { time: duration(stage.seconds_left) })}` : "";
  return stage.of > 1 ? `${title}: ${t("of", { done: stage.done, of: stage.of })}${left}` : title;
}

async function drawFindings(results, page) {
  const found = await get(projectPath(page.project, "findings"));
  const cards = found.findings.map((finding) => card(finding, found, page));
  fill(results,
    el("p", {}, t("data.summary", { images: found.images, n: found.classes.length })),
    el("p", {}, el("a", { class: "go", href: `#/${encodeURIComponent(page.project)}/train` }, t("train.title"))),
    el("h2", {}, t("data.found")),
    cards.length ? el("ul", { class: "cards" }, cards) : el("p", { class: "quiet" }, t("data.nothing")),
    el("h2", {}, t("data.classes")),
    classList(found.classes, page),
    found.corrections ? el("p", { class: "quiet small" }, t("data.corrections", { n: found.corrections }), " ", name(found.corrections_file)) : null,
    found.left_out ? el("p", { class: "small" }, el("a", { href: `#/${encodeURIComponent(page.project)}/left-out` }, t("data.left_out", { n: found.left_out }))) : null,
  );
  say(t("data.summary", { images: found.images, n: found.classes.length }));
}

function card(finding, found, page) {
  const progress = found.questions[ASKED[finding.kind]];
  const left = progress ? progress.total - progress.answered : 0;
  const title = has(`finding.${finding.kind}`) ? t(`finding.${finding.kind}`) : finding.kind.replaceAll("_", " ");
  const answered = progress?.answered ? ` ${t("data.answered", { n: progress.answered, of: progress.total })}` : "";
  const done = progress && progress.total > 0 && left === 0;
  const details = ["quarantined", "over_limits"].includes(finding.kind) ? unreadable(found.unreadable) : null;
  return el("li", { class: `card finding ${finding.severity} ${done ? "done" : ""}` },
    el("span", { class: "mark", "aria-hidden": "true" }),
    el("h3", {}, title),
    left ? el("a", { class: "go", href: `#/${encodeURIComponent(page.project)}/review/${finding.kind}` }, t("data.review", { n: left })) : null,
    el("div", { class: "said" }, message(finding, answered), details));
}

// In the page's language; the figures of the check behind it, in English.
function message(finding, answered) {
  const whole = name(finding.message + (finding.next_step ? `; ${finding.next_step}` : ""));
  const key = `says.${finding.kind}`;
  if (!has(key) || (t(key).includes("{n}") && !finding.count)) return [whole, answered];
  return [el("span", {}, t(key, { n: finding.count }), answered), el("details", {}, el("summary", {}, t("train.words")), el("span", { lang: "en" }, whole))];
}

function unreadable(files) {
  return el("details", {}, el("summary", {}, t("data.which")),
    el("ul", {}, files.map((file) => el("li", {}, name(`${file.path}: ${file.reason}`)))));
}

function classList(classes, page) {
  return el("ul", { class: "classes" }, classes.map((one) => el("li", {},
    el("a", { href: `#/${encodeURIComponent(page.project)}/class/${encodeURIComponent(one.label)}` },
      name(one.label),
      el("small", {}, t("data.images", { n: one.images }), one.suspect ? ` · ${t("data.suspect", { n: one.suspect })}` : "")))));
}
