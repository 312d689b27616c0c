import { say, send, sure } from './say.js';

export function revoking() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.revoke === undefined) return;
    event.preventDefault();
    void revoke(form.dataset.revoke);
  });
}

async function revoke(grant) {
  const words = 'Its token stops working on every replica. This cannot be taken back; a new token can be made.';
  if (!(await sure({ title: `Revoke ${grant}?`, words, yes: 'Yes, revoke' }))) return;
  const { status, answer } = await send('/console/revoke', { grant });
  if (status === 200) location.reload();
  else say(answer?.reason ?? 'The gateway did not take it. Nothing was revoked.', true);
}
