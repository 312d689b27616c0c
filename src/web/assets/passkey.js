import { confirmed, say, send } from './say.js';
import { cannotSign, usePasskey } from './sign.js';

/** Adds, registers and revokes passkeys from the forms of the Passkeys page. */
export function passkeys() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    const { newPasskey, registerPasskey, revokePasskey, what } = form.dataset;
    if (newPasskey === undefined && registerPasskey === undefined && revokePasskey === undefined) return;
    event.preventDefault();
    if (newPasskey !== undefined) void add(form);
    else if (registerPasskey !== undefined) void register(registerPasskey, what);
    else void revoke(revokePasskey, what);
  });
}

async function add(form) {
  const fault = cannotSign();
  if (fault !== null) return say(fault, true);
  if (form.dataset.busy !== undefined) return;
  form.dataset.busy = '';
  try {
    const asked = await send('/api/keys/challenge', {});
    if (asked.status !== 200) return say(asked.answer?.reason ?? REFUSED, true);
    const made = await usePasskey(() =>
      navigator.credentials.create({
        publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.answer.publicKey),
      }),
    );
    if (made.fault !== undefined) return say(made.fault, true);
    const { status, answer } = await send('/api/keys', {
      name: form.elements.namedItem('name').value,
      nonce: asked.answer.nonce,
      credential: made.credential.toJSON(),
    });
    if (status === 201) location.reload();
    else say(answer?.reason ?? REFUSED, true);
  } finally {
    delete form.dataset.busy;
  }
}

async function register(id, what) {
  const text =
    'It can then approve calls in its owner’s name. Register it only if its owner has told you this fingerprint by another way than this page.';
  if (!(await confirmed({ title: `Register ${what}?`, text, yes: 'Yes, register' }))) return;
  done(await send(`/api/keys/${encodeURIComponent(id)}/register`, {}));
}

async function revoke(id, what) {
  const text =
    'It signs nothing any more, and approvals that it signed and that have not run are void. This cannot be undone.';
  if (!(await confirmed({ title: `Revoke ${what}?`, text, yes: 'Yes, revoke' }))) return;
  done(await send(`/api/keys/${encodeURIComponent(id)}`, { reason: null }, 'DELETE'));
}

function done({ status, answer }) {
  if (status === 200) location.reload();
  else say(answer?.reason ?? REFUSED, true);
}

const REFUSED = 'The gateway did not accept this. Nothing was changed.';
