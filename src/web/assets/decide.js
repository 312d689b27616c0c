import { settle, showAll } from './hold.js';
import { refresh } from './live.js';
import { confirmed, say, send } from './say.js';
import { signedDecision } from './sign.js';

/** Sends decisions from their forms. Each names the exact call that was shown, by its fingerprint. */
export function decisions() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.decide === undefined) return;
    event.preventDefault();
    // Enter in the reason's field must not approve; only pressing a button does.
    const button = event.submitter;
    if (button instanceof HTMLButtonElement && document.activeElement === button) void decide(form, button);
    else say(form.querySelector('.approve') ? 'Choose Approve or Deny.' : 'Press the button.');
  });
}

async function decide(form, button) {
  const choice = button.value;
  const reason = form.elements.namedItem('reason').value.trim();
  if (form.dataset.busy !== undefined) return;
  if (choice !== 'approve' && choice !== 'sign' && reason === '' && form.dataset.reasonNeeded === 'yes') {
    form.elements.namedItem('reason').focus();
    return say('Say why: this policy requires a reason.', true);
  }
  form.dataset.busy = '';
  try {
    if (button.dataset.confirm && !(await confirmed(question(form)))) return;
    // Somebody else may have been faster while the question stood there.
    if (button.dataset.over !== undefined) return say(button.dataset.over, true);
    await sendDecision(form, choice, reason);
  } finally {
    delete form.dataset.busy;
  }
}

async function sendDecision(form, choice, reason) {
  const path = `/api/approvals/${encodeURIComponent(form.dataset.decide)}/${choice === 'take-back' ? choice : 'decisions'}`;
  const word = { reason: reason === '' ? null : reason, fingerprint: form.dataset.fingerprint };
  const body = choice === 'take-back' ? word : { decision: choice, ...word };
  const { status, answer } =
    choice === 'sign' ? await signedDecision(form.dataset.decide, word) : await send(path, body);
  const [words, bad] = outcome(status, answer, choice, form.dataset.call);
  say(words, bad);
  if (status !== 200 && status !== 409) return;
  settle(form.closest('[data-key]'), words);
  await refresh();
  // On a page about one call nothing else can come under the pointer, and what comes does nothing for half a second.
  if (document.querySelector('[data-news="one"]')) showAll();
}

/** Parts of a call that have a heading of their own, without which nobody could tell what or whose they are. */
const TITLED = 'figure, details';

/**
 * Repeats the whole call as the page shows it, each part under its heading: what is asked once more is what would run. What
 * a server said of how things stand does not.
 */
export function question(form) {
  const { content } = form.querySelector('template');
  const body = document.importNode(content, true);
  const place = body.querySelector('[data-call-here]');
  const shown = form.closest('[data-call-shown]').querySelectorAll('.values, .also');
  const parts = new Set([...shown].map((part) => part.closest(TITLED) ?? part));
  for (const part of parts) {
    if (part.dataset.said !== undefined) continue;
    const copy = part.cloneNode(true);
    if (copy.localName === 'details') copy.open = true;
    place.append(copy);
  }
  return { title: body.querySelector('[data-title]'), body, yes: 'Yes, approve', tone: 'approve' };
}

const DONE = { approve: 'Approved', sign: 'Approved', deny: 'Denied', 'take-back': 'Taken back' };

function outcome(status, answer, choice, call) {
  if (status === 200 && answer.state === 'pending')
    return [`Your approval of ${call} is recorded. It needs more approvals.`];
  if (status === 200) return [`${DONE[choice]}: ${call}.`];
  if (status === 409) return [`Too late: ${call} is already ${answer.state}.`, true];
  if (status === 401) return ['You are signed out. Sign in again to decide.', true];
  if (status === 0) return ['The gateway does not answer. Nothing was decided.', true];
  return [answer?.reason ?? 'The gateway refused.', true];
}
