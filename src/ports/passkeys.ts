import type { SigningAlgorithm } from '../domain/approval/signing.ts';

/** A passkey that a browser has just made. */
export interface MadePasskey {
  /** The credential's id, base64url. */
  readonly id: string;
  /** SPKI, DER, base64url. */
  readonly publicKey: string;
  readonly algorithm: SigningAlgorithm;
  readonly counter: number;
}

/** Reads what browsers make (WebAuthn, section 7.1). */
export interface Passkeys {
  /**
   * What was made for this challenge (base64url) at this origin, with the person verified. `why`: what is wrong with it, for
   * the log and the person.
   */
  read(
    credential: unknown,
    expected: { readonly challenge: string; readonly origin: string },
  ): Promise<({ readonly kind: 'made' } & MadePasskey) | { readonly kind: 'refused'; readonly why: string }>;
}
