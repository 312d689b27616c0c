import { refresh } from './live.js';
import { say, send } from './say.js';

/** Longest wait of a timer, in ms. */
const LONGEST_MS = 2 ** 31 - 1;

/** Puts questions aside for this person, and takes them back; and the page reads itself again when one is back. */
export function snoozing() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    const { snooze, wake } = form.dataset;
    if (snooze === undefined && wake === undefined) return;
    event.preventDefault();
    void change(form, snooze ?? wake, snooze !== undefined);
  });
  comeBack();
}

async function change(form, id, isOn) {
  if (form.dataset.busy !== undefined) return;
  form.dataset.busy = '';
  try {
    const body = isOn ? { minutes: Number(form.elements.namedItem('minutes').value) } : {};
    const path = `/api/approvals/${encodeURIComponent(id)}/snooze`;
    const { status, answer } = await send(path, body, isOn ? 'POST' : 'DELETE');
    if (status === 200 || status === 404) location.reload();
    else say(answer?.reason ?? 'The gateway does not answer. Nothing was snoozed.', true);
  } finally {
    delete form.dataset.busy;
  }
}

function comeBack() {
  const line = document.querySelector('[data-back-in]');
  if (!line) return;
  setTimeout(() => void refresh().finally(comeBack), Math.min(LONGEST_MS, Number(line.dataset.backIn) + 1_000));
}
