import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { isToolName } from '../../domain/call/call.ts';
import { type Json, member } from '../../domain/json/json.ts';
import type { EventType, NewEvent } from '../../domain/log/event.ts';

/** What an event of this type counts as among verdicts. */
const VERDICTS: { readonly [type in EventType]?: string } = {
  'call.allowed': 'allow',
  'call.denied': 'deny',
  'call.limited': 'limited',
  'call.refused': 'refused',
  'approval.requested': 'ask',
  'approval.joined': 'joined',
};

const OUTCOMES: { readonly [type in EventType]?: string } = {
  'call.succeeded': 'succeeded',
  'call.failed': 'failed',
  'call.unknown': 'unknown',
  'call.returned': 'not_sent',
};

const ENDS: { readonly [type in EventType]?: string } = {
  'approval.expired': 'expired',
  'approval.withdrawn': 'withdrawn',
  'approval.lapsed': 'lapsed',
};

/** Seconds: people answer within moments or within hours. */
const WAITS = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400];
const TAKES = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** Tools that get a label of their own; agents choose the names they ask for. */
const MOST_TOOLS = 300;

/**
 * What Prometheus is told, counted from the events as they become durable. Labels are names of the config and of the
 * design; an agent's words are none of them, but for tool names of a tool's letters, as many as `MOST_TOOLS`.
 */
export class Meters {
  readonly registry = new Registry();
  readonly #tools = new Set<string>();
  readonly #verdicts = this.#counter('verdicts_total', 'What policy said of calls.', ['server', 'tool', 'verdict']);
  readonly #limited = this.#counter('limiter_refusals_total', 'Calls that met a full limit.', ['server', 'counter']);
  readonly #decisions = this.#counter('decisions_total', 'What people said of calls.', ['server', 'choice', 'via']);
  readonly #clicks = this.#counter('refused_decisions_total', 'Words that did not count.', ['reason', 'via']);
  readonly #ended = this.#counter('approvals_ended_total', 'Approvals that ended without a call.', ['server', 'state']);
  readonly #outcomes = this.#counter('outcomes_total', 'How dispatched calls ended.', ['server', 'outcome']);
  readonly #turned = this.#counter('access_refused_total', 'Requests turned away.', ['door', 'status']);
  readonly #upstream = this.#counter('upstream_errors_total', 'Exchanges that failed.', ['server', 'kind']);
  readonly #events = this.#counter('events_total', 'Events written by this process.', ['type']);
  readonly #waits = this.#histogram('wait_to_decision_seconds', 'From the request to a word on it.', WAITS);
  readonly #takes = this.#histogram('upstream_seconds', 'From dispatch to outcome.', TAKES);

  /** `ofProcess`: what the process itself uses is told too (memory, CPU, event loop); not every runtime knows it. */
  constructor({ ofProcess }: { readonly ofProcess: boolean } = { ofProcess: true }) {
    if (ofProcess) collectDefaultMetrics({ register: this.registry });
  }

  /** A gauge of this registry, named `holdfast_…`. */
  gauge(name: string, help: string, labels: readonly string[] = []): Gauge {
    return new Gauge({ name: `holdfast_${name}`, help, labelNames: [...labels], registers: [this.registry] });
  }

  /** An exchange with a server failed: `not_sent`, `lost`, or a status of the 500s. */
  upstreamFailed(server: string, kind: string): void {
    this.#upstream.inc({ server, kind });
  }

  /** Never throws: counting stops nothing. */
  readonly heard = (event: NewEvent): void => {
    const { type, data } = event;
    const server = event.server ?? 'none';
    this.#events.inc({ type });
    const verdict = VERDICTS[type];
    if (verdict !== undefined) this.#verdicts.inc({ server, tool: this.#tool(event), verdict });
    if (type === 'call.limited') this.#limited.inc({ server, counter: word(data, 'counter') });
    if (type === 'approval.decided') {
      this.#decisions.inc({ server, choice: word(data, 'choice'), via: word(data, 'via') });
      this.#observe(this.#waits, server, member(data, 'waitedMs'));
    }
    if (type === 'approval.refused') this.#clicks.inc({ reason: word(data, 'reason'), via: word(data, 'via') });
    if (type === 'access.refused') {
      this.#turned.inc({ door: word(data, 'door'), status: String(data.status) }, Number(data.times));
    }
    const outcome = OUTCOMES[type];
    if (outcome !== undefined) this.#outcomes.inc({ server, outcome });
    if (outcome !== undefined) this.#observe(this.#takes, server, member(data, 'upstreamMs'));
    const state = ENDS[type];
    if (state !== undefined) this.#ended.inc({ server, state });
  };

  #observe(histogram: Histogram, server: string, ms: Json | undefined): void {
    if (typeof ms === 'number' && ms >= 0) histogram.observe({ server }, ms / 1_000);
  }

  #tool({ server, tool }: NewEvent): string {
    if (tool === null || !isToolName(tool)) return 'other';
    const name = `${server}.${tool}`;
    if (this.#tools.size >= MOST_TOOLS && !this.#tools.has(name)) return 'other';
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

/** A member that is one of our own words; anything longer or stranger is not told. */
function word(data: Json, name: string): string {
  const value = member(data, name);
  return typeof value === 'string' && /^[A-Za-z0-9_./:-]{1,64}$/.test(value) ? value : 'other';
}
