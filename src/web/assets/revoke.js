import { confirmed, say, send } from './say.js';

/** Revokes grants from their buttons, after a confirmation. */
export function revoking() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.revoke === undefined) return;
    event.preventDefault();
    void revoke(form.dataset.revoke);
  });
}

async function revoke(grant) {
  const text = 'Its token stops working on every replica. This cannot be undone, but you can make a new token.';
  if (!(await confirmed({ title: `Revoke ${grant}?`, text, yes: 'Yes, revoke' }))) return;
  const { status, answer } = await send('/console/revoke', { grant });
  if (status === 200) location.reload();
  else say(answer?.reason ?? 'The gateway did not accept this. Nothing was revoked.', true);
}
