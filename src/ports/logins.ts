import type { NewEvent } from '../domain/log/event.ts';
import type { ProvenIdentity } from '../domain/people/identity.ts';

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

/** What a login of a person has besides: who vouched for them, and how to ask again. */
export interface PersonLogin {
  /** The login's id. */
  readonly id: string;
  /** A keyed digest of the sign-in that it came of: one sign-in makes one login. */
  readonly flow: string;
  /** `sid` at the provider; null: it gave none. */
  readonly session: string | null;
  readonly identity: ProvenIdentity;
  /** When the provider said so last. */
  readonly checkedAt: Date;
  /** What the provider is asked again with, sealed. */
  readonly kept: Uint8Array;
}

/** Which logins a provider ends: those of one of its sessions, or all of an account. */
export type EndedAtProvider =
  | { readonly issuer: string; readonly session: string }
  | { readonly issuer: string; readonly subject: string };

/** The people among those who are signed in. Throws `Unavailable('store')`. */
export interface PersonLogins {
  /** False: its sign-in made a login before, and nothing was written. */
  begin(login: Login, person: PersonLogin, event: NewEvent): Promise<boolean>;
  /** Null: there is none, or no gateway wrote it. */
  find(id: string): Promise<PersonLogin | null>;
  /** Whether the caller may ask the provider again: one may, for `ms`. */
  claim(id: string, ms: number): Promise<boolean>;
  /** The provider was asked again, and this is what it said. Whoever has claimed it does this. */
  confirmed(person: PersonLogin): Promise<void>;
  /** Lets others ask. */
  release(id: string): Promise<void>;
  endedBy(which: EndedAtProvider): Promise<readonly Pick<PersonLogin, 'id' | 'identity'>[]>;
  /** Whether this e-mail address belongs to this account: it does to the first one that comes. */
  ownsEmail(email: string, account: Pick<ProvenIdentity, 'issuer' | 'subject'>, at: Date): Promise<boolean>;
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
