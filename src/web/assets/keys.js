const OFF = 'holdfast-keys-off';

/** Keys to walk through the inbox: they only move the focus, or show what is new. None works while something is typed. */
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
  n: () => document.querySelector('[data-news] button:not([hidden])')?.click(),
  '/': () => {
    const search = document.getElementById('q-text');
    search?.closest('details')?.setAttribute('open', '');
    search?.focus();
  },
};

function walk(by) {
  const links = [...document.querySelectorAll('#inbox .card h3 a')];
  const here = links.findIndex((link) => link.closest('.card').contains(document.activeElement));
  const next = links[here === -1 ? (by > 0 ? 0 : links.length - 1) : here + by];
  if (!next) return;
  next.focus({ preventScroll: true });
  next.closest('.card').scrollIntoView({ block: 'nearest' });
}

function isTyping(target) {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
}

function isOff() {
  try {
    return localStorage.getItem(OFF) !== null;
  } catch {
    return false;
  }
}
