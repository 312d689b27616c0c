import type { LimitRule } from './limit.ts';
import type { Risk, Severity } from './policy.ts';

/** One step of the evaluation: what was looked at and what it said. */
export interface TraceStep {
  /** Where in the policy: `hide`, `tools.create_api_key.action`, `tools.x.deny_if[0]`, `default`. */
  readonly path: string;
  /** In words, without argument values: `action is require_approval`, `args.role is missing`. */
  readonly says: string;
  /** This step decided. */
  readonly decided: boolean;
}

/** Why policy said what it said. Card, console and `policy explain` render this. */
export interface RuleTrace {
  /** The key under `tools` that governs the call, or `default`. */
  readonly rule: string;
  readonly risk: Risk | null;
  readonly severity: Severity | null;
  /** The rule's own words for people: told to the agent on deny, shown on the card on ask. */
  readonly reason: string | null;
  readonly steps: readonly TraceStep[];
}

/** What the policy asks of a human decision, before the config resolves group names. */
export interface Ask {
  /** Names of approvers' groups; null: the config's default. */
  readonly approvers: readonly string[] | null;
  readonly quorum: number;
  /** Milliseconds; null: the config's default. */
  readonly timeoutMs: number | null;
  readonly remindMs: number | null;
  readonly escalate: { readonly afterMs: number; readonly to: readonly string[] } | null;
  readonly denyReason: 'required' | 'optional';
}

/** What policy says of one call. A verdict is policy's; a decision is a human's. */
export type Verdict =
  | { readonly kind: 'allow'; readonly limits: readonly LimitRule[]; readonly trace: RuleTrace }
  | { readonly kind: 'deny'; readonly reason: string; readonly trace: RuleTrace }
  | { readonly kind: 'ask'; readonly ask: Ask; readonly limits: readonly LimitRule[]; readonly trace: RuleTrace };
