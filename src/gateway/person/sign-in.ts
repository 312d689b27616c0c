import { type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import { loginMark } from '../../domain/log/marks.ts';
import { actorOf } from '../../domain/people/actor.ts';
import type { AccountStanding, ProvenIdentity } from '../../domain/people/identity.ts';
import type { Login, PersonLogins, Vouched } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import type { Directory } from './directory.ts';

/** Somebody who has a role here. */
export type KnownStanding = Extract<AccountStanding, { readonly kind: 'known' }>;

export interface SignInDeps {
  readonly gateway: Pick<Gateway, 'clock' | 'journal' | 'vault'>;
  readonly personLogins: PersonLogins;
  readonly directory: Directory;
}

export type PersonSignIn =
  | { readonly kind: 'signed_in'; readonly standing: KnownStanding }
  /** `why`: what to do, for the person. */
  | { readonly kind: 'refused'; readonly why: string };

const OTHER_ACCOUNT =
  'This e-mail address belongs to another account here: the first one that signed in with it. If the account was replaced, an operator writes its subject under people.';
const USED = 'This sign-in was completed before. Sign in again.';

/**
 * Begins the login of somebody for whom the provider has just vouched, if they have a role. `state`: of the sign-in, of which
 * one login comes. Events tell of both ends.
 */
export async function signInPerson(
  { gateway, personLogins, directory }: SignInDeps,
  vouched: Vouched,
  state: string,
  login: Omit<Login, 'credential' | 'reviewer'>,
  from: string | null,
): Promise<PersonSignIn> {
  const { vault, journal } = gateway;
  const { identity, session, tokens } = vouched;
  const standing = directory.standing(identity);
  const refused = (why: string, actor: string): PersonSignIn => {
    const data = { reason: why, from, issuer: identity.issuer, subject: identity.subject };
    journal.note({ ...NO_SUBJECT, type: 'admin.refused', at: login.at, actor, data });
    return { kind: 'refused', why };
  };
  if (standing.kind === 'refused') return refused(standing.why, 'unknown');
  const actor = actorOf(standing);
  if (standing.by === 'email' && !(await personLogins.ownsEmail(identity.email!, identity, login.at)))
    return refused(OTHER_ACCOUNT, 'unknown');
  const person = {
    ...{ id: login.id, flow: vault.digest('console', `flow ${state}`), session, identity, checkedAt: login.at },
    kept: vault.seal('state', keptRow(login.id), new TextEncoder().encode(tokens)),
  };
  const whole: Login = { ...login, reviewer: standing.id, credential: vault.digest('console', accountText(identity)) };
  const event: NewEvent = {
    ...{ ...NO_SUBJECT, type: 'admin.signed_in', at: login.at, actor },
    data: {
      ...{ from, login: loginMark(login.id), by: 'oidc', issuer: identity.issuer, subject: identity.subject },
      person: standing.person,
      roles: standing.sources.map(({ role, from: source }) => ({ role, from: source })),
    },
  };
  const begun = await personLogins.begin(whole, person, event);
  return begun ? { kind: 'signed_in', standing } : refused(USED, actor);
}

/** What the provider's tokens are sealed for. */
export function keptRow(login: string): string {
  return `login ${login}`;
}

/** What a login is bound to: another issuer or account ends it. Changing this text signs all people out. */
export function accountText({ issuer, subject }: Pick<ProvenIdentity, 'issuer' | 'subject'>): string {
  return `account ${JSON.stringify([issuer, subject])}`;
}
