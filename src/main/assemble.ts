import type { Loaded } from '../config/load.ts';
import type { JsonObject } from '../domain/json/json.ts';
import { type EventType, NO_SUBJECT } from '../domain/log/event.ts';
import { watchingIn } from '../domain/policy/watching.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { Alarms } from '../gateway/log/alarms.ts';
import { disclosedRecords } from '../gateway/log/disclosed.ts';
import { meteredRevocations } from '../gateway/log/event-metering.ts';
import { SetWatch } from '../gateway/log/set-watch.ts';
import { NO_LOG } from '../gateway/log/store-watch.ts';
import { watchedWrites } from '../gateway/log/swallowed.ts';
import { watchedRecords } from '../gateway/log/watched-records.ts';
import { noteWatching } from '../gateway/note-watching.ts';
import { bindGateway } from '../gateway/start.ts';
import { OpenVisits } from '../gateway/state/open-visits.ts';
import { RegisteredKeys } from '../gateway/state/registered-keys.ts';
import type { HttpApp } from '../http.ts';
import { type Calls, callDoor } from '../mcp/calls.ts';
import { toolReader } from '../mcp/upstream/read-tool.ts';
import type { SlackDoor } from '../slack/door.ts';
import { keepPolicyTexts } from '../sql/log/policy-texts.ts';
import { sqlRecords } from '../sql/records.ts';
import { sqlRevocations } from '../sql/revocations.ts';
import { sqlBeliefs } from '../sql/sets/beliefs.ts';
import { passkeyProof } from '../vault/passkey-proof.ts';
import { rowSeals } from '../vault/row-seals.ts';
import type { SignInLinks } from '../web/http/sign-in-links.ts';
import { accessTokenDoor } from './access-tokens.ts';
import { approversInSlack } from './approvers.ts';
import { openDoors } from './doors.ts';
import { type Lifecycle, lifecycleOf } from './lifecycle.ts';
import { pagesOf } from './pages.ts';
import { personKeys } from './people.ts';
import { configuredServers, portsOf, toolListsOf } from './ports.ts';
import { policyDigests } from './rules/digests.ts';
import { watchGrants } from './rules/grant-watch.ts';
import { LiveRules } from './rules/live-rules.ts';
import { RevokedTokens } from './rules/revoked-tokens.ts';
import { eventMeterOf, type Runtime } from './runtime.ts';

/** A gateway with its doors, on any runtime. */
export interface Assembled extends Lifecycle {
  readonly app: HttpApp;
  readonly gateway: Gateway;
  readonly calls: Calls;
  readonly rules: LiveRules;
  /** null: no Slack is configured. */
  readonly slack: SlackDoor | null;
  /** null: there are no pages here. */
  readonly signInLinks: SignInLinks | null;
  /** Writes an event of the gateway itself. */
  noteEvent(type: EventType, data: JsonObject): void;
  /** Logs which policies are in force, and what of them is only watched; keeps their texts for evidence. */
  notePolicies(inForce: Loaded): void;
  /** Takes over this config's Slack settings. Returns what is wrong with them, in words; then none of them is taken. */
  changeSlack(loaded: Loaded): Promise<readonly string[]>;
  /** Closes the connections to all servers: a call that is still under way there ends as unknown. */
  closeServers(): Promise<void>;
}

/** null: it is not known yet. */
function logOf({ storeWatch }: Gateway): string | null {
  return storeWatch.log === NO_LOG ? null : storeWatch.log;
}

/** Binds the doors to the gateway and the gateway to its ports. Nothing runs until `prepare` or `start`. */
export function assemble(runtime: Runtime): Assembled {
  const { loaded, storage, clock, log, replica } = runtime;
  const seals = rowSeals(runtime.keys as [string, ...string[]]);
  const sets = new SetWatch();
  const beliefs = sqlBeliefs(storage.connection.db, seals, sets);
  const alarms = new Alarms();
  const revocations = meteredRevocations(
    watchedWrites(sqlRevocations(storage.connection.db, seals, sets), { alarms, clock, log }),
    replica,
    eventMeterOf(runtime),
  );
  const revoked = new RevokedTokens(revocations, log);
  const keys = personKeys(runtime, seals, beliefs, alarms);
  const signing = new RegisteredKeys(keys, passkeyProof(), () => logOf(gateway));
  const rules = new LiveRules(loaded, () => clock.now(), revoked, signing);
  const approvers = approversInSlack(loaded, runtime.slack, runtime, log);
  const ports = {
    ...portsOf(runtime, seals, beliefs, approvers?.cards ?? null),
    readTool: toolReader((name) => servers.entry(name)),
  };
  const gateway: Gateway = bindGateway(ports, rules, sets, alarms);
  storage.connection.onBreak?.(() => gateway.storeWatch.suspect());
  const lists = toolListsOf(runtime, seals, gateway.journal);
  rules.schemas = (server, tool) => lists.schema(server, tool);
  const servers = configuredServers(runtime, rules, lists);
  const slack = approvers?.door(gateway, () => rules.loaded) ?? null;
  const calls = callDoor(
    gateway,
    () => rules.loaded.config.approval.hold,
    (name) => servers.entry(name),
    (server, tool) => lists.reasonRoom(server, tool),
  );
  const records = disclosedRecords(
    watchedRecords(sqlRecords(storage.connection.db, seals), { ...gateway, watch: gateway.storeWatch }),
    gateway,
  );
  const pages = pagesOf(runtime, seals, beliefs, gateway, rules, records, revocations, keys, lists);
  const visits = new OpenVisits();
  const accessTokens = accessTokenDoor(runtime, seals, beliefs, gateway, rules);
  const behind = { gateway, calls, rules, servers, slack, pages, records, revocations, visits, accessTokens };
  const app = openDoors(runtime, behind);
  const noteEvent: Assembled['noteEvent'] = (type, data) => {
    gateway.journal.note({ ...NO_SUBJECT, type, at: clock.now(), actor: 'holdfast', data });
  };
  const notePolicies: Assembled['notePolicies'] = (inForce) => {
    gateway.quota.endAll();
    noteEvent('policy.loaded', policyDigests(inForce));
    noteWatching(gateway, records, watchingIn(inForce.policies));
    keepPolicyTexts(storage.connection.db, inForce.policyTexts ?? new Map()).catch((error: unknown) =>
      log.warn({ err: error }, 'the texts of the policies could not be kept for evidence'),
    );
  };
  const started = (): void => notePolicies(loaded);
  return {
    app,
    gateway,
    calls,
    rules,
    slack,
    signInLinks: pages?.signInLinks ?? null,
    noteEvent,
    notePolicies,
    changeSlack: async (next) => (await approvers?.changeSlack(next)) ?? [],
    closeServers: () => servers.close(),
    ...lifecycleOf({
      gateway,
      calls,
      revoked,
      servers,
      approvers,
      pages,
      watchGrants: () => watchGrants({ visits, rules, servers, revoked, stands: accessTokens.stands, log }),
      started,
    }),
  };
}
