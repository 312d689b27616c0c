import { seenNow } from '../../config/policy/seen.ts';
import { isToolName } from '../../domain/call/call.ts';
import type { Policy, ToolRule } from '../../domain/policy/policy.ts';
import { isHidden, ruleFor } from '../../domain/policy/rule.ts';
import { watchedBy } from '../../domain/policy/watch.ts';
import { type Classification, classify } from '../../domain/tool/classify.ts';
import { changesOf, type ToolChange } from '../../domain/tool/drift.ts';
import type { Tool } from '../../domain/tool/tool.ts';

/** What policy says about a tool before its arguments are known. */
export type PolicyStanding = 'hidden' | 'deny' | 'ask' | 'allow' | 'no policy';

/** One tool of one server, as a scan found it. */
export interface ScanFinding extends Classification {
  readonly tool: string;
  readonly policy: PolicyStanding;
  /** The verdict depends on the arguments too. */
  readonly conditions: boolean;
  /** It is recorded and not enforced. */
  readonly watched: boolean;
  /** `new`: the policy has no rule of this name. A list: what has changed since. Null: nothing, or not compared. */
  readonly change: 'new' | readonly ToolChange[] | null;
}

/** What a scan found on one server. */
export interface ScanFindings {
  readonly tools: readonly ScanFinding[];
  /** Tools that the policy knows and the server no longer lists. */
  readonly gone: readonly string[];
}

/** Compares what a server lists with its policy. `policy` is null when there is none yet. */
export function findingsOf(tools: readonly Tool[], policy: Policy | null): ScanFindings {
  const listed = new Set(tools.map((tool) => tool.name));
  const seen = [...(policy?.exact.values() ?? [])].filter((rule) => rule.seen !== null);
  return {
    tools: tools.map((tool) => findingOf(tool, policy)),
    gone: seen.filter((rule) => !listed.has(rule.key)).map((rule) => rule.key),
  };
}

function findingOf(tool: Tool, policy: Policy | null): ScanFinding {
  const known = { tool: tool.name, ...classify(tool) };
  if (policy === null) return { ...known, policy: 'no policy', conditions: false, watched: false, change: null };
  const rule = ruleFor(policy, tool.name);
  const change = changeOf(tool, policy);
  const says = standing(tool, policy, rule, change);
  const watched = says !== 'hidden' && isToolName(tool.name) && watchedBy(policy, rule) !== null;
  return { ...known, policy: says, conditions: hasConditions(policy, rule), watched, change };
}

function changeOf(tool: Tool, policy: Policy): ScanFinding['change'] {
  const rule = policy.exact.get(tool.name);
  if (rule === undefined) return 'new';
  if (rule.seen === null) return null;
  const changes = changesOf(rule.seen, seenNow(tool));
  return changes.length === 0 ? null : changes;
}

function standing(tool: Tool, policy: Policy, rule: ToolRule | null, change: ScanFinding['change']): PolicyStanding {
  if (!isToolName(tool.name)) return 'deny';
  if (isHidden(policy, tool.name)) return 'hidden';
  const action = rule?.action ?? policy.default;
  const drifted = change !== null && change !== 'new' ? rule?.drift : undefined;
  if (action === 'deny' || drifted === 'deny') return 'deny';
  return action === 'require_approval' || drifted === 'ask' ? 'ask' : 'allow';
}

function hasConditions(policy: Policy, rule: ToolRule | null): boolean {
  return [rule, policy.allTools].some((checks) =>
    [checks?.denyIf, checks?.require, checks?.askIf].some((clauses) => (clauses?.length ?? 0) > 0),
  );
}
