import { inherit, isSamePlace, look, placeOf, placesNow } from './guard.js';
import { caretOf, focusAgain, merge, replace } from './merge.js';

/** What the server has and this page does not show, by key. */
const news = { added: new Map(), changed: new Set(), over: new Set() };
let latest = null;
/** Milliseconds until what was in the way is tried again. */
const AGAIN_MS = 1_000;
let again = null;

/**
 * Takes over from a fresh copy of this page what moves nothing that decides, has the focus or is under the pointer. All
 * else is kept back, and a line above says how much, until the person asks for it.
 */
export function takeOver(fresh) {
  latest = fresh;
  news.added.clear();
  news.changed.clear();
  for (const part of document.querySelectorAll('[data-live]')) {
    const other = fresh.getElementById(part.id);
    if (!other) continue;
    if (part.querySelector('[data-deciding], [data-over]')) holdBack(part, other, fresh);
    else if (!attempt(part, () => merge(part, other.cloneNode(true)))) tryAgainSoon(part);
  }
  tell();
  look();
}

/** What decides nothing is taken over as soon as the pointer and the focus have left it. */
function tryAgainSoon(part) {
  if (document.querySelector('[data-news="one"]')) news.changed.add(part.id);
  clearTimeout(again);
  again = setTimeout(() => takeOver(latest), AGAIN_MS);
}

/** Shows everything that was kept back. The person asked for it. */
export function showAll() {
  if (latest === null) return;
  for (const part of document.querySelectorAll('[data-live]')) {
    const other = latest.getElementById(part.id);
    if (other) merge(part, other.cloneNode(true));
    if (other?.dataset.asked) part.dataset.asked = other.dataset.asked;
  }
  for (const kept of Object.values(news)) kept.clear();
  tell();
  look();
}

/** Marks a card as decided where it stands: its buttons do nothing any more, and nothing moves. */
export function settle(child, words) {
  if (child.dataset.over !== undefined) return;
  child.dataset.over = '';
  news.over.add(child.dataset.key);
  for (const button of child.querySelectorAll('[data-deciding]')) {
    button.dataset.over = `Nothing was done: ${words}`;
    button.setAttribute('aria-disabled', 'true');
  }
  for (const box of child.querySelectorAll('[data-pick]')) Object.assign(box, { checked: false, disabled: true });
  // Another part of the page is about the same call, and says it.
  if (child.closest('[data-quiet]')) return tell();
  const note = Object.assign(document.createElement('p'), { className: 'over', textContent: words, tabIndex: -1 });
  (child.querySelector('form.decide') ?? child).append(note);
  if (child.contains(document.activeElement)) note.focus({ preventScroll: true });
  tell();
}

/** A part with buttons that decide: none comes, none goes, none changes what it is about. */
function holdBack(part, other, fresh) {
  const wanted = new Map([...other.children].map((child) => [child.dataset.key, child]));
  for (const child of [...part.children]) {
    const { key, rev } = child.dataset;
    const now = wanted.get(key);
    wanted.delete(key);
    if (child.dataset.over !== undefined) continue;
    if (now === undefined && stillWaits(fresh, key)) continue;
    if (now === undefined) settle(child, whatBecame(fresh, key) || 'This call no longer waits here.');
    else if (now.dataset.rev !== rev && !decidesTheSame(child, now))
      settle(child, whatBecame(fresh, key) || 'This has changed. Show it again before you decide.');
    else if (now.dataset.rev !== rev && !exchange(part, child, now.cloneNode(true))) news.changed.add(key);
  }
  for (const [key, child] of wanted) if (key !== 'nothing') news.added.set(key, Number(child.dataset.opened ?? 0));
}

/** Shows a card as it is now, if that moves nothing. Returns whether it does. */
function exchange(part, child, now) {
  if (!attempt(part, () => replace(child, now))) return false;
  for (const button of now.querySelectorAll('[data-deciding]')) {
    const old = child.querySelector(`[data-deciding][value="${CSS.escape(button.value)}"]`);
    if (old) inherit(old, button);
  }
  return true;
}

const decided = (element) =>
  [...element.querySelectorAll('[data-deciding]')]
    .map((button) => `${button.value} ${button.form?.dataset.fingerprint}`)
    .join();
const decidesTheSame = (one, other) => decided(one) === decided(other);

/** Others that expire sooner may have taken its place on the page. */
function stillWaits(fresh, key) {
  return fresh.querySelector(`#others [data-key="${CSS.escape(key)}"]`)?.dataset.became === '';
}

/** What the fresh page says of an approval that cannot be decided here any more; empty: nothing. */
function whatBecame(fresh, key) {
  const row =
    fresh.querySelector(`#others [data-key="${CSS.escape(key)}"]`) ?? fresh.querySelector('#state [data-became]');
  return row?.dataset.became ?? '';
}

/** Changes a part unless that would move something under a pointer or a focus. Returns whether it did. */
function attempt(part, change) {
  const before = placesNow();
  const children = [...part.childNodes];
  const active = document.activeElement;
  const caret = active === null ? null : caretOf(active);
  change();
  const moved = [...before].some(([element, place]) => {
    const now = element.isConnected ? element : successorOf(element);
    return now === null || !isSamePlace(place, placeOf(now));
  });
  if (!moved) return true;
  part.replaceChildren(...children);
  if (active?.isConnected && active !== document.activeElement) focusAgain(active, caret);
  return false;
}

/** The same control in the new copy of its card; null: there is none. */
function successorOf(element) {
  const key = element.closest('[data-key]')?.dataset.key;
  const card = key === undefined ? null : document.querySelector(`main [data-key="${CSS.escape(key)}"]`);
  if (!card) return null;
  if (element.id) return card.querySelector(`#${CSS.escape(element.id)}`);
  if (element.value) return card.querySelector(`${element.localName}[value="${CSS.escape(element.value)}"]`);
  return [...card.querySelectorAll(element.localName)].find((each) => each.textContent === element.textContent) ?? null;
}

/** The line that says what was kept back. It has its place also while there is nothing to say. */
function tell() {
  const line = document.querySelector('[data-news]');
  if (!line) return;
  const { added, changed, over } = news;
  // On a full page also older calls move up, when others go.
  const asked = Number(document.getElementById('inbox')?.dataset.asked ?? 0);
  const young = [...added.values()].filter((opened) => opened > asked).length;
  const parts = [
    young > 0 ? `${young} new` : '',
    added.size > young ? `${added.size - young} more` : '',
    changed.size > 0 ? (line.dataset.news === 'one' ? 'this call has changed' : `${changed.size} changed`) : '',
    over.size > 0
      ? line.dataset.news === 'one'
        ? 'it was decided or has ended'
        : `${over.size} no longer waiting`
      : '',
  ].filter((text) => text !== '');
  line.classList.toggle('has-news', parts.length > 0);
  const text = line.querySelector('[data-news-text]');
  const said = parts.join(', ') || text.dataset.idle;
  if (text.textContent !== said) text.textContent = said;
  line.querySelector('button').hidden = parts.length === 0;
}

/** The button behind which news gather. */
export function showing() {
  document.querySelector('[data-news] button')?.addEventListener('click', () => {
    showAll();
    document.querySelector('[data-news-focus]')?.focus({ preventScroll: true });
  });
}
