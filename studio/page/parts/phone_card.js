// Lets a phone of the local network ask the model: on the person's word, for half an hour.
import { get, post, remove } from "/api.js";
import { complain, el, fill } from "/dom.js";
import { poll } from "/polling.js";
import { duration, t } from "/texts.js";

export function phoneCard(project, signal) {
  const place = el("div", { "aria-live": "polite" });
  const path = `/api/models/${encodeURIComponent(project)}/phone`;
  const left = el("span");
  const close = () => remove(path).then(() => draw({ open: false })).catch(complain);
  const open = () => post(path).then((state) => { draw(state); return watch(); }).catch(complain);

  function draw(state) {
    if (!state.open) {
      return fill(place, el("p", { class: "quiet small" }, t("phone.lead")), el("button", { type: "button", onclick: open }, t("phone.open")));
    }
    left.textContent = t("left", { time: duration(state.left_s) });
    fill(place, el("div", { class: "phone" },
      el("img", { src: state.qr, alt: t("phone.code"), width: 220, height: 220 }),
      el("div", {},
        el("p", {}, t("phone.scan")), el("p", { class: "small" }, el("code", {}, state.url)),
        el("p", { class: "quiet small" }, t("phone.camera")), el("p", { class: "quiet small" }, left),
        el("button", { type: "button", onclick: close }, t("phone.close")))));
  }

  const watch = () => poll(signal, async () => {
    const state = await get(path);
    if (state.open && place.querySelector("img")) left.textContent = t("left", { time: duration(state.left_s) });
    else draw(state);
    return state.open;
  }, 5000);

  watch().catch(complain);
  return el("details", { class: "card" }, el("summary", {}, t("phone.title")), place);
}
