/** How far this browser's clock is ahead of the one that decides, in ms, by the element that told. */
const ahead = new WeakMap();

/**
 * Counts down every `data-until`. It and `data-now`, the time when the element was made, are ms since the epoch by the clock
 * that decides; this browser's may be wrong. Only display.
 */
export function countdowns() {
  tick();
  setInterval(tick, 1000);
}

/** Updates every countdown now. */
export function tick() {
  for (const element of document.querySelectorAll('[data-until]')) {
    if (!ahead.has(element)) ahead.set(element, Date.now() - Number(element.dataset.now));
    const left = Number(element.dataset.until) - (Date.now() - ahead.get(element));
    element.textContent = durationText(left);
    element.classList.toggle('soon', left < 120_000);
  }
}

// Like durationText in web/html/time.ts.
function durationText(ms) {
  if (ms <= 0) return '0 s';
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${two(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} m`;
  return `${Math.floor(s / 86_400)} d ${two(Math.floor((s % 86_400) / 3600))} h`;
}

function two(count) {
  return String(count).padStart(2, '0');
}
