import type { Principal } from '../domain/call/call.ts';
import type { AgentAccount } from '../domain/people/access-token.ts';
import { claimAt, claimHolds, isOverage } from '../domain/people/claims.ts';
import { grantNameOf, markOf, principalName } from '../domain/people/principal.ts';
import { accountMark, issuerMark, personOfAgent } from './account-owner.ts';
import type { Config, Grant, OAuthConfig } from './config.ts';
import { idOfPerson } from './people.ts';

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
