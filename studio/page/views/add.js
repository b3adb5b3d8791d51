// Photos for classes: dropped, chosen, or taken with the camera; hold the button to take many.
import { get, post, projectPath } from "/api.js";
import { complain, el, fill, name, say } from "/dom.js";
import { camera } from "/parts/camera.js";
import { t } from "/texts.js";

const EVERY_MS = 200;
const AT_ONCE = 3;

export async function showAdd({ main, project, signal }) {
  const view = { project, signal, eye: null, list: el("ul", { class: "cards" }), live: el("div", { class: "live-small" }) };
  const typed = el("input", { type: "text", "aria-label": t("add.class"), placeholder: t("add.class"), dir: "auto", required: true });
  const form = el("form", { class: "row", onsubmit: (event) => { event.preventDefault(); addClass(view, typed).catch(complain); } }, typed, el("button", {}, t("add.new")));
  const eye = el("button", { type: "button", onclick: () => openCamera(view, eye).catch(complain) }, t("try.camera"));
  fill(main, el("h1", {}, t("add.title")), el("p", { class: "quiet" }, t("add.lead")), el("div", { class: "row" }, form, eye),
    view.live, view.list, el("a", { class: "go", href: `#/${encodeURIComponent(project)}/data` }, t("add.done")));
  await draw(view);
  if (!view.list.childElementCount) typed.focus();
}

async function draw(view) {
  const classes = await get(projectPath(view.project, "classes"));
  fill(view.list, classes.map((one) => card(view, one)));
}

async function addClass(view, typed) {
  await post(projectPath(view.project, "classes"), { label: typed.value });
  typed.value = "";
  await draw(view);
}

function card(view, one) {
  const count = el("span", { class: "quiet small" }, t("data.images", { n: one.images }));
  const strip = el("div", { class: "taken", "aria-hidden": "true" });
  const state = { ...one, images: one.images };
  const put = async (photo) => {
    const added = await post(projectPath(view.project, `photos?label=${encodeURIComponent(one.label)}`), photo);
    if (!added.new) return;
    state.images += 1;
    count.textContent = t("data.images", { n: state.images });
    const shown = el("img", { src: URL.createObjectURL(photo), alt: "" });
    shown.onload = () => URL.revokeObjectURL(shown.src);
    strip.prepend(shown);
    while (strip.childElementCount > 12) strip.lastChild.remove();
  };
  const files = async (list) => {
    const waiting = [...list];
    const work = async () => { while (waiting.length) await put(waiting.shift()).catch(complain); };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    say(t("data.images", { n: state.images }));
  };
  const input = el("input", { type: "file", multiple: true, accept: "image/*", "aria-label": t("add.photos", { label: one.label }), onchange: () => { files(input.files).catch(complain).then(() => { input.value = ""; }); } });
  const made = el("li", { class: "card class-card" }, el("h2", {}, name(one.label)), count, el("label", { class: "row" }, input), hold(view, one.label, put), strip);
  for (const kind of ["dragover", "dragleave", "drop"]) made.addEventListener(kind, (event) => { event.preventDefault(); made.classList.toggle("over", kind === "dragover"); });
  made.addEventListener("drop", (event) => files(event.dataTransfer.files).catch(complain));
  return made;
}

// Taken while the button, or the space bar on it, is held down.
function hold(view, label, put) {
  let held = false;
  const start = async (event) => {
    event.preventDefault();
    if (held) return;
    held = true;
    while (held && view.eye && !view.signal.aborted) {
      const photo = await view.eye.take();
      if (photo) await put(photo).catch((problem) => { held = false; complain(problem); });
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    held = false;
  };
  const end = () => { held = false; };
  return el("button", {
    type: "button", class: "hold", hidden: !view.eye, "aria-label": t("add.hold.of", { label }),
    onpointerdown: start, onpointerup: end, onpointerleave: end, onblur: end,
    onkeydown: (event) => { if (event.code === "Space" || event.code === "Enter") start(event); }, onkeyup: end,
  }, t("add.hold"));
}

async function openCamera(view, button) {
  view.eye = await camera(view.signal);
  fill(view.live, view.eye.video);
  button.hidden = true;
  for (const one of view.list.querySelectorAll(".hold")) one.hidden = false;
}
