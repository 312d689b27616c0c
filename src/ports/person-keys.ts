import type { SigningAlgorithm } from '../domain/approval/signing.ts';
import type { NewEvent } from '../domain/log/event.ts';

/** A person's passkey, from the moment at which they asked for it. It is never forgotten. */
export interface PersonKey {
  /** The credential's id, base64url. */
  readonly id: string;
  /** The approver's id of its person. */
  readonly owner: string;
  /** What the person calls it. */
  readonly name: string;
  /** SPKI, DER, base64url. */
  readonly publicKey: string;
  readonly algorithm: SigningAlgorithm;
  readonly origin: string;
  /** As the authenticator said last; 0 where it does not count. */
  readonly counter: number;
  /** When its person asked for it. */
  readonly at: Date;
  /** When and by whom it was allowed to sign; null: not yet. */
  readonly registeredAt: Date | null;
  readonly registeredBy: string | null;
  /** The admin token allowed it, and no operator. */
  readonly breakGlass: boolean;
  readonly endedAt: Date | null;
  readonly endedBy: string | null;
  /** `suspended`: its counter went back, so there may be a copy of it. */
  readonly ended: 'revoked' | 'suspended' | null;
  readonly seal: string;
}

/** Passkeys, over all replicas. Throws `Unavailable('store')`. */
export interface PersonKeys {
  /** `known`: there is one with this id; `too_many`: the owner has as many as one may have. Then nothing was written. */
  add(key: Omit<PersonKey, 'seal'>, event: NewEvent): Promise<'added' | 'known' | 'too_many'>;
  /** All of them, newest first; null: they are not those that a gateway left. */
  whole(): Promise<readonly PersonKey[] | null>;
  /** All of them as the rows say, for pages. */
  list(): Promise<readonly PersonKey[]>;
  /** Lets it sign. null: there is none that waits for this, or the keys are not those that a gateway left. */
  register(
    id: string,
    by: { readonly by: string; readonly breakGlass: boolean; readonly at: Date },
    event: NewEvent,
  ): Promise<PersonKey | null>;
  /** null: there is none, it was over before, or the keys are not those that a gateway left. */
  revoke(id: string, by: string, at: Date, event: NewEvent): Promise<PersonKey | null>;
  /**
   * It has signed, with this counter. `suspended`: the counter did not go on, and the key is over, with the event. `gone`: it
   * may not sign.
   */
  used(id: string, counter: number, at: Date, event: NewEvent): Promise<'taken' | 'suspended' | 'gone'>;
}

/** What is to be signed, or made, by one person in one session, once. The nonce itself is kept nowhere. */
export interface SigningNonce {
  /** A keyed digest of the nonce. */
  readonly digest: string;
  readonly purpose: 'register' | 'approve';
  /** The login's id. */
  readonly login: string;
  /** The approver's id. */
  readonly person: string;
  readonly approval: string | null;
  readonly choice: 'approve' | null;
  readonly at: Date;
  readonly endsAt: Date;
}

/** Nonces, over all replicas. Throws `Unavailable('store')`. */
export interface SigningNonces {
  /** False: this login has too many that are not used. */
  issue(nonce: SigningNonce): Promise<boolean>;
  /** The nonce, which is gone then, whatever it is good for; null: there is none, or no gateway wrote it. */
  spend(digests: readonly string[]): Promise<SigningNonce | null>;
}
