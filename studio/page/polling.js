// Asks again and again while a view is shown and there is something to wait for.
import { complain } from "/dom.js";

// So many failed connections in a row are passed over: a machine that wakes up, a network that changes.
const RETRIES = 5;

// Resolves when the first answer is drawn; what follows goes on by itself.
export async function poll(signal, ask, every_ms = 1000) {
  if (await ask()) goOn(signal, ask, every_ms).catch(complain);
}

async function goOn(signal, ask, every_ms) {
  let failed = 0;
  while (await wait(signal, every_ms)) {
    try {
      if (!(await ask())) return;
      failed = 0;
    } catch (problem) {
      failed += 1;
      if (signal.aborted) return;
      if (!problem.isGone || failed > RETRIES) throw problem;
    }
  }
}

// Returns whether the view is still shown.
async function wait(signal, every_ms) {
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, document.hidden ? 4 * every_ms : every_ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
    if (signal.aborted) resolve();
  });
  return !signal.aborted;
}
