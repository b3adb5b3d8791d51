// One image, one question, one key. The answer is on the disk before the next question shows.
import { get, photoPath, post, projectPath, start } from "/api.js";
import { complain, el, fill, name, say, whileWaiting, withNodes } from "/dom.js";
import { keyName, onKeys } from "/parts/keys.js";
import { pickLabel } from "/parts/label_picker.js";
import { oneAtATime } from "/parts/one_at_a_time.js";
import { percent, t } from "/texts.js";

const KINDS = ["suspect_labels", "conflicting_labels", "outliers"];

export async function showReview(page) {
  const { main, project, rest, signal } = page;
  const kind = KINDS.includes(rest[0]) ? rest[0] : (await openKinds(project))[0] || KINDS[0];
  const place = el("div");
  fill(main, place);
  const review = { page, kind, place, state: null, history: [], run: oneAtATime() };
  const act = (answer) => () => give(review, answer);
  onKeys(signal, {
    KeyK: act((q) => q.label), Digit1: act((q) => q.label),
    KeyG: act((q) => q.guess), Digit2: act((q) => q.guess),
    KeyO: () => other(review), Slash: () => other(review),
    KeyX: act(() => ""), Delete: act(() => ""),
    KeyZ: () => undo(review), Backspace: () => undo(review),
  });
  review.state = await get(projectPath(project, `questions/${kind}`));
  draw(review);
}

async function openKinds(project) {
  const { questions } = await get(projectPath(project, "findings"));
  return KINDS.filter((kind) => questions[kind].total > questions[kind].answered);
}

const give = (review, choose) => review.run(() => save(review, choose));

async function save(review, choose) {
  const question = review.state?.questions[0];
  const label = question && choose(question);
  if (label === null || label === undefined) return;
  const images = [...new Set([question.image, ...question.copies].map((image) => image.sha256))];
  const answered = await post(projectPath(review.page.project, "answers"), { images, label, kind: review.kind });
  review.history.push({ images, before: answered.before });
  review.state = answered;
  draw(review);
}

const other = (review) => review.run(async () => {
  if (!review.state?.questions.length) return;
  const label = await pickLabel(review.state.labels);
  await save(review, () => label);
}, { waits: true });

const undo = (review) => review.run(async () => {
  if (!review.history.length) return;
  await post(projectPath(review.page.project, "undo"), review.history.at(-1));
  review.history.pop();
  review.state = await get(projectPath(review.page.project, `questions/${review.kind}`));
  draw(review);
}, { waits: true });

function draw(review) {
  const { place, state, kind, page } = review;
  const question = state.questions[0];
  if (!question) return drawEnd(review);
  for (const next of state.questions.slice(1)) {
    new Image().src = photoPath(page.project, next.image.sha256, 1280);
    for (const alike of [...next.like_label, ...next.like_guess]) new Image().src = photoPath(page.project, alike.sha256, 240);
  }
  const names = { label: el("strong", {}, name(question.label)), guess: el("strong", {}, name(question.guess)) };
  const sentence = t(`ask.${kind}`, { label: question.label, guess: question.guess });
  fill(place,
    counter(state.progress),
    el("h1", {}, withNodes(t(`ask.${kind}`), names)),
    el("div", { class: "review" },
      el("div", {},
        el("figure", {},
          el("div", { class: "large" }, photo(page.project, question.image, 1280)),
          el("figcaption", {}, name(question.image.path), kind === "suspect_labels" ? ` · ${t("review.confidence", { share: percent(question.confidence, 1), label: question.label })}` : "")),
        buttons(review, question)),
      el("div", {},
        alike(page.project, t("review.like"), question.label, question.like_label),
        question.guess === question.label ? null : alike(page.project, t("review.like"), question.guess, question.like_guess))));
  say(sentence);
}

function counter(progress) {
  const bar = el("progress", { max: progress.total, value: progress.answered });
  bar.setAttribute("aria-label", t("review.progress"));
  return el("div", { class: "count" }, bar, el("span", {}, t("of", { done: progress.answered, of: progress.total })));
}

function photo(project, image, side) {
  return el("img", { src: photoPath(project, image.sha256, side), alt: image.path });
}

function alike(project, title, label, images) {
  return el("section", { class: "alike" },
    el("h2", {}, name(label), el("span", { class: "quiet small" }, title)),
    images.length
      ? el("div", { class: "strip" }, images.map((image) => photo(project, image, 240)))
      : el("p", { class: "quiet small" }, t("review.none")));
}

function buttons(review, question) {
  const button = (code, text, onclick, main = false) => el("button", {
    type: "button", class: main ? "main" : "", onclick, "aria-keyshortcuts": keyName(code),
  }, el("kbd", { "aria-hidden": "true" }, keyName(code)), el("span", {}, text));
  const act = (choose) => () => give(review, choose);
  return el("div", { class: "answers" },
    button("KeyK", withNodes(t("review.keep"), { label: name(question.label) }), act((q) => q.label)),
    question.guess === question.label ? null : button("KeyG", withNodes(t("review.guess"), { guess: name(question.guess) }), act((q) => q.guess), true),
    button("KeyO", t("review.other"), () => other(review)),
    button("KeyX", t("review.out"), act(() => "")),
    review.history.length ? button("KeyZ", t("review.undo"), () => undo(review)) : null);
}

function drawEnd(review) {
  const { place, state, page } = review;
  const to = (view) => `#/${encodeURIComponent(page.project)}/${view}`;
  const undoButton = review.history.length
    ? el("button", { type: "button", onclick: () => undo(review) }, el("kbd", {}, "Z"), t("review.undo")) : null;
  const again = (event) => whileWaiting([event.currentTarget], async () => {
    await start(projectPath(page.project, "looking"));
    location.hash = to("data");
  });
  const more = el("span", { class: "row" });
  openKinds(page.project).then((kinds) => fill(more, kinds.map((kind) => el("a", { class: "go", href: to(`review/${kind}`) }, t(`finding.${kind}`))))).catch(() => {});
  fill(place,
    state.progress.total ? counter(state.progress) : null,
    el("h1", {}, t(state.progress.total ? "review.done" : "review.nothing")),
    el("p", { class: "quiet" }, t(state.progress.total ? "review.next" : "review.nothing.lead")),
    el("div", { class: "row" }, more, el("button", { type: "button", onclick: again }, t("data.again")), el("a", { class: "go", href: to("train") }, t("train.title")), undoButton));
  say(t("review.done"));
}
