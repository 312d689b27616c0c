import { ask, cardInFocus, toggle } from './batch.js';

const OFF = 'holdfast-keys-off';

/** Keys for the inbox: they move the focus, tick, show what is new, or open a question. None decides, and none works while something is typed. */
export function keys() {
  const list = document.querySelector('[data-keys]');
  const tick = list?.querySelector('input');
  if (!tick) return;
  tick.checked = !isOff();
  tick.addEventListener('change', () => {
    try {
      if (tick.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, 'yes');
    } catch {
      // No storage: it lasts for this page only.
    }
  });
  document.addEventListener('keydown', (event) => {
    if (!tick.checked || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const act = ACTS[event.key];
    if (act === undefined || document.querySelector('dialog[open]')) return;
    event.preventDefault();
    act();
  });
}

const ACTS = {
  j: () => walk(1),
  k: () => walk(-1),
  x: () => toggle(cardInFocus()),
  a: () => ask('approve'),
  d: () => ask('deny'),
  '?': help,
  n: () => document.querySelector('[data-news] button:not([hidden])')?.click(),
  '/': () => {
    const search = document.getElementById('q-text');
    search?.closest('details')?.setAttribute('open', '');
    search?.focus();
  },
};

/** The keys, over the page. */
function help() {
  const dialog = document.createElement('dialog');
  dialog.className = 'key-help';
  dialog.setAttribute('aria-labelledby', 'key-help-title');
  const heading = Object.assign(document.createElement('h2'), { id: 'key-help-title', textContent: 'Keys' });
  const close = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Close' });
  close.addEventListener('click', () => dialog.close());
  const before = document.activeElement;
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  });
  const buttons = Object.assign(document.createElement('div'), { className: 'buttons' });
  buttons.append(close);
  const list = document.importNode(document.querySelector('[data-keys] p'), true);
  dialog.append(heading, list, buttons);
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
}

function walk(by) {
  const links = [...document.querySelectorAll('#inbox .card h3 a')];
  const here = links.findIndex((link) => link.closest('.card').contains(document.activeElement));
  const next = links[here === -1 ? (by > 0 ? 0 : links.length - 1) : here + by];
  if (!next) return;
  next.focus({ preventScroll: true });
  next.closest('.card').scrollIntoView({ block: 'nearest' });
}

function isTyping(target) {
  return (
    target instanceof HTMLElement && target.matches('input:not([type="checkbox"]), textarea, select, [contenteditable]')
  );
}

function isOff() {
  try {
    return localStorage.getItem(OFF) !== null;
  } catch {
    return false;
  }
}
