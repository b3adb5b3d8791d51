// A pile of unlabelled photos, group by group: name it, strike out what does not belong, next.
import { get, post, projectPath } from "/api.js";
import { complain, el, fill, name, say, withNodes } from "/dom.js";
import { onKeys } from "/parts/keys.js";
import { pickLabel } from "/parts/label_picker.js";
import { oneAtATime } from "/parts/one_at_a_time.js";
import { tileRow } from "/parts/tile_row.js";
import { poll } from "/polling.js";
import { percent, t } from "/texts.js";
import { browse } from "/views/chooser.js";
import { stageText } from "/views/data.js";

export async function showPile(page) {
  const { main, project, signal } = page;
  const pile = { page, place: el("div"), keys: new AbortController(), order: "groups", found: null, row: null, history: [], run: oneAtATime() };
  fill(main, pile.place);
  const state = await get(projectPath(project, "pile"));
  if (state.state === "none" || state.state === "stopped") return choose(pile);
  await follow(pile);
  onKeys(AbortSignal.any([signal, pile.keys.signal]), {
    KeyN: () => give(pile, null), Enter: () => give(pile, null),
    KeyY: () => confirmGuess(pile), KeyX: () => pile.row?.strike(pile.row.at), KeyZ: () => undo(pile),
    ...moves(pile),
  });
}

function moves(pile) {
  const move = (step) => Object.assign(() => pile.row?.move(step()), { repeats: true });
  return {
    ArrowRight: move(() => 1), ArrowLeft: move(() => -1),
    ArrowDown: move(() => pile.row.columns()), ArrowUp: move(() => -pile.row.columns()),
  };
}

async function choose(pile) {
  const { project } = pile.page;
  const { data } = await get(projectPath(project, "looking"));
  pile.keys.abort(); // or they would go on naming a group that is not seen
  const browser = el("section", { class: "card" });
  const take = (path) => post(projectPath(project, "pile"), { path }).then(() => showPile(pile.page)).catch(complain);
  fill(pile.place, el("h1", {}, t("pile.title")), el("p", { class: "quiet" }, t("pile.lead")),
    el("p", {}, el("button", { type: "button", onclick: () => take(data) }, t("pile.own"))),
    el("h2", {}, t("pile.another")), browser);
  await browse(browser, null, take);
}

async function follow(pile) {
  const { project, signal } = pile.page;
  await poll(signal, async () => {
    const state = await get(projectPath(project, "pile"));
    const of = state.stage?.of > 1 ? { max: state.stage.of, value: state.stage.done } : {};
    if (state.state === "running") {
      fill(pile.place, el("h1", {}, t("pile.title")), el("div", { class: "card" },
        el("p", {}, t("pile.looking"), " ", el("span", { class: "quiet" }, stageText(state.stage))),
        el("progress", { ...of, "aria-label": t("pile.looking") })));
      return true;
    }
    if (state.state !== "done") {
      fill(pile.place, el("h1", {}, t("pile.title")), el("p", { class: "note bad" }, state.problem || t("pile.failed")), another(pile));
      return false;
    }
    await show(pile);
    return false;
  });
}

export const copiedText = (done) => [t("pile.copied", { copied: done.copied, there: done.there_already }),
  ...(done.gone ? [t("pile.gone", { n: done.gone })] : [])].join(" ");

const another = (pile) => el("button", { type: "button", class: "plain", onclick: () => choose(pile).catch(complain) }, t("pile.another"));

async function show(pile) {
  pile.found = await get(projectPath(pile.page.project, `pile/group?order=${pile.order}`));
  draw(pile);
}

function draw(pile) {
  const { found } = pile;
  const group = found.group;
  const bar = el("progress", { max: found.total, value: found.named, "aria-label": t("pile.title") });
  const source = (image, side) => projectPath(pile.page.project, `pile/photos/${image.sha256}?side=${side}`);
  const caption = (image) => (group.guess === null ? image.path.split("/").pop() : percent(image.certainty));
  pile.row = group ? tileRow(group.images, { source, caption }) : null;
  const guess = group?.guess ?? null;
  const title = !group ? t("pile.done") : guess === null ? t("pile.what") : t("pile.are");
  fill(pile.place,
    el("div", { class: "count" }, bar, el("span", {}, t("of", { done: found.named, of: found.total }))),
    el("h1", {}, guess === null ? title : withNodes(title, { guess: name(guess) })),
    group ? el("p", { class: "quiet small" }, t("pile.hint")) : null,
    group ? buttons(pile, guess) : null,
    pile.row?.list,
    ending(pile));
  say(t("pile.named", { done: found.named, of: found.total }));
}

function buttons(pile, guess) {
  const button = (key, text, onclick, main) => el("button", { type: "button", class: main ? "main" : "", onclick, "aria-keyshortcuts": key },
    el("kbd", { "aria-hidden": "true" }, key), el("span", {}, text));
  const orders = ["groups", "guesses", "least_sure"].filter((order) => order === "groups" || pile.found.can_guess);
  const order = el("select", { "aria-label": t("pile.order"), onchange: () => { pile.order = order.value; show(pile).catch(complain); } },
    orders.map((one) => new Option(t(`pile.${one}`), one, false, one === pile.order)));
  return el("div", { class: "answers" },
    guess === null ? null : button("Y", withNodes(t("pile.confirm"), { guess: name(guess) }), () => confirmGuess(pile), true),
    button("N", t("pile.name"), () => give(pile, null), guess === null),
    button("X", t("pile.strike"), () => pile.row.strike(pile.row.at)),
    button("Z", t("pile.undo"), () => undo(pile)),
    el("button", { type: "button", onclick: () => give(pile, "") }, t("pile.drop")),
    orders.length > 1 ? order : null);
}

function confirmGuess(pile) {
  const guess = pile.found?.group?.guess;
  if (guess) give(pile, guess);
}

const give = (pile, label) => pile.run(async () => {
  if (!pile.found?.group) return;
  const images = pile.row.kept().map((image) => image.sha256);
  if (!images.length) return;
  const chosen = label ?? await pickLabel(pile.found.labels, { canAdd: true });
  if (chosen === null) return;
  pile.found = await post(projectPath(pile.page.project, "pile/names"), { images, label: chosen, order: pile.order });
  pile.history.push(images);
  draw(pile);
});

const undo = (pile) => pile.run(async () => {
  const images = pile.history.at(-1);
  if (!images) return;
  pile.found = await post(projectPath(pile.page.project, "pile/undo"), { images, order: pile.order });
  pile.history.pop();
  draw(pile);
}, { waits: true });

function ending(pile) {
  const { found } = pile;
  const named = Object.entries(found.counts).filter(([label]) => label !== "").reduce((sum, [, count]) => sum + count, 0);
  const said = el("p", { role: "status" });
  const copy = () => post(projectPath(pile.page.project, "pile/copy"))
    .then((done) => { said.textContent = copiedText(done); }).catch(complain);
  const use = found.own_folder
    ? el("p", {}, t("pile.train"), " ", el("a", { href: `#/${encodeURIComponent(pile.page.project)}/data` }, t("step.data")))
    : el("button", { type: "button", onclick: copy }, t("pile.copy", { n: named }));
  return el("section", {}, el("ul", { class: "counts" }, Object.entries(found.counts).filter(([label]) => label).map(([label, count]) => el("li", {}, name(label), ` ${count}`))),
    named ? el("div", { class: "row" }, use, another(pile)) : another(pile), said);
}
