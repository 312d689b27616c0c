import { question } from './decide.js';
import { confirmed, say, send } from './say.js';

/** Approves or denies the like of a call too, and ends what was allowed or denied in advance. */
export function inAdvance() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    const { advance, end } = form.dataset;
    if (advance === undefined && end === undefined) return;
    event.preventDefault();
    if (end !== undefined) return void finish(form);
    // Enter in a field must not approve; only pressing a button does.
    const button = event.submitter;
    if (button instanceof HTMLButtonElement && document.activeElement === button) void give(form, button);
    else say('Press the button.');
  });
}

async function finish({ dataset }) {
  const path = dataset.end === 'allowance' ? 'allowances' : 'denials';
  const { status, answer } = await send(`/api/${path}/${encodeURIComponent(dataset.id)}`, {}, 'DELETE');
  if (status === 200) location.reload();
  else if (status === 409) say('It had ended already. Load the page again.', true);
  else say(answer?.reason ?? 'The gateway did not accept this. Nothing was changed.', true);
}

async function give(form, button) {
  const { advance, fingerprint, call, bounds, reasonNeeded } = form.dataset;
  if (form.dataset.busy !== undefined) return;
  const reason = form.elements.namedItem('reason')?.value.trim() ?? '';
  if (button.value === 'deny' && reason === '' && reasonNeeded === 'yes') {
    form.elements.namedItem('reason').focus();
    return say('Say why: this policy requires a reason.', true);
  }
  form.dataset.busy = '';
  try {
    if (button.value === 'approve' && !(await agreed(form))) return;
    const word = { decision: button.value, fingerprint };
    const body =
      button.value === 'deny'
        ? { ...word, reason: reason === '' ? null : reason, standing: { minutes: Number(button.dataset.minutes) } }
        : { ...word, allowance: bounds === undefined ? narrowed(form) : JSON.parse(bounds) };
    const { status, answer } = await send(`/api/approvals/${encodeURIComponent(advance)}/decisions`, body);
    if (status === 200) {
      const [words, bad] = outcome(answer, call);
      say(words, bad);
      // The page says it, too, where there is nothing else to tell.
      if (!bad) location.reload();
    } else if (status === 409) say(`Too late: ${call} is already ${answer.state}.`, true);
    else say(answer?.reason ?? 'The gateway does not answer. Nothing was decided.', true);
  } finally {
    delete form.dataset.busy;
  }
}

/** Where approving this call alone asks once more, approving the like of it asks too, with what else would be allowed. */
async function agreed(form) {
  const plain = document.querySelector(`form[data-decide="${CSS.escape(form.dataset.advance)}"]`);
  if (!plain?.querySelector('.approve[data-confirm]')) return true;
  const asked = question(plain);
  asked.body.querySelector('.call-again').after(form.querySelector('[data-like]').cloneNode(true));
  return confirmed({ ...asked, yes: 'Yes, approve, and the like' });
}

/** What became of it: whether anything was given in advance is for the gateway to say. */
function outcome({ state, gave }, call) {
  if (state === 'pending') return [`Your approval of ${call} is recorded. It needs more approvals.`];
  if (gave?.allowance || gave?.denial) return [`Decided: ${call}, and the like.`];
  return [`Decided: ${call}, and nothing more. Not all approvals were for the same bounds. Load the page again.`, true];
}

function narrowed(form) {
  const within = [...form.querySelectorAll('[name="begins"]')]
    .filter(({ value }) => value !== '')
    .map(({ dataset, value }) => ({ path: dataset.path, op: 'starts_with', value }));
  const whole = (name) => Number(form.elements.namedItem(name).value);
  return { minutes: whole('minutes'), calls: whole('calls'), within };
}
