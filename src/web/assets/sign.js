import { send } from './say.js';

/** Why a passkey cannot be used in this browser; null: it can. */
export function cannotSign() {
  if (!window.isSecureContext)
    return 'Passkeys work only over https or on localhost. Open this page at its public address.';
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON)
    return 'This browser has no passkeys as this page needs them. Use a newer one.';
  return null;
}

/** Has the passkey sign the yes to this call. Resolves with what the gateway answered, as `send` does. */
export async function signedDecision(id, word) {
  const fault = cannotSign();
  if (fault !== null) return refused(fault);
  const path = `/api/approvals/${encodeURIComponent(id)}`;
  const asked = await send(`${path}/challenge`, {});
  if (asked.status !== 200) return asked;
  const made = await usePasskey(() =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.answer.publicKey),
    }),
  );
  if (made.fault !== undefined) return refused(made.fault);
  return send(`${path}/signatures`, { nonce: asked.answer.nonce, credential: made.credential.toJSON(), ...word });
}

/** What the browser gives for a passkey, or why there is none, in words. */
export async function usePasskey(ask) {
  try {
    const credential = await ask();
    return credential === null ? { fault: NOT_USED } : { credential };
  } catch (error) {
    return { fault: WORDS[error?.name] ?? `The passkey was not used: ${error?.message ?? error}` };
  }
}

const NOT_USED =
  'No passkey was used, so nothing was done. It was cancelled, took too long, or this device has none that is registered here.';
const WORDS = {
  NotAllowedError: NOT_USED,
  AbortError: NOT_USED,
  InvalidStateError: 'This device has a passkey for this already.',
  SecurityError: 'This page is at another address than the one that passkeys belong to. Open it at its public address.',
};

function refused(reason) {
  return { status: 403, answer: { reason }, text: '' };
}
