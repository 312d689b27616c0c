import { confirmed, say, send } from './say.js';

/** Erases what a call said from the form on its page, after a confirmation. */
export function erasing() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.erase === undefined) return;
    event.preventDefault();
    void erase(form.dataset.erase, form.elements.namedItem('reason').value.trim());
  });
}

async function erase(id, reason) {
  if (reason === '') return say('Say why: it stays in the log.', true);
  const text =
    'Arguments, reasons, answers and cards of this call are destroyed, here and in the log. This cannot be undone. Who asked, who decided and what became of it stays.';
  if (!(await confirmed({ title: 'Erase what this call said?', text, yes: 'Yes, erase' }))) return;
  const { status, answer } = await send(`/api/approvals/${encodeURIComponent(id)}/erase`, { reason });
  if (status === 200) location.reload();
  else say(answer?.reason ?? 'The gateway did not accept this. Nothing was erased.', true);
}
