import { hash } from 'node:crypto';
import type { Principal } from '../domain/call/call.ts';
import type { AgentAccount } from '../domain/people/access-token.ts';
import { claimAt, claimHolds, isOverage } from '../domain/people/claims.ts';
import { grantNameOf, markOf, principalName } from '../domain/people/principal.ts';
import type { Config, Grant, OAuthConfig, Person } from './config.ts';
import { idOfPerson, personAt } from './people.ts';

type Known = Pick<Config, 'grants' | 'oauth' | 'oidc' | 'people'>;

export type AgentStanding =
  | {
      readonly kind: 'known';
      readonly grant: Grant;
      readonly principal: Principal;
      /** By which the person was found; `email` belongs to the first account that came with it. null: nobody was. */
      readonly by: 'subject' | 'login' | 'email' | null;
    }
  /** `why`: ASCII without quotes, as a header needs it. */
  | { readonly kind: 'no_grant' | 'scope'; readonly why: string };

/** Which grant an account has here, and whose calls they are. */
export function agentStandingOf(config: Known, account: AgentAccount): AgentStanding {
  const { oauth } = config;
  if (!oauth || oauth.issuer !== account.issuer)
    return { kind: 'no_grant', why: 'This gateway takes the access tokens of another provider now.' };
  const missing = oauth.scopes.filter((scope) => !account.scopes.has(scope));
  if (missing.length > 0) return { kind: 'scope', why: `The access token lacks the scope ${missing.join(' ')}.` };
  const { claims } = account;
  const fits = oauth.grants.find(({ claim, equals }) => claimHolds(claims, claim, equals));
  const grant = config.grants.find(({ name }) => name === fits?.grant);
  if (grant === undefined) return { kind: 'no_grant', why: noGrant(oauth, account) };
  const found = personOfAgent(config, oauth, account);
  const principal = {
    grant: principalName(grant.name, accountMark(account)),
    owner: found === null ? null : idOfPerson(found.person),
    selfApproval: grant.selfApproval,
    ...(found === null && { unjoined: nobodysWords(oauth, account) }),
  };
  return { kind: 'known', grant, principal, by: found?.by ?? null };
}

/** The principal without the person whom an address was to name: it belongs to another account. */
export function withoutPerson(principal: Principal): Principal {
  const unjoined =
    'Its e-mail address belongs to another account here: the first one that came with it. An operator who trusts this account writes its sub as oauth_subject of the person';
  return { ...principal, owner: null, unjoined };
}

/** The grant of a principal that came with an access token, while the file still gives it; null: it does not. */
export function grantOfAccount({ grants, oauth }: Known, principal: string): Grant | null {
  const mark = markOf(principal);
  if (mark === null || !oauth || !mark.startsWith(issuerMark(oauth.issuer))) return null;
  const name = grantNameOf(principal);
  if (!oauth.grants.some(({ grant }) => grant === name)) return null;
  return grants.find((grant) => grant.name === name) ?? null;
}

/** Whether whoever owned a call is one of `people` still. */
export function isStillKnown({ people }: Pick<Config, 'people'>, owner: string | null): boolean {
  return owner !== null && personAt(people, owner) !== null;
}

/** 30 characters: of the issuer, whose exchange ends what came from it, and of the account. */
function accountMark({ issuer, subject }: Pick<AgentAccount, 'issuer' | 'subject'>): string {
  return `${issuerMark(issuer)}${digest(JSON.stringify([issuer, subject])).slice(0, 22)}`;
}

/** Whether a mark has the form of one. */
export function isAccountMark(mark: string): boolean {
  return /^[A-Za-z0-9_-]{30}$/.test(mark);
}

function issuerMark(issuer: string): string {
  return digest(issuer).slice(0, 8);
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url');
}

/**
 * An account is the person who has it as `oauth_subject`. Whoever has none is found as at the sign-in: by `subject` or `login`
 * where the console's provider is the same, because a name at one provider is nobody's at another; or by a verified address
 * where the file says so.
 */
function personOfAgent(
  { people, oidc }: Known,
  { match }: OAuthConfig,
  { issuer, subject, email }: AgentAccount,
): { readonly person: Person; readonly by: 'subject' | 'login' | 'email' } | null {
  const all = [...(people?.values() ?? [])];
  const named = all.find(({ oauthSubject }) => oauthSubject === subject);
  if (named !== undefined) return { person: named, by: 'subject' };
  const open = all.filter(({ oauthSubject }) => !oauthSubject);
  const sameProvider = !oidc || oidc.issuer === issuer;
  const pinned = sameProvider ? open.find((person) => person.subject === subject) : undefined;
  if (pinned !== undefined) return { person: pinned, by: 'subject' };
  const free = sameProvider ? open.filter((person) => !person.subject) : open;
  if (match === 'email') {
    const person = email === null ? undefined : free.find(({ login }) => login === email);
    return person === undefined ? null : { person, by: 'email' };
  }
  const person = sameProvider ? free.find(({ loginText }) => loginText === subject) : undefined;
  return person === undefined ? null : { person, by: 'login' };
}

function nobodysWords({ match }: OAuthConfig, { subject, email }: AgentAccount): string {
  const address = email === null ? 'no verified e-mail address' : `the e-mail address ${email}`;
  const how = match === 'email' ? `, with ${address}` : '';
  return `Nobody under people in the gateway's config has this account (sub ${JSON.stringify(subject)}${how}). An operator adds it there: oauth_subject, or login`;
}

function noGrant({ grants }: OAuthConfig, { claims }: AgentAccount): string {
  const wanted = [...new Set(grants.map(({ claim }) => claim))];
  const over = wanted.find((claim) => claimAt(claims, claim) === undefined && isOverage(claims, claim));
  if (over !== undefined)
    return `No grant fits this account: the provider left out ${over} because there are too many of them. Let it send only the groups that are assigned to this application, or app roles.`;
  const absent = wanted.filter((claim) => claimAt(claims, claim) === undefined);
  if (absent.length === wanted.length)
    return `No grant fits this account: the access token has no claim ${absent.join(', ')}. Let the provider send it in access tokens.`;
  return `No grant fits this account: no value of ${wanted.join(', ')} is one that oauth.grants names. Ask the operator of this gateway.`;
}
