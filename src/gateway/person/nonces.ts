import type { SigningNonce, SigningNonces } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';

/** Milliseconds for which what was given out to be signed may be signed. */
export const NONCE_MS = 5 * 60_000;

/** A person in one session of the console, who signs there. */
export interface Signatory {
  /** The approver's id. */
  readonly id: string;
  /** The login's id. */
  readonly login: string;
}

export interface NonceDeps {
  readonly gateway: Pick<Gateway, 'clock' | 'vault'>;
  readonly nonces: SigningNonces;
}

/** What a nonce is bound to besides its person and session. */
type Purpose = Pick<SigningNonce, 'approval' | 'choice' | 'purpose'>;

/** Keeps a nonce: 256 random bits, base64url. False: the person has too many open ones in this session. */
export async function issueNonce(
  { gateway, nonces }: NonceDeps,
  nonce: string,
  { id, login }: Signatory,
  purpose: Purpose,
): Promise<boolean> {
  const at = gateway.clock.now();
  const digest = gateway.vault.digest('console', nonceText(nonce));
  return nonces.issue({ digest, ...purpose, login, person: id, at, endsAt: new Date(at.getTime() + NONCE_MS) });
}

/** Uses a nonce up, whatever comes of it. What is wrong with it for this purpose, in words; null: nothing. */
export async function spendNonce(
  { gateway, nonces }: NonceDeps,
  nonce: string,
  { id, login }: Signatory,
  { purpose, approval, choice }: Purpose,
): Promise<string | null> {
  const found = await nonces.spend(gateway.vault.digests('console', nonceText(nonce)));
  if (found === null) return 'it was used before, or was never given out';
  if (gateway.clock.now() >= found.endsAt) return `it was given out more than ${NONCE_MS / 60_000} minutes ago`;
  if (found.person !== id) return 'it was given out to another person';
  if (found.login !== login) return 'it was given out in another session';
  if (found.purpose !== purpose || found.approval !== approval || found.choice !== choice)
    return 'it was given out for something else';
  return null;
}

// What the stored digest is made of: changing this text voids the nonces that are open.
function nonceText(nonce: string): string {
  return `signing nonce ${nonce}`;
}
