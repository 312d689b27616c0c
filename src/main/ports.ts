import { createHash } from 'node:crypto';
import { seenNow } from '../config/policy/seen.ts';
import type { Journal } from '../gateway/log/journal.ts';
import type { Ports } from '../gateway/ports.ts';
import { ToolLists } from '../gateway/tools/tool-lists.ts';
import { FROZEN_CALLS } from '../mcp/hold/proposed-call.ts';
import type { Cards, Seals } from '../ports.ts';
import { sqlAllowances, sqlDenials } from '../sql/allowances.ts';
import { sqlErasures } from '../sql/erasures.ts';
import { sqlFreezes } from '../sql/freezes.ts';
import { sqlLedger } from '../sql/ledger.ts';
import { sqlMemories } from '../sql/memories.ts';
import { sqlOversight } from '../sql/oversight.ts';
import { sqlRecords } from '../sql/records.ts';
import { sqlSamples } from '../sql/samples.ts';
import type { Beliefs } from '../sql/sets/beliefs.ts';
import { sqlSnoozes } from '../sql/snoozes.ts';
import { sqlStore } from '../sql/store.ts';
import { sqlTasks } from '../sql/tasks.ts';
import { vault } from '../vault/vault.ts';
import type { LiveRules } from './rules/live-rules.ts';
import { Servers } from './rules/servers.ts';
import { eventMeterOf, type Runtime } from './runtime.ts';
import { tracedUpstream } from './upstream/traced.ts';
import { countingFailures } from './upstream/watched.ts';

/** The gateway's ports on this runtime. `cards`: null where no Slack is configured. */
export function portsOf(runtime: Runtime, seals: Seals, beliefs: Beliefs, cards: Cards | null): Ports {
  const {
    storage,
    keys,
    clock,
    log,
    replica,
    checkpointCopies = [],
    sink = null,
    meters,
    faults,
    mostGatedBytes,
    tracing,
  } = runtime;
  return {
    store: sqlStore(storage.connection, seals, beliefs),
    ledger: sqlLedger(storage.connection.db, seals),
    tasks: sqlTasks(storage.connection, seals, beliefs),
    freezes: sqlFreezes(storage.connection.db, seals, beliefs.freezes),
    allowances: sqlAllowances(storage.connection.db, seals, beliefs),
    denials: sqlDenials(storage.connection.db, seals, beliefs),
    memories: sqlMemories(storage.connection.db, beliefs.tables),
    snoozes: sqlSnoozes(storage.connection.db, beliefs.tables),
    oversight: sqlOversight(storage.connection.db, seals, beliefs.tables),
    samples: sqlSamples(storage.connection.db),
    erasures: sqlErasures(storage.connection.db, seals),
    checkpointCopies,
    witnesses: runtime.witnesses?.(seals) ?? [],
    ...(runtime.place === undefined ? {} : { place: runtime.place }),
    ...(runtime.lastCopy === undefined ? {} : { lastCopy: runtime.lastCopy }),
    sink,
    ...(runtime.openArchive === undefined ? {} : { openArchive: runtime.openArchive }),
    ...(meters === undefined ? {} : { eventMeter: eventMeterOf(runtime) }),
    ...(tracing === undefined ? {} : { tracing }),
    queue: storage.queue,
    cards,
    frozenCalls: FROZEN_CALLS,
    vault: vault(keys as [string, ...string[]]),
    clock,
    log,
    replica,
    steady: runtime.steady,
    secretLost: runtime.loaded.settings.secretLost,
    ...(mostGatedBytes === undefined ? {} : { mostGatedBytes }),
    ...faults,
  };
}

/** The tools that servers list, compared with the newest list in the log. */
export function toolListsOf({ storage, clock, log }: Runtime, seals: Seals, journal: Pick<Journal, 'note'>): ToolLists {
  const records = sqlRecords(storage.connection.db, seals);
  return new ToolLists({
    clock,
    log,
    latest: async (server) => (await records.search({ types: ['tools.listed'], server, limit: 1 })).items[0] ?? null,
    note: (event) => journal.note(event),
    seenNow,
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
  });
}

/** The configured servers. Their upstreams are opened when first used, and their failures are counted. */
export function configuredServers(
  { openUpstream, meters, tracing }: Runtime,
  rules: LiveRules,
  lists: ToolLists,
): Servers {
  return new Servers(rules, lists, (server) => {
    const upstream = countingFailures(openUpstream(server), (kind) => meters?.upstreamFailed(server.name, kind));
    if (tracing === undefined) return upstream;
    const host = server.upstream.kind === 'http' ? new URL(server.upstream.url).hostname : null;
    return tracedUpstream(upstream, host, tracing);
  });
}
