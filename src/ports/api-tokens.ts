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
}

/** Tokens for programs, over all replicas. Throws `Unavailable('store')`. */
export interface ApiTokens {
  /** False: the owner has as many as one may have, and nothing was written. */
  add(token: ApiToken, event: NewEvent): Promise<boolean>;
  /** Null: there is none, or the tokens are not those that a gateway left: then none is found. */
  find(digests: readonly string[]): Promise<ApiToken | null>;
  /** Newest first, those too that are over. `owner` null: everybody's. */
  list(owner: string | null): Promise<readonly ApiToken[]>;
  /** The token as it is now; null: it was over before, or is not there, and no event is written. */
  revoke(id: string, by: string, at: Date, event: NewEvent): Promise<ApiToken | null>;
}
