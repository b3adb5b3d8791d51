// The photos that the person has left out, each with a way back.
import { get, photoPath, post, projectPath } from "/api.js";
import { complain, el, fill, name, say } from "/dom.js";
import { t } from "/texts.js";

const PAGE = 60;

export async function showLeftOut(page) {
  const list = el("ul", { class: "tiles" });
  const said = el("p", { role: "status" });
  const load = async () => {
    const found = await get(projectPath(page.project, `left-out?limit=${PAGE}`));
    fill(list, found.images.map((image) => photo(page.project, image, takeIn)));
    if (!found.total) fill(list, el("li", { class: "quiet" }, t("out.none")));
  };
  const takeIn = (image) => post(projectPath(page.project, "undo"), { images: [image.sha256], before: [null] })
    .then(load).then(() => {
      said.textContent = t("out.taken", { path: image.path });
      (list.querySelector("button") || page.main).focus();
    }).catch(complain);
  fill(page.main, el("h1", {}, t("out.title")), el("p", { class: "quiet" }, t("out.lead")), said, list);
  await load();
  say(t("out.title"));
}

function photo(project, image, takeIn) {
  return el("li", {}, el("div", { class: "tile" }, el("img", { src: photoPath(project, image.sha256, 240), alt: image.path, loading: "lazy" }),
    el("span", {}, name(image.path))), el("button", { type: "button", onclick: () => takeIn(image), "aria-label": `${t("out.again")}: ${image.path}` }, t("out.again")));
}
