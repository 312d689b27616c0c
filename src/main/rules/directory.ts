import { personAt } from '../../config/people.ts';
import { rolesInFile, standingOf } from '../../config/standing.ts';
import type { Directory } from '../../gateway/person/directory.ts';
import type { ProviderTerms } from '../../ports.ts';
import type { LiveRules } from './live-rules.ts';

/** The people of the config as it is now. */
export function liveDirectory(rules: Pick<LiveRules, 'loaded'>): Directory {
  const config = () => rules.loaded.config;
  return {
    provider: () => {
      const { oidc } = config();
      if (!oidc) return null;
      const { issuer, clientId, recheckMs } = oidc;
      return { issuer, clientId, label: new URL(issuer).host, recheckMs };
    },
    standing: (identity) => standingOf(config(), identity),
    member: (id) => {
      const person = personAt(config().people, id);
      return person === null ? null : { name: person.name, sources: rolesInFile(config(), person) };
    },
    people: () =>
      [...(config().people?.values() ?? [])].map((person) => {
        const { name, slack, login, adminToken } = person;
        const ways = [slack, login].filter((way) => way !== null);
        const groups = [...config().approvers].filter(
          ([, group]) => ways.some((way) => group.people.includes(way)) || (adminToken && group.admin),
        );
        return {
          ...{ name, slack, login, adminToken },
          sources: rolesInFile(config(), person),
          groups: groups.map(([group]) => group),
          standsIn: (config().standIns ?? [])
            .filter(({ by }) => ways.includes(by))
            .map(({ group, for: absent, until }) => {
              return { group, for: personAt(config().people, absent)?.name ?? absent, until };
            }),
        };
      }),
    userGroups: () => [...new Set([...config().approvers.values()].flatMap(({ userGroups }) => userGroups))],
    claims: () => {
      const roles = config().oidc?.roles ?? null;
      return roles === null
        ? []
        : [...roles.map].map(([value, given]) => ({ claim: roles.claim, value, roles: [...given] }));
    },
  };
}

/** The client of the provider as the config has it now; null: it names none. */
export function providerTerms(rules: Pick<LiveRules, 'loaded'>): ProviderTerms | null {
  const { config, secrets } = rules.loaded;
  const { oidc } = config;
  if (!oidc) return null;
  const { issuer, clientId, scopes, roles } = oidc;
  const clientSecret = secrets.oidcClientSecret ?? null;
  const values = new Set(roles?.map.keys());
  return { issuer, clientId, clientSecret, scopes, claim: roles?.claim ?? null, values };
}
