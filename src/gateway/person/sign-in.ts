import { type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import { loginMark } from '../../domain/log/marks.ts';
import { actorOf } from '../../domain/people/actor.ts';
import type { ProvenIdentity } from '../../domain/people/identity.ts';
import type { ApiTokens, Login, Logins, PersonLogins, Vouched } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { judgeAccount, type KnownStanding } from './account.ts';
import type { Directory } from './directory.ts';

export interface SignInDeps {
  readonly gateway: Pick<Gateway, 'clock' | 'journal' | 'storeWatch' | 'vault'>;
  readonly logins: Pick<Logins, 'end'>;
  readonly personLogins: PersonLogins;
  readonly tokens: Pick<ApiTokens, 'suspend' | 'vouch'>;
  readonly directory: Directory;
}

export type PersonSignIn =
  | { readonly kind: 'signed_in'; readonly standing: KnownStanding }
  /** `why`: what to do, for the person. */
  | { readonly kind: 'refused'; readonly why: string };

/** Logins that one account may have at once: the ones that were confirmed least lately end. */
export const MOST_LOGINS = 10;
const USED = 'This sign-in was completed before. Sign in again.';

/**
 * Begins the login of somebody for whom the provider has just vouched, if they have a role. `state`: of the sign-in, of which
 * one login comes. Events tell of both ends.
 */
export async function signInPerson(
  deps: SignInDeps,
  vouched: Vouched,
  state: string,
  login: Omit<Login, 'credential' | 'reviewer'>,
  from: string | null,
): Promise<PersonSignIn> {
  const { personLogins, gateway } = deps;
  const { vault, journal } = gateway;
  const { identity, session, onlyInIdToken } = vouched;
  const standing = await judgeAccount(deps, identity, login.at);
  const refused = (why: string, actor: string): PersonSignIn => {
    const data = { reason: why, from, issuer: identity.issuer, subject: identity.subject };
    journal.note({ ...NO_SUBJECT, type: 'admin.refused', at: login.at, actor, data });
    return { kind: 'refused', why };
  };
  if (standing.kind === 'refused') return refused(standing.why, 'unknown');
  const actor = actorOf(standing);
  const person = {
    ...{ id: login.id, flow: vault.digest('console', `flow ${state}`), session, identity },
    ...{ onlyInIdToken, began: { person: standing.person, by: standing.by }, checkedAt: login.at },
    kept: vault.seal('state', keptRow(login.id), new TextEncoder().encode(vouched.tokens)),
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
  if (!begun) return refused(USED, actor);
  await endOldest(deps, identity, actor, login.at);
  const vouchedFor = await deps.tokens.vouch(standing.id, login.at);
  // So that the witnesses know at once which account has the address, and which tokens are good.
  if (vouchedFor || standing.by === 'email') await gateway.storeWatch.tellSets();
  return { kind: 'signed_in', standing };
}

async function endOldest({ logins, personLogins }: SignInDeps, account: ProvenIdentity, actor: string, at: Date) {
  for (const id of await personLogins.beyond(account, MOST_LOGINS)) {
    const data = { login: loginMark(id), why: `this account has ${MOST_LOGINS} newer sessions` };
    await logins.end(id, { ...NO_SUBJECT, type: 'admin.signed_out', at, actor, data });
  }
}

/** What the provider's tokens are sealed for. */
export function keptRow(login: string): string {
  return `login ${login}`;
}

/** What a login is bound to: another issuer or account ends it. Changing this text signs all people out. */
export function accountText({ issuer, subject }: Pick<ProvenIdentity, 'issuer' | 'subject'>): string {
  return `account ${JSON.stringify([issuer, subject])}`;
}
