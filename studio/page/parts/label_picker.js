// A box to type the beginning of a label; the arrow keys and Enter choose. Resolves to the label, or null.
import { el, name } from "/dom.js";
import { t } from "/texts.js";

const MOST_SHOWN = 50;

// Those that begin with it, then it as a new one, then those that have it elsewhere: whoever types a whole new
// name that is part of another ("shirt", where there is "t-shirt") means the new one.
function ranked(labels, typed, canAdd) {
  const wanted = typed.toLocaleLowerCase();
  if (!wanted) return labels;
  const at = (label) => label.toLocaleLowerCase().indexOf(wanted);
  const found = labels.filter((label) => at(label) >= 0).sort((a, b) => at(a) - at(b) || a.length - b.length);
  const begin = found.filter((label) => at(label) === 0);
  const added = canAdd && !labels.includes(typed) ? [typed] : [];
  return [...begin.slice(0, MOST_SHOWN), ...added, ...found.slice(begin.length)];
}

export function pickLabel(labels, { title, canAdd = false } = {}) {
  return new Promise((resolve) => {
    let shown = [], chosen = 0;
    const list = el("ul", { class: "options", role: "listbox", id: "options", "aria-label": title || t("pick") });
    const input = el("input", {
      type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "options", autocomplete: "off",
      "aria-label": title || t("pick"), dir: "auto", placeholder: t("pick.hint"),
    });
    const dialog = el("dialog", { "aria-label": title || t("pick") }, input, list);
    const close = (label) => { removeEventListener("hashchange", leave); dialog.close(); dialog.remove(); resolve(label); };
    const leave = () => close(null); // back in the history: another view is shown

    function draw() {
      const typed = input.value.trim();
      shown = ranked(labels, typed, canAdd).slice(0, MOST_SHOWN + 1);
      chosen = Math.min(chosen, Math.max(0, shown.length - 1));
      list.replaceChildren(...shown.map((label, place) => el("li", {
        role: "option", id: `option-${place}`, "aria-selected": String(place === chosen), onclick: () => close(label),
      }, labels.includes(label) ? name(label) : t("pick.new", { label }))));
      input.setAttribute("aria-activedescendant", shown.length ? `option-${chosen}` : "");
      list.children[chosen]?.scrollIntoView({ block: "nearest" });
    }

    input.addEventListener("input", () => { chosen = 0; draw(); });
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); close(null); });
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        chosen = (chosen + step + shown.length) % Math.max(1, shown.length);
        draw();
      } else if (event.key === "Enter") {
        if (shown.length) close(shown[chosen]);
      } else return;
      event.preventDefault();
    });
    addEventListener("hashchange", leave);
    document.body.append(dialog);
    dialog.showModal();
    draw();
    input.focus();
  });
}
