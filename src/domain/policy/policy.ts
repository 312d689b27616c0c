import type { Redaction } from '../json/redact.ts';
import type { DriftAction, SeenTool, ToolChange } from '../tool/drift.ts';
import type { Risk, Severity } from '../tool/risk.ts';
import type { Condition } from './condition.ts';
import type { Glob } from './glob.ts';
import type { LimitRule } from './limit.ts';
import type { Mode } from './mode.ts';
import type { Path } from './path.ts';
import { NO_SECTIONS, type Sections } from './section.ts';
import type { Ask } from './verdict.ts';

export const ACTIONS = ['allow', 'deny', 'require_approval'] as const;
export type Action = (typeof ACTIONS)[number];

/** A condition, with its place in the file and its wording for people. */
export interface Clause {
  /** `tools.create_api_key.deny_if[0]`. */
  readonly where: string;
  /** The condition in words: `args.role is one of "viewer", "editor"`. Holds the policy's values, never the call's. */
  readonly says: string;
  /** The author's words for the agent and the card; null: `says` is used. */
  readonly reason: string | null;
  readonly condition: Condition;
}

/** A limit whose `by` may have to be read from a call's arguments. */
export interface Limit extends Omit<LimitRule, 'by'> {
  readonly where: string;
  readonly by: { readonly fixed: string } | { readonly from: Path };
}

/** What a call must pass, for one tool or for all. */
export interface Checks {
  readonly denyIf: readonly Clause[];
  readonly require: readonly Clause[];
  readonly askIf: readonly Clause[];
  readonly limits: readonly Limit[];
}

/** What a policy says about one tool, or about all tools that a glob matches. */
export interface ToolRule extends Checks {
  /** The key under `tools`. */
  readonly key: string;
  readonly risk: Risk | null;
  readonly severity: Severity | null;
  readonly action: Action;
  readonly reason: string | null;
  readonly ask: Ask;
  readonly redaction: Redaction;
  /** What to do when the tool no longer looks as it was seen. */
  readonly drift: DriftAction;
  /** `watch`: what the rule says is recorded and not enforced. */
  readonly mode?: Mode;
  /** How the tool looked when the rule was written; null: that was not recorded, so nothing is compared. */
  readonly seen: SeenTool | null;
}

/** A policy file, parsed, checked and compiled. Immutable. */
export interface Policy {
  /** Hex SHA-256 of the file's bytes, which identifies the version that applied to a call. */
  readonly digest: string;
  readonly default: Action;
  readonly hidden: { readonly exact: ReadonlySet<string>; readonly globs: readonly Glob[] };
  /** Applies to every call, listed or not. */
  readonly allTools: Checks & { readonly ask: Ask };
  readonly exact: ReadonlyMap<string, ToolRule>;
  /** Longest first. */
  readonly globs: readonly { readonly glob: Glob; readonly rule: ToolRule }[];
  /** What it says beside tools: of resources, prompts and methods. */
  readonly sections: Sections;
  /** Not in the file: the config says of a server whether its policy is only watched. */
  readonly mode?: Mode;
  /** Tools that the server now lists differently from how they were seen. Not in the file; known while running. */
  readonly drifted?: ReadonlyMap<string, readonly ToolChange[]>;
}

export const NO_CHECKS: Checks = { denyIf: [], require: [], askIf: [], limits: [] };

/** An approval without options of its own: one approver of the config's default groups. */
export const PLAIN_ASK: Ask = {
  approvers: null,
  quorum: 1,
  timeoutMs: null,
  remindMs: null,
  escalate: null,
  denyReason: 'optional',
  answers: null,
};

/** The policy of a server that has no policy file: nothing is allowed. */
export const DENY_ALL: Policy = {
  digest: '0'.repeat(64),
  default: 'deny',
  hidden: { exact: new Set(), globs: [] },
  allTools: { ...NO_CHECKS, ask: PLAIN_ASK },
  exact: new Map(),
  globs: [],
  sections: NO_SECTIONS,
};

/** Whether a rule responds to drift with this action, and has a record to compare with. */
export function mayDrift(rule: ToolRule, action: DriftAction): boolean {
  return rule.seen !== null && rule.drift === action;
}

/** Whether any call could lead to a question, were everything enforced; then there must be approvers. */
export function mayAsk(policy: Policy): boolean {
  return asksIn(policy, rulesOf(policy));
}

/** The same with what is enforced now. */
export function mayAskNow(policy: Policy): boolean {
  if (policy.mode === 'watch') return false;
  return asksIn(
    policy,
    rulesOf(policy).filter(({ mode }) => mode !== 'watch'),
  );
}

/** All rules for tools, exact names first. */
export function rulesOf(policy: Policy): ToolRule[] {
  return [...policy.exact.values(), ...policy.globs.map((entry) => entry.rule)];
}

function asksIn(policy: Policy, rules: readonly ToolRule[]): boolean {
  return (
    policy.default === 'require_approval' ||
    policy.allTools.askIf.length > 0 ||
    rules.some((rule) => rule.action === 'require_approval' || rule.askIf.length > 0 || mayDrift(rule, 'ask'))
  );
}
