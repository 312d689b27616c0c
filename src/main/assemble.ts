import { createHash } from 'node:crypto';
import { type Context, Hono } from 'hono';
import type { ServerConfig } from '../config/config.ts';
import type { Loaded } from '../config/load.ts';
import { policyJsonSchema } from '../config/policy/json-schema.ts';
import { seenNow } from '../config/policy/seen.ts';
import type { JsonObject } from '../domain/json/json.ts';
import type { EventType } from '../domain/log/event.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { meteredLogins, meteredRevocations } from '../gateway/log/event-metering.ts';
import type { Ports } from '../gateway/ports.ts';
import { bindGateway, startGateway } from '../gateway/start.ts';
import { ToolLists } from '../gateway/tools/tool-lists.ts';
import { type HttpApp, httpApp } from '../http.ts';
import { type Calls, callDoor } from '../mcp/calls.ts';
import { mcpDoor } from '../mcp/door/door.ts';
import type { Clock, Log, Revocations, Sink, Upstream, Witness } from '../ports.ts';
import type { SlackDoor } from '../slack/door.ts';
import { sqlLedger } from '../sql/ledger.ts';
import { sqlLogins } from '../sql/logins.ts';
import { sqlRecords } from '../sql/records.ts';
import { sqlRevocations } from '../sql/revocations.ts';
import { sqlStore } from '../sql/store.ts';
import { sqlTasks } from '../sql/tasks.ts';
import { proof } from '../vault/proof.ts';
import { vault } from '../vault/vault.ts';
import { api } from '../web/api/api.ts';
import { auditApi } from '../web/api/audit-api.ts';
import { consoleDoor } from '../web/console/console.ts';
import type { Asset } from '../web/console/context.ts';
import { health } from '../web/http/health.ts';
import { LoginSessions } from '../web/http/login-sessions.ts';
import type { Meters } from '../web/http/meters.ts';
import { metrics } from '../web/http/metrics.ts';
import { schemaDoor } from '../web/http/policy-schema.ts';
import { adminIdentity } from '../web/http/reviewer.ts';
import { approversInSlack, type SlackMeans } from './approvers.ts';
import { askServer } from './console/ask-server.ts';
import { consoleBook } from './console/book.ts';
import type { Storage } from './process/storage.ts';
import { digestsOf } from './rules/digests.ts';
import { LiveRules } from './rules/live-rules.ts';
import { RevokedTokens } from './rules/revoked-tokens.ts';
import { Servers } from './rules/servers.ts';
import type { Listing } from './upstream/list-tools.ts';
import { watched } from './upstream/watched.ts';

/** What differs between the runtimes; everything else is the same gateway. */
export interface Runtime {
  readonly loaded: Loaded;
  readonly storage: Storage;
  /** Values of `HOLDFAST_SECRET`, newest first. */
  readonly keys: readonly string[];
  /** This process, in events and leases. */
  readonly replica: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What tests do to it. */
  readonly ordeal?: Pick<Ports, 'at' | 'leaseMs'>;
  /** Opens the way to a server; called once for each that is used. */
  readonly open: (server: ServerConfig) => Upstream;
  readonly slack: SlackMeans;
  /** Where checkpoints are kept besides the database. */
  readonly witnesses?: readonly Witness[];
  /** Whom events are handed on to. */
  readonly sink?: Sink | null;
  /** Absent: nothing is counted and there is no `/metrics`. */
  readonly meters?: Meters;
  /** What the console needs of the runtime; absent: there are no pages. */
  readonly pages?: ConsoleMeans;
  /** Where agents reach us; asked at each request. */
  readonly place: () => PublicAddresses;
  /** What tells the HTTP server that an answer is written to its socket; absent: answers are `Response`s. */
  readonly sent?: Response;
}

export interface ConsoleMeans {
  readonly assets: ReadonlyMap<string, Asset>;
  /** The address that a request came from. */
  readonly address: (c: Context) => string;
  /** Asks a server for its tools, as an agent would, within so many ms; absent: nobody can ask from the console. */
  readonly listTools?: (server: ServerConfig, timeoutMs: number) => Promise<Listing>;
}

export interface PublicAddresses {
  /** Host headers that are ours, in lower case, with the port where it is not the scheme's own. */
  readonly hosts: ReadonlySet<string>;
  /** Without a trailing slash. */
  readonly publicUrl: string;
}

/** A gateway with its doors, on whatever runtime. */
export interface Assembled {
  readonly app: HttpApp;
  readonly gateway: Gateway;
  readonly calls: Calls;
  readonly rules: LiveRules;
  readonly slack: SlackDoor | null;
  /** Writes an event of the gateway itself. */
  told(type: EventType, data: JsonObject): void;
  /** Takes what this config says of Slack; what is wrong with it, in words, and then nothing of it is taken. */
  resettle(loaded: Loaded): Promise<readonly string[]>;
  /** Lets go of every server: a call that is still under way there ends as unknown. */
  hangUp(): Promise<void>;
  /** Reads which tokens are revoked. From then on clicks may be taken: a decision needs nothing else but the store. */
  prepare(): Promise<void>;
  /**
   * The rest, and `prepare` if it was not called: Slack is looked at, the queue's work begins. Resolves with what stops
   * it again. Slack and the storage are the runtime's to stop.
   */
  start(): Promise<() => Promise<void>>;
}

/** Binds the doors to the gateway and the gateway to its ports. Nothing runs until `start`. */
export function assemble(runtime: Runtime): Assembled {
  const { loaded, storage, clock, log, replica, keys, place } = runtime;
  const heard = runtime.meters?.heard ?? (() => undefined);
  const revocations = meteredRevocations(sqlRevocations(storage.connection.db), replica, heard);
  const revoked = new RevokedTokens(revocations, log);
  const rules = new LiveRules(loaded, clock.now, revoked);
  const { witnesses = [], sink = null, meters } = runtime;
  const records = sqlRecords(storage.connection.db);
  const lists = new ToolLists({
    clock,
    log,
    latest: async (server) => (await records.search({ types: ['tools.listed'], server, limit: 1 })).items[0] ?? null,
    note: (event) => gateway.journal.note(event),
    seenNow,
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
  });
  const servers = new Servers(rules, lists, (server) =>
    watched(runtime.open(server), (kind) => meters?.upstreamFailed(server.name, kind)),
  );
  const slack = approversInSlack(loaded, runtime.slack, clock, log);
  const store = sqlStore(storage.connection);
  const keyed = vault(keys as [string, ...string[]]);
  const ports = {
    store,
    ledger: sqlLedger(storage.connection.db),
    tasks: sqlTasks(storage.connection),
    witnesses,
    sink,
    ...(meters === undefined ? {} : { heard: meters.heard }),
    queue: storage.queue,
    cards: slack?.cards ?? null,
    vault: keyed,
    clock,
    log,
    replica,
    ...runtime.ordeal,
  };
  const gateway = bindGateway(ports, rules);
  const slackDoor = slack?.door(gateway) ?? null;
  const calls = callDoor(
    gateway,
    () => rules.loaded.config.approval.hold,
    (name) => servers.entry(name),
  );
  const pages = pagesOf(runtime, gateway, rules, revocations, lists);
  const app = httpApp({
    mcp: mcpDoor({
      servers: (name) => servers.entry(name),
      authenticate: (token) => {
        const found = rules.authenticate(token);
        return found.kind === 'known' ? found.grant : null;
      },
      store,
      vault: keyed,
      calls,
      maxBody: loaded.settings.maxBody,
      hosts: () => place().hosts,
      publicUrl: () => place().publicUrl,
      access: gateway.accessLog,
      ...(runtime.sent && { alreadySent: runtime.sent }),
      log,
    }),
    slack: slackDoor?.app ?? new Hono(),
    api: api({ gateway, adminToken: loaded.secrets.adminToken, ...(pages && { reception: pages.reception }) }),
    console: pages?.console.app ?? null,
    audit: auditApi({ gateway, records, adminToken: loaded.secrets.adminToken }),
    health: health(gateway),
    schema: schemaDoor(policyJsonSchema),
    metrics:
      meters === undefined
        ? null
        : metrics({ gateway, meters, adminToken: loaded.secrets.adminToken, hosts: () => place().hosts }),
  });
  const told: Assembled['told'] = (type, data) => {
    const nothing = { approval: null, server: null, tool: null, grant: null };
    gateway.journal.note({ ...nothing, type, at: clock.now(), actor: 'holdfast', data });
  };
  let prepared: Promise<void> | null = null;
  const prepare = (): Promise<void> => {
    prepared ??= revoked.start();
    return prepared;
  };
  const begin = async (): Promise<() => Promise<void>> => {
    await Promise.all([slack?.check(), prepare()]);
    return startGateway(gateway);
  };
  const start = async (): Promise<() => Promise<void>> => {
    const stop = await begin().catch((error: unknown) => {
      // What was read is of no use any more; it may also still be on its way.
      void prepared?.catch(() => undefined).then(() => revoked.stop());
      throw error;
    });
    const stopTasks = calls.begin();
    told('policy.loaded', digestsOf(loaded));
    return async () => {
      stopTasks();
      pages?.console.stop();
      revoked.stop();
      await stop();
      await servers.close();
    };
  };
  const resettle: Assembled['resettle'] = async (next) => (await slack?.resettle(next)) ?? [];
  const hangUp = (): Promise<void> => servers.close();
  return { app, gateway, calls, rules, slack: slackDoor, told, resettle, hangUp, prepare, start };
}

/** The console and who is let in to it. */
function pagesOf(runtime: Runtime, gateway: Gateway, rules: LiveRules, revocations: Revocations, lists: ToolLists) {
  const { pages, storage, loaded, place } = runtime;
  if (pages === undefined) return null;
  const { db } = storage.connection;
  const reception = new LoginSessions({
    gateway,
    logins: meteredLogins(sqlLogins(db), runtime.replica, runtime.meters?.heard ?? (() => undefined)),
    identity: adminIdentity(loaded.secrets.adminToken),
    place: { hosts: () => place().hosts, publicUrl: () => place().publicUrl },
    address: pages.address,
  });
  const book = consoleBook(rules, lists);
  const { listTools } = pages;
  const door = consoleDoor({
    gateway,
    records: sqlRecords(db),
    revocations,
    reception,
    book,
    ...(listTools === undefined ? {} : { askServer: askServer(rules, lists, listTools) }),
    proof: proof(),
    assets: pages.assets,
  });
  return { reception, console: door };
}
