import type { NewEvent } from '../domain/log/event.ts';
import type { Role } from '../domain/people/role.ts';

/** A person's token for programs. The token itself is kept nowhere. */
export interface ApiToken {
  readonly id: string;
  /** A keyed digest of the token. */
  readonly digest: string;
  /** The approver's id of its owner. */
  readonly owner: string;
  /** What the owner calls it. */
  readonly name: string;
  readonly role: Role;
  readonly at: Date;
  readonly endsAt: Date;
  readonly revokedAt: Date | null;
  readonly revokedBy: string | null;
  /** When its owner signed in last; null: the provider has said since that their account is over. */
  readonly vouchedAt: Date | null;
}

/** Tokens for programs, over all replicas. Throws `Unavailable('store')`. */
export interface ApiTokens {
  /** `own_full`, `all_full`: the owner, or all together, have as many as may be, and nothing was written. */
  add(token: ApiToken, event: NewEvent): Promise<'added' | 'own_full' | 'all_full'>;
  /** Null: there is none, or the tokens are not those that a gateway left: then none is found. */
  find(digests: readonly string[]): Promise<ApiToken | null>;
  /** Newest first, those too that are over. `owner` null: everybody's. */
  list(owner: string | null): Promise<readonly ApiToken[]>;
  /** The owner has signed in: all their tokens are good again that are not over. Whether there are any. */
  vouch(owner: string, at: Date): Promise<boolean>;
  /** The provider says that the owner's account is over. The tokens that this stops; none: no event is written. */
  suspend(owner: string, at: Date, event: (ids: readonly string[]) => NewEvent): Promise<readonly string[]>;
  /** The token as it is now; null: it was over before, or is not there, and no event is written. */
  revoke(id: string, by: string, at: Date, event: NewEvent): Promise<ApiToken | null>;
}
