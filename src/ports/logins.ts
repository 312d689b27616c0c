import type { NewEvent } from '../domain/log/event.ts';

/** One login of a reviewer to the console. Not an MCP session. */
export interface Login {
  /** A keyed digest of the cookie. The cookie itself is kept nowhere. */
  readonly id: string;
  /** The approver's id under which decisions are made, such as `admin`. */
  readonly reviewer: string;
  /** A keyed digest of what was presented: a new admin token ends every login made with the old one. */
  readonly credential: string;
  readonly at: Date;
  readonly seenAt: Date;
  /** Over at this instant, even while it is used. */
  readonly endsAt: Date;
}

/** Who is signed in, over all replicas. Throws `Unavailable('store')`. */
export interface Logins {
  begin(login: Login, event: NewEvent): Promise<void>;
  find(id: string): Promise<Login | null>;
  /** It was used. A later use than `at` stays. */
  seen(login: Login, at: Date): Promise<void>;
  end(id: string, event: NewEvent): Promise<void>;
}

/** A grant's token that is no longer good, whatever the config says. Another token under the same name still is. */
export interface Revocation {
  readonly tokenSha256: string;
  readonly grant: string;
  readonly at: Date;
  /** Who revoked it. */
  readonly actor: string;
  readonly reason: string | null;
}

/** Throws `Unavailable('store')`. */
export interface Revocations {
  list(): Promise<readonly Revocation[]>;
  /** False: it was revoked before, and no event is written. */
  revoke(revocation: Revocation, event: NewEvent): Promise<boolean>;
}
