// Saves one answer at a time. A key pressed meanwhile is dropped, for its question is not seen yet; `waits` lets it
// act after the answer instead: one such key at most, and none where the answer could not be saved.
import { complain } from "/dom.js";

export function oneAtATime() {
  let busy = false, waiting = null;
  return async function run(action, { waits = false } = {}) {
    if (busy) {
      if (waits) waiting ??= action;
      return;
    }
    busy = true;
    let next = action;
    try {
      while (next) {
        await next();
        [next, waiting] = [waiting, null];
      }
    } catch (problem) {
      waiting = null;
      complain(problem);
    } finally {
      busy = false;
    }
  };
}
