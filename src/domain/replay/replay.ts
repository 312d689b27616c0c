import type { LimitRule } from '../policy/limit.ts';
import { takeKey, takesOf } from '../policy/limit.ts';
import type { Policy } from '../policy/policy.ts';
import { asCall, judgeKnown, type KnownVerdict } from './judge-known.ts';
import type { KnownCall, Said } from './known-call.ts';
import type { Unknown } from './unknown-places.ts';
import { scaled, unscaled, windowStart } from './windows.ts';

/** Calls of one tool and agent whose verdict would change in the same way, by the same rule. */
export interface ReplayedChange {
  readonly server: string;
  readonly tool: string;
  readonly agent: string;
  readonly from: Said;
  readonly to: Said;
  readonly rule: string;
  /** Where in the policy it was decided: `tools.x.require[0]`, `default`, a limit's counter. */
  readonly where: string;
  readonly count: number;
  /** The first of them. */
  readonly calls: readonly { readonly n: number; readonly at: Date; readonly approval: string | null }[];
}

/** Calls of one tool of which nobody can tell what the policy would have said. */
export interface ReplayedUnknown {
  readonly server: string;
  readonly tool: string;
  readonly because: Unknown;
  readonly count: number;
}

/** What one limit would have counted in its fullest window. */
export interface ReplayedLimit {
  readonly server: string;
  readonly counter: string;
  readonly scope: LimitRule['scope'];
  readonly max: string;
  readonly most: string;
  /** Calls that would have met a full window. */
  readonly refused: number;
}

/** What a policy would have said of what was called. */
export interface Replay {
  readonly calls: number;
  readonly same: number;
  readonly changed: number;
  readonly unknown: number;
  readonly changes: readonly ReplayedChange[];
  /** Changes that are counted in `changed` and not listed. */
  readonly unlisted: number;
  readonly unknowns: readonly ReplayedUnknown[];
  readonly limits: readonly ReplayedLimit[];
}

/** Listed at most: kinds of changes, calls of each, kinds of what is unknown, limits. */
const MOST_CHANGES = 500;
const MOST_CALLS = 5;
const MOST_KINDS = 500;
interface Parts {
  /** By server; what a server without one is called is not replayed. */
  readonly policies: ReadonlyMap<string, Policy>;
  readonly upstreamOf: (server: string) => string;
}

/**
 * Runs policies over calls, oldest first. Yields now and then. A call counts in the windows of its limits where it would
 * have been let through: plainly, or by the yes that it had. One whose verdict is unknown counts in none, so windows are
 * counted at least as full as is told.
 */
export function* replaying(calls: readonly KnownCall[], { policies, upstreamOf }: Parts): Generator<void, Replay> {
  const changes = new Map<string, { -readonly [K in keyof ReplayedChange]: ReplayedChange[K] }>();
  const unknowns = new Map<string, { -readonly [K in keyof ReplayedUnknown]: ReplayedUnknown[K] }>();
  const windows = new Windows(upstreamOf);
  const sums = { calls: 0, same: 0, changed: 0, unknown: 0, unlisted: 0 };
  for (const known of calls) {
    // After each: how long one takes is the policy's to say.
    yield;
    const policy = policies.get(known.server);
    if (policy === undefined) continue;
    sums.calls += 1;
    const verdict = judgeKnown(policy, known);
    const { server, tool, grant: agent } = known;
    if (verdict.kind === 'unknown') {
      sums.unknown += 1;
      const { because } = verdict;
      count(unknowns, [server, tool, because], MOST_KINDS, () => ({ server, tool, because, count: 0 }));
      continue;
    }
    const full = windows.take(known, verdict);
    const to: Said = full === null ? verdict.kind : 'limited';
    if (to === known.said) {
      sums.same += 1;
      continue;
    }
    sums.changed += 1;
    const { rule } = verdict;
    const where = full ?? verdict.where;
    const named = { server, tool, agent, from: known.said, to, rule, where };
    const key = [server, tool, agent, known.said, to, rule, where];
    const change = count(changes, key, MOST_CHANGES, () => ({ ...named, count: 0, calls: [] }));
    if (change === null) sums.unlisted += 1;
    else if (change.calls.length < MOST_CALLS) {
      change.calls = [...change.calls, { n: known.n, at: known.at, approval: known.approval }];
    }
  }
  return {
    ...sums,
    changes: [...changes.values()].sort((one, other) => other.count - one.count),
    unknowns: [...unknowns.values()].sort((one, other) => other.count - one.count),
    limits: windows.fullest(),
  };
}

function count<T extends { count: number }>(
  all: Map<string, T>,
  key: readonly string[],
  most: number,
  made: () => T,
): T | null {
  const name = JSON.stringify(key);
  const found = all.get(name) ?? (all.size < most ? made() : null);
  if (found === null) return null;
  found.count += 1;
  all.set(name, found);
  return found;
}

/** What was counted in the windows of limits. */
class Windows {
  readonly #upstreamOf: (server: string) => string;
  /** By counter: its newest window. Calls come in the order of time. */
  readonly #open = new Map<string, { start: number; used: bigint }>();
  readonly #fullest = new Map<string, Omit<ReplayedLimit, 'most' | 'refused'> & { most: bigint; refused: number }>();

  constructor(upstreamOf: (server: string) => string) {
    this.#upstreamOf = upstreamOf;
  }

  /** The counter that has no room for the call; null: all have, and it is counted. */
  take(known: KnownCall, verdict: Exclude<KnownVerdict, { kind: 'unknown' }>): string | null {
    if (verdict.kind === 'deny') return null;
    // In whose session a call was that people were asked about, the log does not say.
    const limits = verdict.limits.filter(({ scope }) => scope !== 'session' || known.session !== undefined);
    const takes = takesOf(asCall(known), limits, this.#upstreamOf).map((take) => {
      const start = windowStart(take.window, known.at);
      const open = this.#open.get(takeKey(take));
      const used = open !== undefined && open.start === start ? open.used : 0n;
      const told = this.#told(known.server, take);
      return { take, start, after: used + scaled(take.by), told };
    });
    const full = takes.find(({ take, after }) => after > scaled(take.max));
    if (full !== undefined) {
      full.told.refused += 1;
      return full.take.counter;
    }
    const passes = verdict.kind === 'allow' || (known.said === 'ask' && known.passedAt !== null);
    if (!passes) return null;
    for (const { take, start, after, told } of takes) {
      this.#open.set(takeKey(take), { start, used: after });
      if (after > told.most) told.most = after;
    }
    return null;
  }

  fullest(): ReplayedLimit[] {
    return [...this.#fullest.values()].map(({ most, ...limit }) => ({ ...limit, most: unscaled(most) }));
  }

  #told(server: string, { counter, scope, max, window }: ReturnType<typeof takesOf>[number]) {
    const name = JSON.stringify([server, counter, scope, window]);
    const known = this.#fullest.get(name);
    if (known !== undefined) return known;
    const fresh = { server, counter, scope, max, most: 0n, refused: 0 };
    if (this.#fullest.size < MOST_KINDS) this.#fullest.set(name, fresh);
    return fresh;
  }
}
