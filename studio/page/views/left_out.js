// The photos that the person has left out, each with a way back.
import { get, photoPath, post, projectPath } from "/api.js";
import { complain, el, fill, name, say } from "/dom.js";
import { t } from "/texts.js";

const PAGE = 60;

export async function showLeftOut(page) {
  const list = el("ul", { class: "tiles" });
  const said = el("p", { role: "status" });
  const pager = el("div", { class: "row" });
  let offset = 0;
  const turn = (step) => { offset = Math.max(0, offset + step); return load().then(() => scrollTo(0, 0)).catch(complain); };
  const load = async () => {
    const found = await get(projectPath(page.project, `left-out?offset=${offset}&limit=${PAGE}`));
    if (offset && !found.images.length) return turn(-PAGE);
    const last = offset + found.images.length;
    fill(pager, found.total > PAGE ? [
      el("button", { type: "button", disabled: offset === 0, onclick: () => turn(-PAGE) }, t("class.before")),
      el("span", { class: "quiet small" }, t("class.range", { from: offset + 1, to: last, of: found.total })),
      el("button", { type: "button", disabled: last >= found.total, onclick: () => turn(PAGE) }, t("class.after"))] : null);
    fill(list, found.images.map((image) => photo(page.project, image, takeIn)));
    if (!found.total) fill(list, el("li", { class: "quiet" }, t("out.none")));
  };
  const takeIn = (image) => post(projectPath(page.project, "undo"), { images: [image.sha256], before: [null] })
    .then(load).then(() => {
      said.textContent = t("out.taken", { path: image.path });
      (list.querySelector("button") || page.main).focus();
    }).catch(complain);
  fill(page.main, el("h1", {}, t("out.title")), el("p", { class: "quiet" }, t("out.lead")), said, list, pager);
  await load();
  say(t("out.title"));
}

function photo(project, image, takeIn) {
  return el("li", {}, el("div", { class: "tile" }, el("img", { src: photoPath(project, image.sha256, 240), alt: image.path, loading: "lazy" }),
    el("span", {}, name(image.path))), el("button", { type: "button", onclick: () => takeIn(image), "aria-label": `${t("out.again")}: ${image.path}` }, t("out.again")));
}
