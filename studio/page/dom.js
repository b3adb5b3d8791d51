// Elements. Every text is set as text, never as HTML: labels and file names are other people's.

export function el(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && !name.startsWith("aria")) made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

// Puts children in the place of what an element holds; those that are null are left out. A button with a key keeps
// the focus where there is one with the same key again: whoever answers by Tab and Enter stays at the answers.
export function fill(place, ...children) {
  const key = place.contains(document.activeElement) ? document.activeElement.getAttribute("aria-keyshortcuts") : null;
  place.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  if (key) place.querySelector(`[aria-keyshortcuts="${CSS.escape(key)}"]`)?.focus();
}

// A name from outside, which may run from right to left.
export const name = (text) => el("bdi", {}, text);

export function say(text) {
  const said = document.getElementById("said");
  said.textContent = "";
  said.textContent = text;
}

let noticeTimer;
export function complain(problem) {
  const notice = document.getElementById("notice");
  notice.textContent = problem.message || String(problem);
  notice.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { notice.hidden = true; }, 12000);
}

// Buttons that wait for an answer: what is asked once is not asked twice.
export async function whileWaiting(buttons, work) {
  for (const button of buttons) button.disabled = true;
  try {
    await work();
  } catch (problem) {
    complain(problem);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

// Puts what `t` gives into elements: "{label}" in a text becomes the node of that name.
export function withNodes(text, nodes) {
  return text.split(/(\{\w+\})/).map((part) => nodes[part.slice(1, -1)] ?? part);
}
