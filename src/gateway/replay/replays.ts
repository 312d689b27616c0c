import type { Policy } from '../../domain/policy/policy.ts';
import { type Replay, replaying } from '../../domain/replay/replay.ts';
import { usesOf } from '../../domain/replay/usage.ts';
import type { Records } from '../../ports.ts';
import { inTurns } from '../../time/in-turns.ts';
import type { Gateway } from '../gateway.ts';
import { type Called, readCalled } from './called.ts';
import { inTime } from './in-time.ts';
import type { PolicyFault, Workshop } from './workshop.ts';

/** What was read for an answer. */
export interface ReadFor extends Pick<Called, 'cutShort' | 'doubted' | 'from' | 'sampled'> {
  readonly until: Date;
}

type NoAnswer =
  | { readonly kind: 'unknown_server'; readonly servers: readonly string[] }
  | { readonly kind: 'which_server'; readonly servers: readonly string[] }
  /** Another replay runs in this process. */
  | { readonly kind: 'busy' }
  /** Judging one call takes long, or all of them. */
  | { readonly kind: 'too_slow' };

export type Replayed =
  | {
      readonly kind: 'replayed';
      readonly read: ReadFor;
      readonly policies: readonly { readonly server: string; readonly digest: string }[];
      readonly replay: Replay;
    }
  | { readonly kind: 'bad_policy'; readonly faults: readonly PolicyFault[] }
  | NoAnswer;

export type Suggested =
  | { readonly kind: 'suggested'; readonly read: ReadFor; readonly server: string; readonly text: string }
  | { readonly kind: 'no_suggestion'; readonly why: string }
  | NoAnswer;

/** A policy's text, to be tried. */
export interface TriedPolicy {
  readonly text: string;
  readonly format: 'json' | 'yaml';
}

/**
 * Tries policies on what was called, and suggests one. Only reads; one at a time in each process, in turns with everything
 * else, because a log may be long.
 */
export class Replays {
  readonly #gateway: Pick<Gateway, 'clock' | 'rules' | 'samples' | 'vault'>;
  readonly #records: Pick<Records, 'search'>;
  readonly #workshop: Workshop;
  #isBusy = false;

  constructor(
    gateway: Pick<Gateway, 'clock' | 'rules' | 'samples' | 'vault'>,
    records: Pick<Records, 'search'>,
    workshop: Workshop,
  ) {
    this.#gateway = gateway;
    this.#records = records;
    this.#workshop = workshop;
  }

  /** `server`: null stands for all of them, and for the only one where a policy is given. */
  replay(asked: {
    readonly from: Date;
    readonly server: string | null;
    readonly policy: TriedPolicy | null;
  }): Promise<Replayed> {
    return this.#alone(() => this.#replay(asked));
  }

  suggest(asked: { readonly from: Date; readonly server: string | null }): Promise<Suggested> {
    return this.#alone(() => this.#suggest(asked));
  }

  async #replay({ from, server, policy }: Parameters<Replays['replay']>[0]): Promise<Replayed> {
    const { ruling, parse } = this.#workshop;
    const chosen = this.#chosen(server, policy !== null);
    if (!Array.isArray(chosen)) return chosen;
    const policies = new Map<string, Policy>();
    const parsed = policy === null ? null : parse(policy.text, policy.format);
    if (parsed?.ok === false) return { kind: 'bad_policy', faults: parsed.faults };
    for (const name of chosen) {
      const tried = parsed?.ok ? parsed.policy : ruling(name);
      if (tried !== null) policies.set(name, tried);
    }
    const { calls, read } = await this.#read(from, chosen);
    const upstreamOf = (name: string): string => this.#gateway.rules.upstream(name);
    const replay = await inTurns(inTime(replaying(calls, { policies, upstreamOf })));
    if (replay === null) return { kind: 'too_slow' };
    const named = [...policies].map(([name, { digest }]) => ({ server: name, digest }));
    return { kind: 'replayed', read, policies: named, replay };
  }

  async #suggest({ from, server }: Parameters<Replays['suggest']>[0]): Promise<Suggested> {
    const chosen = this.#chosen(server, true);
    if (!Array.isArray(chosen)) return chosen;
    const name = chosen[0]!;
    const { calls, read } = await this.#read(from, chosen);
    const uses = await inTurns(inTime(usesOf(calls)));
    if (uses === null) return { kind: 'too_slow' };
    const basis = { server: name, uses, calls, from: read.from, until: read.until };
    const made = await inTurns(inTime(this.#workshop.suggest(basis)));
    if (made === null) return { kind: 'too_slow' };
    if (!made.ok) return { kind: 'no_suggestion', why: made.why };
    return { kind: 'suggested', read, server: name, text: made.text };
  }

  async #read(from: Date, servers: readonly string[]) {
    const until = this.#gateway.clock.now();
    const { calls, ...read } = await readCalled(this.#gateway, this.#records, { from, servers });
    return { calls, read: { ...read, until } };
  }

  /** `one`: it is about one server. */
  #chosen(server: string | null, one: boolean): string[] | Extract<NoAnswer, { servers: readonly string[] }> {
    const servers = this.#workshop.servers();
    if (server === null) return one && servers.length !== 1 ? { kind: 'which_server', servers } : [...servers];
    return servers.includes(server) ? [server] : { kind: 'unknown_server', servers };
  }

  async #alone<T>(work: () => Promise<T>): Promise<T | { readonly kind: 'busy' }> {
    if (this.#isBusy) return { kind: 'busy' };
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      this.#isBusy = false;
    }
  }
}
