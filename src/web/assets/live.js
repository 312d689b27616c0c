import { tick } from './countdown.js';
import { takeOver } from './hold.js';
import { localTimes } from './localtime.js';
import { isOn, waitingCount } from './notify.js';

/** Rows of Activity kept on the page. */
const MAX_ROWS = 300;
/** Milliseconds in the background after which a page closes its stream: browsers allow six connections per host. */
const BACKGROUND_MS = 30_000;
let timer = null;
/** Milliseconds that the last reading of the page took. */
let tookMs = 0;

/** Keeps a page with live parts up to date. Pages without any open no stream. */
export function live() {
  const mark = document.querySelector('[data-live-mark]');
  if (!mark) return;
  const rows = document.querySelector('[data-rows]');
  const only = document.querySelector('[data-only]')?.dataset.only;
  const show = (state, text) => {
    mark.className = `live ${state}`;
    mark.lastElementChild.textContent = text;
  };
  let stream = open(show, rows, only);
  let closing = null;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(closing);
    if (document.hidden && !isOn()) {
      closing = setTimeout(() => {
        stream.close();
        stream = null;
        show('off', 'not live in the background');
      }, BACKGROUND_MS);
    } else if (!document.hidden && stream === null) {
      if (rows) location.reload();
      else stream = open(show, rows, only);
    }
  });
  addEventListener('pagehide', () => stream?.close());
}

function open(show, rows, only) {
  const stream = new EventSource(rows ? `/console/stream?rows=1&after=${rows.dataset.after}` : '/console/stream');
  stream.addEventListener('hello', () => {
    show('on', 'live');
    // Catches up with what happened while the stream was closed.
    if (!rows) void refresh();
  });
  stream.addEventListener('change', (event) => {
    if (!rows && (only === undefined || JSON.parse(event.data).approval === only)) scheduleRefresh();
  });
  if (rows) activity(stream, rows);
  stream.addEventListener('signed_out', () => {
    stream.close();
    show('off', 'signed out');
  });
  stream.addEventListener('error', () => {
    const closed = stream.readyState === EventSource.CLOSED;
    show('off', closed ? 'not live: reload the page' : 'reconnecting');
  });
  return stream;
}

/** Milliseconds until a page that could not be read is read again. */
const AGAIN_MS = 3_000;

function tryAgain() {
  setTimeout(scheduleRefresh, AGAIN_MS);
}

/** Soon, so that changes in quick succession cause one refresh; and a page that is long to read is read less often. */
function scheduleRefresh() {
  if (timer !== null) return;
  const run = () => {
    timer = null;
    void refresh();
  };
  timer = setTimeout(run, Math.max(120, 3 * tookMs));
}

/** Adds rows as calls happen, newest first; Pause holds them back. */
function activity(stream, rows) {
  const held = [];
  const pause = document.querySelector('[data-pause]');
  const paused = () => pause?.getAttribute('aria-pressed') === 'true';
  // Nor does a row move away while somebody is about to follow its link.
  const inUse = () => rows.matches(':hover, :focus-within');
  const add = (text) => {
    const parsed = new DOMParser().parseFromString(`<table><tbody>${text}</tbody></table>`, 'text/html');
    const row = parsed.querySelector('tr');
    if (!row || rows.querySelector(`[data-key="${CSS.escape(row.dataset.key)}"]`)) return;
    localTimes(row);
    row.classList.add('new');
    // Times and places in the log differ a little: what is logged in batches is written a moment later.
    const older = [...rows.children].find((other) => Number(other.dataset.at) <= Number(row.dataset.at));
    rows.insertBefore(row, older ?? null);
    document.querySelector('[data-empty]')?.remove();
    while (rows.children.length > MAX_ROWS) rows.lastElementChild.remove();
  };
  stream.addEventListener('row', (event) => {
    const text = JSON.parse(event.data);
    if (!paused() && !inUse()) return add(text);
    held.push(text);
    if (held.length > MAX_ROWS) held.shift();
    pause.textContent = paused() ? `Resume (${held.length})` : `Pause (${held.length} held)`;
  });
  const release = () => {
    if (paused() || inUse() || held.length === 0) return;
    for (const text of held.splice(0)) add(text);
    pause.textContent = 'Pause';
  };
  for (const kind of ['pointerleave', 'focusout']) rows.addEventListener(kind, () => setTimeout(release, 0));
  pause?.addEventListener('click', () => {
    const stop = !paused();
    pause.setAttribute('aria-pressed', String(stop));
    pause.textContent = stop ? 'Resume' : 'Pause';
    if (!stop) for (const text of held.splice(0)) add(text);
  });
}

let running = null;
let again = false;

/**
 * Fetches this page again and takes over what changed in its live parts and moves nothing that decides. Runs one at a
 * time; resolves when up to date.
 */
export function refresh() {
  if (running) {
    again = true;
    return running;
  }
  running = read().finally(() => {
    running = null;
    if (!again) return;
    again = false;
    return refresh();
  });
  return running;
}

async function read() {
  const began = performance.now();
  const shown = [...document.querySelectorAll('#inbox > .card')].map(
    ({ dataset }) => `${dataset.key}:${dataset.rev.split('.')[0]}`,
  );
  const headers = { 'x-live': '1', 'x-shown': shown.join() };
  const response = await fetch(location.href, { headers }).catch(() => null);
  tookMs = performance.now() - began;
  // A gateway that is busy for a moment: nobody else will say that this page is behind.
  if (response === null || response.status >= 500) return tryAgain();
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
  localTimes(fresh);
  takeOver(fresh);
  const count = document.getElementById('waiting');
  const other = fresh.getElementById('waiting');
  if (count && other && count.dataset.rev !== other.dataset.rev) count.replaceWith(other);
  waitingCount();
  tick();
}
