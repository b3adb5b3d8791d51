// Choosing a folder: the projects that there are, and a look around this machine.
import { get, post } from "/api.js";
import { complain, el, fill, name } from "/dom.js";
import { t } from "/texts.js";

export async function showChooser({ main }) {
  const { projects } = await get("/api/projects");
  const browser = el("section", { class: "card" });
  fill(main,
    el("h1", {}, t("choose.title")),
    el("p", { class: "quiet" }, t("choose.lead")),
    projects.length ? el("section", {}, el("h2", {}, t("choose.again")), known(projects)) : null,
    el("h2", {}, t("choose.folder")),
    browser,
    el("h2", {}, t("new.title")),
    makeNew(),
  );
  await browse(browser, null, choose);
}

// A new data set, in the last root (the home folder where --root is not given) unless another path is typed.
function makeNew() {
  const title = el("input", { type: "text", "aria-label": t("new.name"), placeholder: t("new.name"), dir: "auto", required: true });
  const parent = el("input", { type: "text", "aria-label": t("new.parent"), size: 40, spellcheck: false });
  get("/api/projects").then(({ roots }) => { parent.value = roots.at(-1); }).catch(complain);
  const make = (event) => {
    event.preventDefault();
    post("/api/new", { parent: parent.value, name: title.value })
      .then((project) => { location.hash = `#/${encodeURIComponent(project.name)}/add`; }).catch(complain);
  };
  return el("form", { class: "card row", onsubmit: make }, title, el("label", { class: "row" }, t("new.in"), parent), el("button", {}, t("new.make")));
}

function known(projects) {
  return el("ul", { class: "cards" }, projects.map((project) => el("li", { class: "card row" },
    el("a", { href: `#/${encodeURIComponent(project.name)}/data` }, el("strong", {}, name(project.name))),
    el("span", { class: "quiet small" }, name(project.data)),
    project.is_there ? null : el("span", { class: "note" }, t("choose.gone")),
  )));
}

// Walks through folders; `take` gets the path of the one that is chosen.
export async function browse(place, path, take) {
  const view = await get(path === null ? "/api/folders" : `/api/folders?path=${encodeURIComponent(path)}`);
  const go = (to) => browse(place, to, take).catch(complain);
  const looksRight = view.subfolders.filter((sub) => sub.images > 0).length >= 2;
  const typed = el("input", { type: "text", value: view.path, "aria-label": t("choose.path"), size: 60, spellcheck: false });
  const items = view.subfolders.map((sub) => el("li", {},
    el("button", { class: "enter", type: "button", onclick: () => go(sub.path) },
      name(sub.name),
      el("span", { class: "quiet small" }, contents(sub))),
    el("button", { type: "button", class: "plain", onclick: () => take(sub.path), "aria-label": t("choose.this", { folder: sub.name }) }, t("choose.take")),
  ));
  fill(place,
    el("form", { class: "row", onsubmit: (event) => { event.preventDefault(); go(typed.value); } },
      typed, el("button", {}, t("choose.go"))),
    el("p", { class: "small quiet", role: "status" }, t("choose.holds", { n: view.subfolders.length + view.more, images: view.images })),
    el("div", { class: "row" },
      view.parent ? el("button", { type: "button", onclick: () => go(view.parent) }, t("choose.up")) : null,
      el("button", { type: "button", class: looksRight ? "main" : "", onclick: () => take(view.path) }, t("choose.this", { folder: view.path.split("/").pop() }))),
    el("ul", { class: "folders" }, items),
    view.more ? el("p", { class: "quiet small" }, t("choose.more", { n: view.more })) : null,
  );
}

function contents(sub) {
  if (sub.images) return t("choose.images", { n: sub.images });
  return sub.folders ? t("choose.subfolders", { n: sub.folders }) : "";
}

async function choose(path) {
  try {
    const project = await post("/api/projects", { path });
    location.hash = `#/${encodeURIComponent(project.name)}/data`;
  } catch (problem) {
    complain(problem);
  }
}
