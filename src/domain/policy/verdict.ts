import type { Erasure } from '../call/erasure.ts';
import type { Risk, Severity } from '../tool/risk.ts';
import type { AllowanceRule, OfferedAllowance } from './allowance-rule.ts';
import type { LimitRule } from './limit.ts';
import type { PreviewRule } from './preview-rule.ts';
import type { QuietRule } from './quiet.ts';
import type { SummaryPart, SummaryTemplate } from './summary.ts';
import type { UsualRule } from './usual-rule.ts';

/** One step of an evaluation: what was looked at, and with what result. */
export interface TraceStep {
  /** Where in the policy: `hide`, `tools.create_api_key.action`, `tools.x.deny_if[0]`, `default`. */
  readonly path: string;
  /** In words, without argument values: `action is require_approval`, `args.role is missing`. */
  readonly says: string;
  /** This step decided. */
  readonly decided: boolean;
}

/** Why policy came to its verdict. Card, console and `policy explain` render this. */
export interface RuleTrace {
  /** The key under `tools` that governs the call, or `default`. */
  readonly rule: string;
  readonly risk: Risk | null;
  readonly severity: Severity | null;
  /** The rule's words for people: told to the agent on deny, shown on the card on ask. */
  readonly reason: string | null;
  readonly steps: readonly TraceStep[];
  /** The policy's sentence about the call, with the call's values as they may be shown; absent: it has none. */
  readonly summary?: readonly SummaryPart[];
  /** What people may allow in advance with this call; absent: nothing. */
  readonly allowance?: OfferedAllowance;
  /** What made the question look different when it opened; absent: nothing. */
  readonly cues?: readonly ('changed_tool' | 'first_use' | 'first_today')[];
  /** Random; makes the digests of its cards its own, so that nobody finds what they showed by trying. Absent: nothing of it can be erased from the log. */
  readonly salt?: string;
  /** What was shown of the call was erased; absent: it was not. */
  readonly erased?: Erasure;
}

/** Whether an agent's answer to what a server asks during a gated call needs a yes of its own. */
export const ANSWERS_MODES = ['ask', 'allow'] as const;
export type AnswersMode = (typeof ANSWERS_MODES)[number];

/** That an agent has to say why it calls. `argument`: a tool's list offers it an argument to say it in. */
export interface Justification {
  readonly argument: boolean;
}

/** So many people of this approver group. */
export interface PolicyPlace {
  readonly group: string;
  readonly count: number;
}

/** What a policy asks of the approvers, before the config resolves group names. */
export interface Ask {
  /** Names of approver groups; null: the config's default. */
  readonly approvers: readonly string[] | null;
  readonly quorum: number;
  /** How many people of which group, `quorum` in all; absent or null: any of the approvers. */
  readonly places?: readonly PolicyPlace[] | null;
  /** Milliseconds; null: the config's default. */
  readonly timeoutMs: number | null;
  readonly remindMs: number | null;
  readonly escalate: { readonly afterMs: number; readonly to: readonly string[] } | null;
  readonly denyReason: 'required' | 'optional';
  /** Whether the agent has to say why it calls, before anybody is asked; absent or null: it need not. */
  readonly justification?: Justification | null;
  /** null: by severity. */
  readonly answers?: AnswersMode | null;
  /** `required`: approvals are signed by passkeys; null: where the severity is critical and people can sign here. */
  readonly stepUp?: 'required' | null;
  /** The sentence about the call that stands on its card; null: none. */
  readonly summary?: SummaryTemplate | null;
  /** What people may allow in advance; null: nothing. */
  readonly allowance?: AllowanceRule | null;
  /** Hours in which another group is asked; null: the config's. */
  readonly quiet?: QuietRule | null;
  /** The reading tool that is called for the card; null: none. */
  readonly preview?: PreviewRule | null;
  /** What is compared with earlier calls; null: what is recognised. */
  readonly usual?: UsualRule | null;
}

/** What policy says of answers to a server's questions: `ask` by default where the severity is high or critical. */
export function answersSaid(ask: Pick<Ask, 'answers'>, severity: Severity | null): AnswersMode {
  return ask.answers ?? (severity === 'high' || severity === 'critical' ? 'ask' : 'allow');
}

/**
 * Whether approvals of a call have to be signed: where the policy says so, and by default where its severity is critical and
 * people can sign. `canSign`: there is a provider, and an address at which browsers allow passkeys.
 */
export function needsSignature(ask: Pick<Ask, 'stepUp'>, severity: Severity | null, canSign: boolean): boolean {
  return ask.stepUp === 'required' || (severity === 'critical' && canSign);
}

/** What policy says about one call. A verdict is policy's; a decision is a person's. */
export type Verdict =
  | {
      readonly kind: 'allow';
      readonly limits: readonly LimitRule[];
      readonly trace: RuleTrace;
      readonly watched?: WatchedVerdict;
    }
  | { readonly kind: 'deny'; readonly reason: string; readonly trace: RuleTrace }
  | {
      readonly kind: 'ask';
      readonly ask: Ask;
      readonly limits: readonly LimitRule[];
      readonly trace: RuleTrace;
      readonly watched?: WatchedVerdict;
    };

/** What a policy says that is not enforced, because its server or its rule is only watched. */
export interface WatchedVerdict {
  readonly by: 'rule' | 'server';
  readonly said: Verdict;
}
