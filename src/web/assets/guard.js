import { say } from './say.js';

/** Milliseconds for which a deciding button that appeared or moved does nothing. */
const QUIET_MS = 500;
/** Milliseconds between two looks at where the buttons are; each press looks again. */
const LOOK_MS = 100;
/** CSS pixels that are no movement. */
const STILL = 2;
/** Milliseconds after a wheel, a touch or a key within which a scroll is by the person. */
const OWN_SCROLL_MS = 250;

const DECIDING = '[data-deciding]';
/** Where each button was last seen, and since when. */
const seen = new WeakMap();
/** When the person last scrolled, and where the pointer was then. */
const scroll = { at: -QUIET_MS, by: -OWN_SCROLL_MS, x: 0, y: 0 };
const pointer = { x: 0, y: 0 };
let height = 0;

/**
 * No press reaches a deciding button that appeared or moved less than half a second ago: nobody can have read what stands
 * there now. Such a button is dimmed meanwhile, and a press on it says why nothing happened.
 */
export function guards() {
  look();
  setInterval(look, LOOK_MS);
  document.addEventListener('click', refuse, true);
  document.addEventListener('keydown', refuseRepeats, true);
  document.addEventListener(
    'pointermove',
    ({ clientX, clientY }) => Object.assign(pointer, { x: clientX, y: clientY }),
    true,
  );
  for (const kind of ['wheel', 'touchmove', 'keydown'])
    document.addEventListener(kind, () => (scroll.by = performance.now()), { capture: true, passive: true });
  document.addEventListener('scroll', scrolled, { capture: true, passive: true });
  document.addEventListener('visibilitychange', () => !document.hidden && renew());
  addEventListener('pageshow', ({ persisted }) => persisted && renew());
}

/** The button counts as having appeared now; without one, all do. */
export function renew(button = null) {
  for (const each of button === null ? document.querySelectorAll(DECIDING) : [button]) seen.delete(each);
  look();
}

/**
 * A button that takes another's place to the pixel and decides the same is the same: otherwise an agent that calls again and again
 * would keep it from being pressed.
 */
export function inherit(old, button) {
  const known = seen.get(old);
  if (known !== undefined) seen.set(button, known);
  look();
}

/** Everything that decides, has the focus or is under the pointer, with its place in the window. */
export function placesNow() {
  const places = new Map();
  const under = document.elementFromPoint(pointer.x, pointer.y)?.closest('a, button, input, select, summary, label');
  for (const each of [...document.querySelectorAll(DECIDING), document.activeElement, under])
    if (each && each !== document.body) places.set(each, placeOf(each, 0, 0));
  return places;
}

/** Whether two places are one to the eye. */
export function isSamePlace(one, other) {
  return ['x', 'y', 'width', 'height'].every((key) => Math.abs(one[key] - other[key]) <= STILL);
}

export function placeOf(element, right = 0, down = 0) {
  const { x, y, width, height: high } = element.getBoundingClientRect();
  return { x: x + right, y: y + down, width, height: high };
}

/** Notes where each button is now. Whoever changes the page calls it, so that no button is seen undimmed that a press would not reach. */
export function look() {
  const now = performance.now();
  const message = placeOf(document.getElementById('announcement') ?? document.head);
  for (const button of document.querySelectorAll(DECIDING)) {
    // In a dialog, which stays where it is while the page behind it scrolls, the window is what counts.
    const inDialog = button.closest('dialog') !== null;
    const place = placeOf(button, inDialog ? 0 : scrollX, inDialog ? 0 : scrollY);
    const last = seen.get(button);
    const covered = meets(placeOf(button), message);
    // What a message covered appears when the message goes.
    const uncovered = last?.covered === true && !covered;
    const stays = last !== undefined && isSamePlace(last.place, place) && !uncovered;
    seen.set(button, { place, covered, since: stays ? last.since : now });
    show(button, now - seen.get(button).since < QUIET_MS);
  }
}

function meets(one, other) {
  return (
    other.width > 0 &&
    Math.abs(2 * (one.x - other.x) + one.width - other.width) < one.width + other.width &&
    Math.abs(2 * (one.y - other.y) + one.height - other.height) < one.height + other.height
  );
}

function show(button, isFresh) {
  if (isFresh === (button.dataset.fresh !== undefined)) return;
  if (isFresh) button.dataset.fresh = '';
  else delete button.dataset.fresh;
  if (isFresh) button.setAttribute('aria-disabled', 'true');
  else if (button.dataset.over === undefined) button.removeAttribute('aria-disabled');
}

function refuse(event) {
  const button = event.target instanceof Element ? event.target.closest(DECIDING) : null;
  if (button === null) return;
  look();
  const why = button.dataset.over ?? (button.dataset.fresh !== undefined || scrolledUnder(event) ? FRESH : null);
  if (why === null) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  say(why, true);
}

const FRESH =
  'Nothing was done, because this button had only just appeared or moved. Read the call, then press it again.';

/** Enter that is held down presses again and again, also what the focus has moved to meanwhile. */
function refuseRepeats(event) {
  if (event.repeat && event.target instanceof Element && event.target.matches(DECIDING)) event.preventDefault();
}

/** A page that became shorter moves what it shows, as if somebody had scrolled. */
function scrolled() {
  const now = performance.now();
  const shorter = document.documentElement.scrollHeight < height;
  height = document.documentElement.scrollHeight;
  if (shorter) renew();
  // A finger's swing goes on after the finger has gone.
  const isOwn = now - scroll.by < OWN_SCROLL_MS || now - scroll.at < OWN_SCROLL_MS;
  if (isOwn) Object.assign(scroll, { at: now, ...pointer });
}

/** Whether the button came under a resting pointer, or to where a finger taps, by scrolling, and only just. */
function scrolledUnder({ detail, clientX, clientY, pointerType }) {
  const rests =
    pointerType === 'touch' || (Math.abs(clientX - scroll.x) <= STILL && Math.abs(clientY - scroll.y) <= STILL);
  return detail > 0 && rests && performance.now() - scroll.at < QUIET_MS;
}
