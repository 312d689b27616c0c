import { say, send } from './say.js';

/** Denies a call with the one that its form makes of it. */
export function counterProposals() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.counter === undefined) return;
    event.preventDefault();
    // Enter in a field must not deny; only pressing the button does.
    const button = event.submitter;
    if (button instanceof HTMLButtonElement && document.activeElement === button) void propose(form);
    else say('Press the button.');
  });
}

async function propose(form) {
  const { counter, fingerprint, call, reasonNeeded, busy } = form.dataset;
  if (busy !== undefined) return;
  const reason = form.elements.namedItem('reason').value.trim();
  clearWrong(form);
  if (reason === '' && reasonNeeded === 'yes') {
    form.elements.namedItem('reason').focus();
    return say('Say why: this policy requires a reason.', true);
  }
  const members = membersOf(form);
  if (members === null) return;
  form.dataset.busy = '';
  try {
    const word = JSON.stringify({ decision: 'deny', fingerprint, reason: reason === '' ? null : reason });
    // Numbers go as they were typed: whether they can be kept is for the gateway to say.
    const body = `${word.slice(0, -1)},"counter":{${members.join(',')}}}`;
    const { status, answer } = await send(`/api/approvals/${encodeURIComponent(counter)}/decisions`, body);
    if (status === 200 && answer.counter) return location.assign(`/approvals/${encodeURIComponent(answer.counter.id)}`);
    if (status === 200) return location.reload();
    if (status === 409) return say(`Too late: ${call} is already ${answer.state}.`, true);
    for (const { path, why } of answer?.faults ?? []) wrong(form, path, why);
    const words = answer?.reason ?? 'The gateway does not answer. Nothing was decided.';
    if ((answer?.faults ?? []).length === 0) wrong(form, null, words);
    say(words, true);
  } finally {
    delete form.dataset.busy;
  }
}

/** Each argument as JSON text; null: something typed cannot be one. */
function membersOf(form) {
  const kept = form.dataset.kept.trim().slice(1, -1).trim();
  const members = kept === '' ? [] : [kept];
  let good = true;
  for (const field of form.querySelectorAll('[data-argument]')) {
    const { argument, kind, now } = field.dataset;
    const value = jsonOf(kind, field.value, now);
    if (value === undefined) continue;
    if (value === null) good = wrong(form, argument, kind === 'integer' ? 'Write a whole number.' : 'Write a number.');
    else members.push(`${JSON.stringify(argument)}:${value}`);
  }
  const json = form.elements.namedItem('json')?.value.trim() ?? '';
  if (json !== '') {
    const inner = innerOf(json);
    if (inner === null) good = wrong(form, '', 'Write one JSON object: {"name": value}.');
    else if (inner !== '') members.push(inner);
  }
  return good ? members : null;
}

/** JSON text; undefined: it is left out; null: it is no number. */
function jsonOf(kind, typed, now) {
  if (typed === '') return now === '' ? '""' : undefined;
  if (kind === 'choice' || kind === 'boolean') return typed;
  if (kind === 'lines') return JSON.stringify(typed.split(/\r?\n/).filter((line) => line !== ''));
  if (kind === 'text') return JSON.stringify(sameLines(typed, now) ? now : typed);
  const pattern = kind === 'integer' ? /^-?(0|[1-9]\d*)$/ : /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
  return pattern.test(typed.trim()) ? typed.trim() : null;
}

function sameLines(typed, now) {
  return now !== undefined && typed.replaceAll(/\r\n?/g, '\n') === now.replaceAll(/\r\n?/g, '\n');
}

function innerOf(json) {
  try {
    const value = JSON.parse(json);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return json.slice(1, -1).trim();
  } catch {
    return null;
  }
}

function clearWrong(form) {
  for (const line of form.querySelectorAll('.wrong')) {
    line.hidden = true;
    line.textContent = '';
  }
  for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
}

/** Says what is wrong at the field that a path leads to, or below all of them. Returns false. */
function wrong(form, path, why) {
  const lines = [...form.querySelectorAll('[data-wrong]')];
  const of = (name) => path === name || path.startsWith(`${name}.`) || path.startsWith(`${name}[`);
  const own = path === null ? undefined : lines.find(({ dataset }) => dataset.wrong !== '' && of(dataset.wrong));
  const line =
    own ?? lines.find(({ dataset }) => dataset.wrong === '' && path !== null) ?? form.querySelector('[data-wrong-all]');
  line.textContent = own === undefined && path ? `${path}: ${why}` : why;
  line.hidden = false;
  if (own !== undefined) {
    const field = form.querySelector(`[data-argument="${CSS.escape(own.dataset.wrong)}"]`);
    field?.setAttribute('aria-invalid', 'true');
    field?.focus();
  }
  return false;
}
