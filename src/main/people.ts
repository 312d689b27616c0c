import type { Gateway } from '../gateway/gateway.ts';
import { meteredPersonLogins, meteredTokens } from '../gateway/log/event-metering.ts';
import { watchedWrites } from '../gateway/log/swallowed.ts';
import { BreakGlass } from '../gateway/person/break-glass.ts';
import { PersonConfirmer } from '../gateway/person/confirm.ts';
import { TokenHolders } from '../gateway/person/tokens.ts';
import { oidcProvider } from '../oidc/provider.ts';
import type { Logins, Seals } from '../ports.ts';
import { sqlApiTokens } from '../sql/api-tokens.ts';
import { sqlPersonLogins } from '../sql/person-logins.ts';
import type { Beliefs } from '../sql/sets/beliefs.ts';
import type { PeopleDoors } from '../web/http/people-doors.ts';
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
  };
}
