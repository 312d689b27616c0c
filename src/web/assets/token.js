import { confirmed, say, send } from './say.js';

/** Makes and revokes personal tokens from the forms of the Tokens page. */
export function personalTokens() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    const { newToken, revokeToken } = form.dataset;
    if (newToken === undefined && revokeToken === undefined) return;
    event.preventDefault();
    void (revokeToken === undefined ? make(form) : revoke(revokeToken));
  });
}

async function make(form) {
  const of = (name) => form.elements.namedItem(name).value;
  const { status, answer } = await send('/api/tokens', {
    name: of('name'),
    role: of('role'),
    days: Number(of('days')),
  });
  if (status !== 201) return say(answer?.reason ?? 'The gateway did not accept this. No token was made.', true);
  const place = document.getElementById('new-token');
  const words = document.createElement('p');
  words.className = 'notice good';
  words.textContent = 'This is the new token. Copy it now: it is shown once, and kept nowhere.';
  const text = document.createElement('pre');
  text.className = 'values';
  text.tabIndex = 0;
  text.append(Object.assign(document.createElement('code'), { textContent: answer.token }));
  place.replaceChildren(words, text);
  form.reset();
  text.focus();
}

async function revoke(id) {
  const text = 'It stops working on every replica. This cannot be undone.';
  if (!(await confirmed({ title: 'Revoke this token?', text, yes: 'Yes, revoke' }))) return;
  const { status, answer } = await send(`/api/tokens/${encodeURIComponent(id)}`, {}, 'DELETE');
  if (status === 200) location.reload();
  else say(answer?.reason ?? 'The gateway did not accept this. Nothing was revoked.', true);
}
