import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { isToolName } from '../../domain/call/call.ts';
import { type Json, member } from '../../domain/json/json.ts';
import type { EventType, NewEvent } from '../../domain/log/event.ts';

/** The `verdict` label of an event of this type. */
const VERDICTS: { readonly [type in EventType]?: string } = {
  'call.allowed': 'allow',
  'call.denied': 'deny',
  'call.limited': 'limited',
  'call.refused': 'refused',
  'call.would_deny': 'would_deny',
  'call.would_ask': 'would_ask',
  'approval.requested': 'ask',
  'approval.joined': 'joined',
};

/** The `outcome` label. */
const OUTCOMES: { readonly [type in EventType]?: string } = {
  'call.succeeded': 'succeeded',
  'call.failed': 'failed',
  'call.unknown': 'unknown',
  'call.returned': 'not_sent',
};

/** The `state` label of approvals that ended without a call. */
const ENDS: { readonly [type in EventType]?: string } = {
  'approval.expired': 'expired',
  'approval.withdrawn': 'withdrawn',
  'approval.lapsed': 'lapsed',
  'approval.taken_back': 'lapsed',
};

/** Events that an alert waits for. */
const RARE: readonly EventType[] = ['seal.broken', 'log.went_back', 'witness.lost', 'card.failed', 'policy.rejected'];

/** Buckets in seconds. People decide within moments or within hours. */
const WAIT_BUCKETS = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400];
const UPSTREAM_BUCKETS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** Tools that get a label of their own. A bound, because agents choose the names. */
const MAX_TOOLS = 300;

/**
 * The process's metrics, counted from events as they become durable. Labels hold names from the config and fixed words.
 * The only text of an agent's choosing is the name of a tool, when it is a valid one, and `MAX_TOOLS` of them at most.
 */
export class Meters {
  readonly registry = new Registry();
  readonly #tools = new Set<string>();
  readonly #verdicts = this.#counter('verdicts_total', 'Verdicts of policy.', ['server', 'tool', 'verdict']);
  readonly #limited = this.#counter('limiter_refusals_total', 'Calls refused by a full limit.', ['server', 'counter']);
  readonly #decisions = this.#counter('decisions_total', 'Decisions by people.', ['server', 'choice', 'via']);
  readonly #refusedDecisions = this.#counter('refused_decisions_total', 'Decisions that did not count.', [
    'reason',
    'via',
  ]);
  readonly #ended = this.#counter('approvals_ended_total', 'Approvals that ended without a call.', ['server', 'state']);
  readonly #outcomes = this.#counter('outcomes_total', 'How dispatched calls ended.', ['server', 'outcome']);
  readonly #refusedAccess = this.#counter('access_refused_total', 'Requests refused at a door.', ['door', 'status']);
  readonly #upstream = this.#counter('upstream_errors_total', 'Exchanges with servers that failed.', [
    'server',
    'kind',
  ]);
  readonly #events = this.#counter('events_total', 'Events written by this process.', ['type']);
  readonly #oversight = this.#counter('oversight_alarms_total', 'Approvers that were told of, by why.', ['kind']);
  readonly #waits = this.#histogram('wait_to_decision_seconds', 'From the request to a decision.', WAIT_BUCKETS);
  readonly #upstreamTimes = this.#histogram('upstream_seconds', 'From dispatch to outcome.', UPSTREAM_BUCKETS);

  /** `ofProcess`: also the process's own memory, CPU and event loop, which not every runtime can measure. */
  constructor({ ofProcess }: { readonly ofProcess: boolean } = { ofProcess: true }) {
    if (ofProcess) collectDefaultMetrics({ register: this.registry });
    // An increase is seen only from a number that was there before.
    for (const type of RARE) this.#events.inc({ type }, 0);
    for (const kind of ['fast', 'always_yes']) this.#oversight.inc({ kind }, 0);
  }

  /** Registers a gauge named `holdfast_…`. */
  gauge(name: string, help: string, labels: readonly string[] = []): Gauge {
    return new Gauge({ name: `holdfast_${name}`, help, labelNames: [...labels], registers: [this.registry] });
  }

  /** Counts a failed exchange with a server. `kind`: `not_sent`, `lost`, or a 5xx status. */
  upstreamFailed(server: string, kind: string): void {
    this.#upstream.inc({ server, kind });
  }

  /** Counts a durable event. Never throws, so that a metric stops nothing. */
  readonly count = (event: NewEvent): void => {
    const { type, data } = event;
    const server = event.server ?? 'none';
    this.#events.inc({ type });
    const verdict = VERDICTS[type];
    if (verdict !== undefined) this.#verdicts.inc({ server, tool: this.#tool(event), verdict });
    if (type === 'call.limited') this.#limited.inc({ server, counter: label(data, 'counter') });
    if (type === 'approval.decided' || type === 'approval.changed') {
      this.#decisions.inc({ server, choice: label(data, 'choice'), via: label(data, 'via') });
      this.#observe(this.#waits, server, member(data, 'waitedMs'));
    }
    if (type === 'approval.refused')
      this.#refusedDecisions.inc({ reason: label(data, 'reason'), via: label(data, 'via') });
    if (type === 'access.refused' || (type === 'admin.refused' && member(data, 'door') !== undefined)) {
      this.#refusedAccess.inc({ door: label(data, 'door'), status: String(data.status) }, Number(data.times));
    }
    const outcome = OUTCOMES[type];
    if (outcome !== undefined) this.#outcomes.inc({ server, outcome });
    if (outcome !== undefined) this.#observe(this.#upstreamTimes, server, member(data, 'upstreamMs'));
    if (type === 'oversight.alarmed') this.#oversight.inc({ kind: label(data, 'kind') });
    const state = ENDS[type];
    if (state !== undefined) this.#ended.inc({ server, state });
  };

  #observe(histogram: Histogram, server: string, ms: Json | undefined): void {
    if (typeof ms === 'number' && ms >= 0) histogram.observe({ server }, ms / 1_000);
  }

  #tool({ server, tool }: NewEvent): string {
    if (tool === null || !isToolName(tool)) return 'other';
    const name = `${server}.${tool}`;
    if (this.#tools.size >= MAX_TOOLS && !this.#tools.has(name)) return 'other';
    this.#tools.add(name);
    return tool;
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name: `holdfast_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({
      name: `holdfast_${name}`,
      help,
      buckets,
      labelNames: ['server'],
      registers: [this.registry],
    });
  }
}

/** A member that can be a label: short and of plain characters; anything else is `other`. */
function label(data: Json, name: string): string {
  const value = member(data, name);
  return typeof value === 'string' && /^[A-Za-z0-9_./:-]{1,64}$/.test(value) ? value : 'other';
}
