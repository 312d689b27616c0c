import { isSlackId } from '../domain/people/actor.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Alarms } from '../gateway/log/alarms.ts';
import { meteredKeys, meteredPersonLogins, meteredTokens } from '../gateway/log/event-metering.ts';
import { watchedWrites } from '../gateway/log/swallowed.ts';
import { BreakGlass } from '../gateway/person/break-glass.ts';
import { PersonConfirmer } from '../gateway/person/confirm.ts';
import { TokenHolders } from '../gateway/person/tokens.ts';
import { oidcProvider } from '../oidc/provider.ts';
import type { Cards, Logins, PersonKeys, Seals } from '../ports.ts';
import { sqlApiTokens } from '../sql/api-tokens.ts';
import { sqlPersonKeys } from '../sql/person-keys.ts';
import { sqlPersonLogins } from '../sql/person-logins.ts';
import type { Beliefs } from '../sql/sets/beliefs.ts';
import { sqlSigningNonces } from '../sql/signing-nonces.ts';
import { withinOr } from '../time/within.ts';
import { passkeyProof } from '../vault/passkey-proof.ts';
import type { PeopleDoors } from '../web/http/people-doors.ts';
import { passkeys } from '../webauthn/passkeys.ts';
import { liveDirectory, providerTerms } from './rules/directory.ts';
import type { LiveRules } from './rules/live-rules.ts';
import { eventMeterOf, type Runtime } from './runtime.ts';

/** How people come in as themselves: by the provider of the config, and with their own tokens. */
export function peopleDoors(
  runtime: Runtime,
  seals: Seals,
  beliefs: Beliefs,
  gateway: Gateway,
  rules: LiveRules,
  logins: Logins,
  keys: PersonKeys,
): PeopleDoors {
  const { db } = runtime.storage.connection;
  const { replica } = runtime;
  const meter = eventMeterOf(runtime);
  const directory = liveDirectory(rules);
  const provider = oidcProvider(() => providerTerms(rules), runtime.clock);
  const personLogins = meteredPersonLogins(watchedWrites(sqlPersonLogins(db, seals, beliefs), gateway), replica, meter);
  const tokens = meteredTokens(watchedWrites(sqlApiTokens(db, seals, beliefs), gateway), replica, meter);
  return {
    directory,
    provider,
    personLogins,
    confirmer: new PersonConfirmer({ gateway, personLogins, directory, logins, provider, tokens }),
    breakGlass: new BreakGlass(gateway),
    tokens,
    holders: new TokenHolders({ gateway, tokens, directory }),
    userGroups: (id) => userGroupsOf(gateway.cards, id, directory.userGroups()),
    signing: {
      gateway,
      keys,
      nonces: watchedWrites(sqlSigningNonces(db, seals, beliefs), gateway),
      passkeys: passkeys(),
      proof: passkeyProof(),
    },
  };
}

/** Milliseconds that a page waits for Slack: what decides asks again, and waits longer. */
const LOOK_MS = 300;

async function userGroupsOf(cards: Cards | null, id: string, groups: readonly string[]): Promise<readonly string[]> {
  if (cards === null || groups.length === 0 || !isSlackId(id)) return [];
  const asked = cards.person(id, groups).catch(() => null);
  const facts = await withinOr(LOOK_MS, asked, null);
  return facts === null || 'refused' in facts ? [] : facts.userGroups;
}

/** The passkeys of all people. */
export function personKeys(runtime: Runtime, seals: Seals, beliefs: Beliefs, alarms: Alarms): PersonKeys {
  const { storage, clock, log, replica } = runtime;
  const keys = watchedWrites(sqlPersonKeys(storage.connection.db, seals, beliefs), { alarms, clock, log });
  return meteredKeys(keys, replica, eventMeterOf(runtime));
}
