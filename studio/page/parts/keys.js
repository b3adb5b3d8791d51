// Keys of a view. By their place (`event.code`), so that a Korean or Greek layout has the same ones.

export function onKeys(signal, actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("dialog, input, select, textarea")) return;
    const action = actions[event.code];
    if (!action) return;
    if (event.repeat && !action.repeats) return;
    // Enter and the space bar stay with the button that has the focus.
    if (event.target.closest("button, a") && ["Enter", "Space"].includes(event.code)) return;
    event.preventDefault();
    action(event);
  }, { signal });
}

export const keyName = (code) => code.replace(/^Key|^Digit/, "").replace("Slash", "/");
