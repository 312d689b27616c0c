import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Loaded } from '../config/load.ts';
import { requestAddress, trustedProxies } from '../domain/source.ts';
import type { Clock, Log } from '../ports.ts';
import { redisWitness } from '../queue/redis-witness.ts';
import { openArchives } from '../sink/archives.ts';
import { fileWitness } from '../sink/file-witness.ts';
import { slackDoor } from '../slack/door.ts';
import { slackClient } from '../slack/wire/client.ts';
import type { SqlConnection } from '../sql/connection/connection.ts';
import type { Printed } from '../text/printed.ts';
import { withinOr } from '../time/within.ts';
import { vault } from '../vault/vault.ts';
import { Meters } from '../web/http/meters.ts';
import { remoteAddress } from '../web/http/remote-address.ts';
import { type Assembled, assemble } from './assemble.ts';
import { confinementFaults, confinementText } from './confine/check.ts';
import { guardedPaths } from './confine/guarded.ts';
import { consoleAssets } from './console/files.ts';
import { auditWebhook } from './process/audit-webhook.ts';
import { calledAs } from './process/called-as.ts';
import { fileCopy, loggedCopy, printedCopy } from './process/checkpoint-copies.ts';
import { STEADY_CLOCK } from './process/clocks.ts';
import { Drain } from './process/drain.ts';
import type { FaultInjection } from './process/fault-injection.ts';
import { isReachedFromHereOnly } from './process/from-here-only.ts';
import { lastCopyIn } from './process/last-copy.ts';
import { listen } from './process/listen.ts';
import { databasePlace } from './process/place.ts';
import { keepPrivate, makeFilesPrivate } from './process/private-directory.ts';
import { embeddedSecret } from './process/secret.ts';
import { openStorage } from './process/storage.ts';
import { openTraces } from './process/traces.ts';
import { hasProxies, takeWaysOut, waysOut } from './process/ways-out.ts';
import { tellCalls, tellFailure } from './process/words-for-people.ts';
import type { PublicAddresses, Runtime } from './runtime.ts';
import { type ChildTerms, upstreamOnNode } from './upstream/open-on-node.ts';

/** A gateway that runs on Node. */
export interface Running extends Pick<Assembled, 'rules' | 'noteEvent' | 'notePolicies' | 'changeSlack'> {
  /** Where it listens: `http://127.0.0.1:8787`. */
  readonly url: string;
  /**
   * Makes a link that signs a browser of this machine in to the console, once, within `LINK_MS`. It is for the eyes of the
   * person at the terminal: no log takes it. null: the console is closed, or can be reached from elsewhere.
   */
  signInLink(): string | null;
  /**
   * At once, new connections are refused, `/readyz` answers 503, and held calls get the pending result, with which the
   * agent continues at another replica. Calls under way may take `DRAIN_MS` to finish; then everything is closed.
   */
  stop(): Promise<void>;
}

/** Milliseconds that calls under way may take when the process is asked to stop. */
const DRAIN_MS = 10_000;
/** Milliseconds in which calls that were cut off are recorded and their agents told. */
const RECORD_MS = 3_000;
/** Milliseconds in which the last traces are sent. */
const FLUSH_MS = 2_000;

/** Where the audit log goes besides the database, and who reads what the process says. */
export interface AuditOutputs {
  /** Prints checkpoints; then the log does not repeat them. */
  readonly out?: (text: Printed) => void;
  /** false: the log is for people, who are not told of checkpoints. */
  readonly logged?: boolean;
  /** The log is for people at a terminal: they are told of calls that wait, and in words of servers that fail. */
  readonly forPeople?: boolean;
}

/** Starts one gateway on Node. Throws with a plain message when something it needs is missing or out of reach. */
export async function startNode(
  loaded: Loaded,
  log: Log,
  faults: FaultInjection = {},
  outputs: AuditOutputs = {},
): Promise<Running> {
  const { settings, secrets } = loaded;
  takeWaysOut(secrets.proxies);
  // Before anything is read from it or written to it.
  if (settings.store === 'embedded') makeFilesPrivate();
  if (settings.store === 'embedded' || existsSync(settings.data)) keepPrivate(settings.data);
  await refuseUnsafe(loaded, log);
  const keys = secrets.secrets.length > 0 ? secrets.secrets : [embeddedSecret(settings.data)];
  const storage = await openStorage(settings, secrets, log);
  const undo: (() => Promise<void>)[] = [storage.connection.close, storage.closeQueue];
  try {
    // The first files of an embedded database come with modes of their own, whatever the umask; later ones are private.
    if (settings.store === 'embedded') keepPrivate(settings.data);
    /** Absent until they are assembled; nobody starts a server before. */
    let live: Assembled['rules'] | null = null;
    let addresses: PublicAddresses = { hosts: new Set(), publicUrl: '' };
    const base = nodeRuntime(loaded, storage.clock, log, outputs, () => childTerms(live?.loaded ?? loaded));
    const traces = await openTraces(base.replica, log);
    // A collector that cannot be reached keeps no process from ending.
    if (traces !== null) undo.push(() => withinOr(FLUSH_MS, traces.close(), undefined).catch(() => undefined));
    const runtime: Runtime = {
      ...base,
      ...witnessesOnNode(loaded, keys, base),
      ...(traces === null ? {} : { tracing: traces.tracing }),
      keys,
      storage,
      faults,
      addresses: () => addresses,
    };
    const assembled = assemble(runtime);
    live = assembled.rules;
    undo.push(await assembled.start());
    await warnOfLossy(storage.connection, log);
    // It saves memory only: no start fails for it.
    await storage.giveBack?.().catch(() => undefined);
    const { server, answers, url } = await listen(assembled.app, settings.listen, faults.patienceMs);
    const drain = new Drain(server, answers);
    addresses = addressesOf(url, settings.publicUrl);
    await assembled.slack?.start();
    const stop = async (): Promise<void> => {
      await drainCalls(assembled, drain);
      await assembled.slack?.stop();
      drain.end();
      for (const step of undo.reverse()) await step();
    };
    const { rules, noteEvent, notePolicies, changeSlack, signInLinks } = assembled;
    const offered = signInLinks !== null && secrets.adminToken !== null && isReachedFromHereOnly(settings);
    const signInLink = (): string | null =>
      offered ? `${url}/sign-in#${signInLinks.make(storage.clock.now())}` : null;
    return { url, signInLink, rules, noteEvent, notePolicies, changeSlack, stop };
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => undefined);
    throw error;
  }
}

function childTerms(loaded: Loaded): ChildTerms {
  return {
    guarded: guardedPaths(loaded, process.env),
    maxChildrenPerGrant: loaded.config.sessionChildren,
  };
}

/** Throws when a server cannot be confined as the config says: it is never started otherwise. */
async function refuseUnsafe(loaded: Loaded, log: Log): Promise<void> {
  const found = await confinementFaults(loaded.config, guardedPaths(loaded, process.env), process.env);
  const faults = found.filter(({ warning }) => !warning);
  for (const each of found) if (each.warning) log.warn({}, confinementText(each));
  if (faults.length > 0) throw new Error(faults.map(confinementText).join('\n'));
}

/** A fail-over that loses commits is noticed by the witness; settings that lose none are better. */
async function warnOfLossy({ lossy }: SqlConnection, log: Log): Promise<void> {
  const faults = await lossy?.().catch(() => []);
  for (const fault of faults ?? []) log.warn({}, `Postgres: ${fault}; see docs/operations.md, "Postgres settings"`);
}

function nodeRuntime(
  loaded: Loaded,
  clock: Clock,
  log: Log,
  { out, logged = true, forPeople = false }: AuditOutputs,
  terms: () => ChildTerms,
): Omit<Runtime, 'keys' | 'storage' | 'faults' | 'addresses'> {
  const proxies = trustedProxies(loaded.settings.trustedProxies);
  const ways = loaded.secrets.proxies;
  const socketWay = hasProxies(ways) ? { dispatcher: waysOut(ways, { tunnel: true }) } : {};
  return {
    loaded,
    replica: `${hostname()}-${process.pid}-${crypto.randomUUID().slice(0, 8)}`,
    clock,
    steady: STEADY_CLOCK,
    log,
    openUpstream: upstreamOnNode(
      STEADY_CLOCK,
      log,
      ways,
      terms,
      forPeople ? (...told) => tellFailure(log, ...told) : null,
    ),
    slack: { api: slackClient, door: (deps) => slackDoor({ ...deps, ...socketWay }) },
    checkpointCopies: [fileCopy(loaded.settings.data), ...(out ? [printedCopy(out)] : logged ? [loggedCopy(log)] : [])],
    openArchive: openArchives(),
    sink: auditWebhook(loaded.secrets, clock),
    meters: new Meters(),
    ...(forPeople ? { onEvent: tellCalls(log, loaded, calledAs(process.env)) } : {}),
    addressOf: (c) => requestAddress(remoteAddress(c), c.req.header('x-forwarded-for'), proxies),
    pages: {
      assets: consoleAssets(),
      // The SDK's client is loaded where somebody looks: a gateway that only relays does without it.
      listTools: async (server, timeoutMs) => {
        const { listTools } = await import('./upstream/list-configured.ts');
        return listTools(server, timeoutMs, terms().guarded);
      },
    },
    alreadySent: RESPONSE_ALREADY_SENT,
  };
}

/** The data directory, and Redis where there is one. */
function witnessesOnNode(
  { settings, secrets }: Loaded,
  keys: readonly string[],
  { clock, log, replica }: Pick<Runtime, 'clock' | 'log' | 'replica'>,
): Pick<Runtime, 'lastCopy' | 'place' | 'witnesses'> {
  const { data } = settings;
  const { redisUrl } = secrets;
  const { publicKeys } = vault(keys as [string, ...string[]]);
  return {
    place: databasePlace(secrets.databaseUrl, data),
    lastCopy: () => lastCopyIn(data, publicKeys),
    witnesses: (seals) => [
      fileWitness({ data, replica, seals, clock, log }),
      ...(redisUrl === null ? [] : [redisWitness({ url: redisUrl, seals, log })]),
    ],
  };
}

/** Refuses what is new and lets the calls under way end, each as well as it can in the time there is. */
async function drainCalls({ gateway, calls, closeServers }: Assembled, drain: Drain): Promise<void> {
  drain.begin();
  gateway.waitingRoom.stop();
  // In this order, because a request that comes while others end may still begin a call.
  const ended = (): Promise<void> => drain.quiet().then(() => calls.drained());
  await withinOr(DRAIN_MS, ended(), undefined);
  // What is still under way ends as unknown. It is recorded here, while the store is open, and not by its lease.
  await closeServers();
  await withinOr(RECORD_MS, ended(), undefined);
}

/** The addresses under which we may be called. */
function addressesOf(url: string, publicUrl: string | null): PublicAddresses {
  const { host, port, hostname: name } = new URL(url);
  const loopback = ['127.0.0.1', '[::1]', 'localhost', '0.0.0.0', '[::]'].includes(name);
  const hosts = new Set([host, ...(loopback ? [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`] : [])]);
  if (publicUrl !== null) hosts.add(new URL(publicUrl).host);
  return { hosts, publicUrl: publicUrl ?? url };
}
