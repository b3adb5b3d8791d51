// Asks again and again while a view is shown and there is something to wait for.

export async function poll(signal, ask, every_ms = 1000) {
  while (!signal.aborted) {
    const goOn = await ask();
    if (!goOn || signal.aborted) return;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, document.hidden ? 4 * every_ms : every_ms);
      signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
    });
  }
}
