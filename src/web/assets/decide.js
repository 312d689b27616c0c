import { refresh } from './live.js';
import { confirmed, say, send } from './say.js';

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
  if (choice !== 'approve' && reason === '' && form.dataset.reasonNeeded === 'yes') {
    form.elements.namedItem('reason').focus();
    return say('Say why: this policy requires a reason.', true);
  }
  if (button.dataset.confirm && !(await confirmed(question(form)))) return;
  setBusy(form, true);
  const path = `/api/approvals/${encodeURIComponent(form.dataset.decide)}/${choice === 'take-back' ? choice : 'decisions'}`;
  const word = { reason: reason === '' ? null : reason, fingerprint: form.dataset.fingerprint };
  const body = choice === 'take-back' ? word : { decision: choice, ...word };
  const { status, answer } = await send(path, body);
  setBusy(form, false);
  say(...outcome(status, answer, choice, form.dataset.call));
  if (status === 200 || status === 409) {
    document.getElementById('waiting-head')?.focus();
    await refresh();
  }
}

function question(form) {
  return {
    title: `Approve ${form.dataset.call}?`,
    text: 'Its policy rates it as severe, or the same call may already have run. It will run once, exactly as shown.',
    yes: 'Yes, approve',
  };
}

const DONE = { approve: 'Approved', deny: 'Denied', 'take-back': 'Taken back' };

function outcome(status, answer, choice, call) {
  if (status === 200 && answer.state === 'pending')
    return [`Your approval of ${call} is recorded. It needs more approvals.`];
  if (status === 200) return [`${DONE[choice]}: ${call}.`];
  if (status === 409) return [`Too late: ${call} is already ${answer.state}.`, true];
  if (status === 401) return ['You are signed out. Sign in again to decide.', true];
  if (status === 0) return ['The gateway does not answer. Nothing was decided.', true];
  return [answer?.reason ?? 'The gateway refused.', true];
}

function setBusy(form, isBusy) {
  for (const button of form.querySelectorAll('button')) button.disabled = isBusy;
}
