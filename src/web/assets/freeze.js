import { say, send } from './say.js';

/** Freezes and thaws from the forms of the Freezes page. */
export function freezing() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    if (form.dataset.freeze === undefined && form.dataset.thaw === undefined) return;
    event.preventDefault();
    const reason = form.elements.namedItem('reason').value.trim();
    void (form.dataset.thaw === undefined ? freeze(form, reason) : thaw(form.dataset.thaw, reason));
  });
}

function freeze(form, reason) {
  const what = form.elements.namedItem('what').value;
  const split = what.indexOf(':');
  const scope = split < 0 ? 'all' : { [what.slice(0, split)]: what.slice(split + 1) };
  return change('/api/freeze', { scope, reason }, 'POST');
}

function thaw(id, reason) {
  return change(`/api/freeze/${encodeURIComponent(id)}`, { reason }, 'DELETE');
}

async function change(path, body, method) {
  const { status, answer } = await send(path, body, method);
  if (status === 200 || status === 201) location.reload();
  else if (status === 409) say('Somebody was faster. Load the page again.', true);
  else say(answer?.reason ?? 'The gateway did not accept this. Nothing was changed.', true);
}
