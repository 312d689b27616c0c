import { settle } from './hold.js';
import { refresh } from './live.js';
import { confirmed, say, send } from './say.js';

/** Calls that are decided together at most. */
const MOST = 25;

/** Several ticked calls are decided together, after a question that shows each of them in full: all, or none. */
export function batches() {
  const bar = document.querySelector('[data-batch]');
  if (!bar) return;
  document.addEventListener('change', (event) => {
    if (event.target instanceof Element && event.target.matches('[data-pick]')) tell(bar);
  });
  for (const button of bar.querySelectorAll('button[data-choice]'))
    button.addEventListener('click', () => decideTogether(button.dataset.choice, picked()));
  // Cards come and go, and a card that has changed is no longer ticked.
  new MutationObserver(() => tell(bar)).observe(document.getElementById('inbox'), { childList: true, subtree: true });
  tell(bar);
}

/** The card in which the focus is; null: it is in none. */
export function cardInFocus() {
  return document.activeElement?.closest('#inbox > .card') ?? null;
}

/** Ticks the card, or takes the tick away. */
export function toggle(card) {
  const box = card?.querySelector('[data-pick]');
  if (!box || card.dataset.over !== undefined) return;
  box.checked = !box.checked;
  box.dispatchEvent(new Event('change', { bubbles: true }));
}

/** What `a` and `d` ask: about the ticked calls, else about the one in focus. They open a question and decide nothing. */
export function ask(choice) {
  const cards = picked();
  const card = cardInFocus();
  if (cards.length === 0 && card?.querySelector('[data-pick]') == null)
    return say('Tick calls with x, or go to one with j and k.');
  void decideTogether(choice, cards.length > 0 ? cards : [card]);
}

function picked() {
  return [...document.querySelectorAll('#inbox > .card')].filter(
    (card) => card.dataset.over === undefined && card.querySelector('[data-pick]')?.checked,
  );
}

function tell(bar) {
  const count = picked().length;
  const text = bar.querySelector('[data-batch-count]');
  const said = count === 0 ? text.dataset.idle : `${count} selected`;
  if (text.textContent !== said) text.textContent = said;
  for (const button of bar.querySelectorAll('button[data-choice]')) {
    if (count === 0) button.setAttribute('aria-disabled', 'true');
    else button.removeAttribute('aria-disabled');
  }
}

async function decideTogether(choice, cards) {
  if (cards.length === 0) return say('Select calls first: tick the box in a card.');
  if (cards.length > MOST) return say(`At most ${MOST} calls are decided together. Untick some.`, true);
  const unfit = cards.find((card) => !card.querySelector('[data-pick]').dataset.may.split(' ').includes(choice));
  if (unfit !== undefined) return say(`You cannot ${choice} ${callOf(unfit)} here. Untick it, or open it.`, true);
  const shown = cards.map((card) => ({ card, item: itemOf(card) }));
  const body = question(cards);
  const reason = reasonField(choice, cards);
  body.append(reason.label);
  const yes = `${choice === 'approve' ? 'Approve' : 'Deny'} ${cards.length === 1 ? 'this call' : `all ${cards.length}`}`;
  const title = `${choice === 'approve' ? 'Approve' : 'Deny'} ${cards.length === 1 ? 'this call' : `these ${cards.length} calls`}?`;
  if (!(await confirmed({ title, body, yes }))) return;
  const why = reason.field.value.trim();
  if (choice === 'deny' && why === '' && reason.needed)
    return say('Say why: a policy of these requires a reason.', true);
  const items = shown.map(({ item }) => item);
  const { status, answer } = await send('/api/decisions', { decision: choice, reason: why === '' ? null : why, items });
  if (status === 200) {
    const done = choice === 'approve' ? 'Approved' : 'Denied';
    for (const [index, { card }] of shown.entries()) {
      const waits = answer.items[index].state === 'pending';
      settle(card, waits ? 'Your approval is recorded. It needs more approvals.' : `${done}.`);
    }
    say(`${done}: ${items.length} ${items.length === 1 ? 'call' : 'calls'}.`);
  } else say(refusal(status, answer, shown), true);
  await refresh();
}

/** Each ticked call as its card shows it: what is asked is what would run. */
function question(cards) {
  const all = document.createElement('div');
  all.className = 'batch-calls';
  all.tabIndex = 0;
  all.setAttribute('role', 'region');
  all.setAttribute('aria-label', 'The selected calls in full');
  for (const card of cards) {
    const call = document.createElement('section');
    const head = Object.assign(document.createElement('h3'), { textContent: callOf(card) });
    call.append(head);
    // All of it, in its order: what is picked out could lose whose word it is, or what is unusual about the call.
    const copy = card.querySelector('[data-whole]').cloneNode(true);
    for (const each of copy.querySelectorAll('[id]')) each.removeAttribute('id');
    copy.removeAttribute('data-whole');
    call.append(copy);
    all.append(call);
  }
  const around = document.createElement('div');
  around.append(all);
  return around;
}

function reasonField(choice, cards) {
  const needed = choice === 'deny' && cards.some((card) => formOf(card).dataset.reasonNeeded === 'yes');
  const label = document.createElement('label');
  label.className = 'batch-reason';
  const field = Object.assign(document.createElement('input'), { type: 'text', maxLength: 2000, autocomplete: 'off' });
  label.append(`Reason ${needed ? '(required)' : '(optional)'} `, field);
  return { label, field, needed };
}

const formOf = (card) => card.querySelector('form[data-decide][data-fingerprint]');
const callOf = (card) => formOf(card).dataset.call;

function itemOf(card) {
  const { decide, fingerprint } = formOf(card).dataset;
  return { id: decide, fingerprint, revision: Number(card.dataset.rev.split('.')[0]) };
}

function refusal(status, answer, shown) {
  if (status === 401) return 'You are signed out. Sign in again to decide.';
  if (status === 0) return 'The gateway does not answer. Look at the calls again before you decide.';
  const named = (answer?.items ?? []).map(({ id, state, reason }) => {
    const call = shown.find(({ item }) => item.id === id);
    return `${call === undefined ? id : callOf(call.card)} (${state ?? 'gone'}): ${reason}`;
  });
  return named.length === 0 ? (answer?.reason ?? 'The gateway refused.') : `None was decided. ${named.join(' ')}`;
}
