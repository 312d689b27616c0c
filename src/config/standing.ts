import type { AccountStanding, ProvenIdentity, RoleSource } from '../domain/people/identity.ts';
import type { Config, OidcConfig, Person } from './config.ts';
import { idOfPerson } from './people.ts';

type Known = Pick<Config, 'oidc' | 'operators' | 'people'>;

/**
 * Who an account at the provider is here, and what they may do. Roles are those of `people` and those that the claim
 * gives. An account that belongs to nobody under `people` may have roles by the claim, but no group can list it.
 */
export function standingOf(config: Known, identity: ProvenIdentity): AccountStanding {
  const { oidc } = config;
  if (!oidc) return { kind: 'refused', why: 'The config has no oidc any more. Use the admin token.' };
  if (identity.issuer !== oidc.issuer)
    return { kind: 'refused', why: 'The config names another provider now. Sign in again.' };
  const found = personOfAccount(config, oidc, identity);
  const sources = [...(found === null ? [] : rolesInFile(config, found.person)), ...rolesByClaim(oidc, identity)];
  if (sources.length === 0) return { kind: 'refused', why: noRole(oidc, identity, found?.person ?? null) };
  if (found === null) return { kind: 'known', id: `sub:${identity.subject}`, person: null, sources, by: 'claim' };
  return { kind: 'known', id: idOfPerson(found.person), person: found.person.name, sources, by: found.by };
}

/** What `people` and `operators` give a person, whether or not they are signed in. */
export function rolesInFile({ operators }: Pick<Config, 'operators'>, person: Person): RoleSource[] {
  const own = [...person.roles].map((role) => ({ role, from: `people.${person.name}.roles` }));
  const listed = operators.includes(idOfPerson(person)) && !person.roles.has('operator');
  return listed ? [...own, { role: 'operator', from: 'operators' }] : own;
}

function personOfAccount(
  { people }: Pick<Config, 'people'>,
  { match }: OidcConfig,
  { subject, email }: ProvenIdentity,
): { readonly person: Person; readonly by: 'subject' | 'login' | 'email' } | null {
  const all = [...(people?.values() ?? [])];
  const pinned = all.find((person) => person.subject === subject);
  if (pinned !== undefined) return { person: pinned, by: 'subject' };
  // Whoever has a subject is that account, and no other one.
  const open = all.filter((person) => !person.subject);
  if (match === 'sub') {
    const person = open.find(({ loginText }) => loginText === subject);
    return person === undefined ? null : { person, by: 'login' };
  }
  const person = email === null ? undefined : open.find(({ login }) => login === email);
  return person === undefined ? null : { person, by: 'email' };
}

function rolesByClaim({ roles }: OidcConfig, { values }: ProvenIdentity): RoleSource[] {
  if (roles === null) return [];
  return values.flatMap((value) =>
    (roles.map.get(value) ?? []).map((role) => ({ role, from: `${roles.claim}: ${value}` })),
  );
}

function noRole(
  { roles, match }: OidcConfig,
  { lacking, email, subject }: ProvenIdentity,
  person: Person | null,
): string {
  const account = match === 'email' ? (email ?? `${subject}, without a verified e-mail address`) : subject;
  const whose =
    person === null
      ? `Nobody under people has this account (${account})${match === 'sub' ? ', by login or subject' : ''}.`
      : `${person.name} has no role under people.`;
  if (roles === null) return `${whose} Ask an operator to add it to the config.`;
  switch (lacking) {
    case 'absent':
      return `${whose} And the provider sent no claim ${roles.claim}. Let it send the claim to this client, or add the person to the config.`;
    case 'overage':
      return `${whose} And the provider left out ${roles.claim} because there are too many of them. Let it send only the groups that are assigned to this client, or app roles.`;
    case 'malformed':
      return `${whose} And the claim ${roles.claim} is no list of texts. Let the provider send one.`;
    case null:
      return `${whose} And no value of ${roles.claim} is under oidc.roles.map.`;
    default:
      return lacking satisfies never;
  }
}
