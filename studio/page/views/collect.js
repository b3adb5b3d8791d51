// What the service has kept: one image, one question, one key; copied into the class folders on a word.
import { get, post, projectPath } from "/api.js";
import { complain, el, fill, name, say, withNodes } from "/dom.js";
import { driftPanel } from "/parts/drift_panel.js";
import { keyName, onKeys } from "/parts/keys.js";
import { pickLabel } from "/parts/label_picker.js";
import { oneAtATime } from "/parts/one_at_a_time.js";
import { percent, t } from "/texts.js";
import { copiedText } from "/views/pile.js";

const REASONS = ["", "rejected", "uncertain", "sample"];
// What the model said has 1 to 5; names that were given here lately have the other digits.
const DIGITS = ["Digit1", "Digit2", "Digit3", "Digit4", "Digit5", "Digit6", "Digit7", "Digit8", "Digit9", "Digit0"];
const OF_MODEL = 5;
const FEWEST_SORTED = 20;

export async function showCollect(page) {
  const queue = { page, place: el("div"), reason: "", images: [], labels: [], given: [], total: 0, decided: 0, history: [], run: oneAtATime() };
  const drift = el("section", { class: "card drift" });
  fill(page.main, queue.place, drift);
  const now = () => queue.images[0];
  const digits = DIGITS.map((code, place) => [code, () => now() && choices(queue)[place] && give(queue, choices(queue)[place])]);
  onKeys(page.signal, {
    ...Object.fromEntries(digits),
    KeyG: () => now() && give(queue, now().feedback ?? now().label), KeyO: () => other(queue), Slash: () => other(queue),
    KeyX: () => give(queue, null), KeyZ: () => undo(queue),
  });
  await load(queue);
  fill(drift, driftPanel(await get(projectPath(page.project, "kept/drift"))));
}

async function load(queue) {
  const query = new URLSearchParams({ order: "least sure", ...(queue.reason ? { reason: queue.reason } : {}) });
  Object.assign(queue, await get(projectPath(queue.page.project, `kept?${query}`)));
  // Classes that were begun here keep their keys, also when the page is opened again.
  for (const label of queue.new) if (!queue.given.includes(label)) queue.given = [...queue.given, label].slice(-(DIGITS.length - OF_MODEL));
  draw(queue);
}

const photoOf = (queue, image, side) => projectPath(queue.page.project, `kept/photos/${image.sha256}?side=${side}`);

function draw(queue) {
  const image = queue.images[0];
  for (const next of queue.images.slice(1, 4)) new Image().src = photoOf(queue, next, 1280);
  const reason = el("select", { "aria-label": t("collect.show"), onchange: () => { queue.reason = reason.value; load(queue).catch(complain); } },
    REASONS.map((one) => new Option(t(`collect.reason.${one || "all"}`), one, false, one === queue.reason)));
  if (!image) {
    fill(queue.place, el("h1", {}, t(queue.decided || queue.reason ? "collect.done" : "collect.none")),
      queue.decided ? null : el("p", { class: "quiet" }, t("collect.how"), " ", el("code", {}, "GRAFT_KEEP=rejected,uncertain:0.6,sample:0.01"), " ", el("code", {}, name(`GRAFT_KEEP_DIR=${queue.folder}`))),
      el("div", { class: "row" }, queue.decided || queue.reason ? reason : null, undoButton(queue)), ending(queue));
    return;
  }
  const guess = image.feedback ?? image.label;
  fill(queue.place,
    el("div", { class: "count" }, el("progress", { max: queue.total + queue.decided, value: queue.decided, "aria-label": t("review.progress") }), el("span", {}, t("collect.left", { n: queue.total })), reason),
    el("h1", {}, withNodes(t(image.feedback ? "collect.told" : image.rejected ? "collect.rejected" : "collect.ask"), { label: name(guess) })),
    el("div", { class: "review" },
      el("div", {}, el("figure", {}, el("div", { class: "large" }, el("img", { src: photoOf(queue, image, 1280), alt: image.path })),
        el("figcaption", {}, [new Date(image.time).toLocaleString(document.documentElement.lang), ...image.reasons.map((one) => t(`collect.reason.${one}`))].join(" · "))), buttons(queue, guess, !image.rejected)),
      numbered(queue, image)),
    ending(queue), sorting(queue));
  say(t("collect.ask", { label: guess }));
}

const button = (code, text, onclick, main) => el("button", { type: "button", class: main ? "main" : "", onclick, "aria-keyshortcuts": keyName(code) },
  el("kbd", { "aria-hidden": "true" }, keyName(code)), el("span", {}, text));
const undoButton = (queue) => (queue.history.length ? button("KeyZ", t("review.undo"), () => undo(queue)) : null);

function buttons(queue, guess, isLikely) {
  return el("div", { class: "answers" },
    button("KeyG", withNodes(t("review.guess"), { guess: name(guess) }), () => give(queue, guess), isLikely),
    button("KeyO", t("review.other"), () => other(queue), !isLikely),
    button("KeyX", t("collect.useless"), () => give(queue, null)),
    undoButton(queue));
}

// The labels of the number keys, in their order: a name that was given once is one key from then on.
function choices(queue) {
  const said = queue.images[0].top.slice(0, OF_MODEL).map((one) => one.label);
  const padded = [...said, ...Array(OF_MODEL - said.length).fill(null)];
  return [...padded, ...queue.given];
}

function numbered(queue, image) {
  const labels = choices(queue);
  const line = (label, place, share) => el("button", {
    type: "button", class: "guess numbered", "data-label": label, "aria-keyshortcuts": keyName(DIGITS[place]), onclick: () => give(queue, label),
  }, el("kbd", { "aria-hidden": "true" }, keyName(DIGITS[place])), el("span", { class: "guess-label" }, name(label), share === null ? null : el("span", {}, percent(share, 1))),
  share === null ? null : el("meter", { max: 1, value: share, "aria-hidden": "true" }));
  const given = labels.slice(OF_MODEL);
  return el("section", { class: "alike" }, el("h2", {}, t("collect.model")),
    image.top.slice(0, OF_MODEL).map((one, place) => line(one.label, place, one.probability)),
    given.length ? el("h2", {}, t("collect.given")) : null, given.map((label, place) => line(label, place + OF_MODEL, null)));
}

const give = (queue, label) => queue.run(() => save(queue, label));

async function save(queue, label) {
  const image = queue.images[0];
  if (!image) return;
  try {
    await post(projectPath(queue.page.project, "kept"), { sha256: image.sha256, label });
    queue.history.push(image);
    queue.images.shift();
    queue.total -= 1;
    queue.decided += 1;
    remember(queue, image, label);
    if (queue.images.length) draw(queue);
    else await load(queue);
  } catch (problem) {
    if (problem.status === 404) await load(queue);
    throw problem;
  }
}

function remember(queue, image, label) {
  if (!label) return;
  if (!queue.labels.includes(label)) queue.labels.push(label);
  if (!queue.given.includes(label) && !image.top.some((one) => one.label === label)) queue.given = [...queue.given.slice(-(DIGITS.length - OF_MODEL) + 1), label];
}

const other = (queue) => queue.run(async () => {
  if (!queue.images.length) return;
  const label = await pickLabel(queue.labels, { canAdd: true });
  if (label !== null) await save(queue, label);
}, { waits: true });

// What was said of the last image is taken back, and it is asked again.
const undo = (queue) => queue.run(async () => {
  if (!queue.history.length) return;
  await post(projectPath(queue.page.project, "kept/undo"), { sha256: queue.history.at(-1).sha256 });
  const image = queue.history.pop();
  queue.images.unshift(image);
  queue.total += 1;
  queue.decided -= 1;
  draw(queue);
}, { waits: true });

// Many that look alike are named faster as groups, in the view of piles.
function sorting(queue) {
  if (queue.total < FEWEST_SORTED) return null;
  const sort = () => post(projectPath(queue.page.project, "kept/sort"))
    .then(() => { location.hash = `#/${encodeURIComponent(queue.page.project)}/pile`; }).catch(complain);
  return el("p", {}, el("button", { type: "button", onclick: sort }, t("collect.sort", { n: queue.total })));
}

function ending(queue) {
  const said = el("p", { role: "status" });
  const copy = () => post(projectPath(queue.page.project, "kept/copy"))
    .then((done) => { said.textContent = copiedText(done); }).catch(complain);
  return queue.decided ? el("section", { class: "answers" }, el("button", { type: "button", onclick: copy }, t("collect.copy")), said) : null;
}
