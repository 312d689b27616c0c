import type { NewEvent } from '../domain/log/event.ts';
import type { AccountBinding, ProvenIdentity } from '../domain/people/identity.ts';
import type { IdTokenOnly } from './provider.ts';

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
  /** The digest of `sid` at the provider; null: it gave none. */
  readonly session: string | null;
  readonly identity: ProvenIdentity;
  readonly onlyInIdToken: IdTokenOnly;
  /** Who the person was when it began. */
  readonly began: AccountBinding;
  /** When the provider said so last. */
  readonly checkedAt: Date;
  /** What the provider is asked again with, sealed. */
  readonly kept: Uint8Array;
}

/**
 * Which logins a provider ends: those of one of its sessions, or all of an account. With both: those of the session if it is
 * the account's, and those of the account that have no session.
 */
export interface EndedAtProvider {
  readonly issuer: string;
  readonly session: string | null;
  readonly subject: string | null;
}

/** Whether an account may come with an e-mail address: one address has one account, and one account one address. */
export type EmailHolding =
  | 'held'
  /** It belongs to another account. */
  | 'of_another'
  /** This account came with another one before. */
  | 'has_another'
  /** The addresses are not those that a gateway left. */
  | 'not_whole';

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
  endedBy(which: EndedAtProvider): Promise<readonly PersonLogin[]>;
  /** The ids of an account's logins that were confirmed least lately, beyond the `most` that it may have. */
  beyond(account: Pick<ProvenIdentity, 'issuer' | 'subject'>, most: number): Promise<readonly string[]>;
  /** Whether this e-mail address belongs to this account: it does to the first one that comes, if it has no other. */
  holdEmail(email: string, account: Pick<ProvenIdentity, 'issuer' | 'subject'>, at: Date): Promise<EmailHolding>;
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
