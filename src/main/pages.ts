import type { Gateway } from '../gateway/gateway.ts';
import { meteredLogins } from '../gateway/log/event-metering.ts';
import { watchedWrites } from '../gateway/log/swallowed.ts';
import type { ToolLists } from '../gateway/tools/tool-lists.ts';
import type { PersonKeys, Records, Revocations, Seals } from '../ports.ts';
import { sqlLogins } from '../sql/logins.ts';
import type { Beliefs } from '../sql/sets/beliefs.ts';
import { proof } from '../vault/proof.ts';
import { consoleDoor } from '../web/console/console.ts';
import { LoginSessions } from '../web/http/login-sessions.ts';
import type { PeopleDoors } from '../web/http/people-doors.ts';
import { adminIdentity } from '../web/http/reviewer.ts';
import { SignInLinks } from '../web/http/sign-in-links.ts';
import { askServer } from './console/ask-server.ts';
import { configView } from './console/config-view.ts';
import { peopleDoors } from './people.ts';
import type { LiveRules } from './rules/live-rules.ts';
import { eventMeterOf, type Runtime } from './runtime.ts';

/** The console's pages, and the sessions of those who are logged in to them. */
export interface Pages {
  readonly sessions: LoginSessions;
  readonly console: ReturnType<typeof consoleDoor>;
  readonly signInLinks: SignInLinks;
  readonly people: PeopleDoors;
}

/** null: this runtime serves no pages. */
export function pagesOf(
  runtime: Runtime,
  seals: Seals,
  beliefs: Beliefs,
  gateway: Gateway,
  rules: LiveRules,
  records: Records,
  revocations: Revocations,
  keys: PersonKeys,
  lists: ToolLists,
): Pages | null {
  const { pages, storage, loaded, addresses, replica } = runtime;
  if (pages === undefined) return null;
  const { db } = storage.connection;
  const signInLinks = new SignInLinks();
  const logins = meteredLogins(watchedWrites(sqlLogins(db, seals, beliefs), gateway), replica, eventMeterOf(runtime));
  const people = peopleDoors(runtime, seals, beliefs, gateway, rules, logins, keys);
  const sessions = new LoginSessions({
    gateway,
    logins,
    people,
    identity: adminIdentity(loaded.secrets.adminToken),
    addresses: { hosts: () => addresses().hosts, publicUrl: () => addresses().publicUrl },
    remoteAddress: runtime.addressOf,
    signInLinks,
  });
  const { listTools } = pages;
  const ask = listTools === undefined ? null : askServer(rules, lists, listTools);
  rules.ask = ask;
  const console = consoleDoor({
    gateway,
    records,
    revocations,
    loginSessions: sessions,
    logins,
    config: configView(rules, lists),
    ...(ask === null ? {} : { askServer: ask }),
    proof: proof(),
    assets: pages.assets,
  });
  return { sessions, console, signInLinks, people };
}
