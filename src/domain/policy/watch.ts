import { NO_CHECKS, type Policy, type ToolRule } from './policy.ts';

/** What is watched over a call: its whole server, or the rule that governs its tool. */
export type WatchedBy = 'rule' | 'server';

/** Null: everything that the policy says of this call is enforced. */
export function watchedBy(policy: Policy, rule: ToolRule | null): WatchedBy | null {
  if (policy.mode === 'watch') return 'server';
  return rule?.mode === 'watch' ? 'rule' : null;
}

/**
 * What is still enforced of a policy and a rule while they are watched: the rule keeps how it asks, hides and names
 * itself, and says nothing; of a watched server `all_tools` and `default` say nothing either. `hide` stays.
 */
export function suspended(
  policy: Policy,
  rule: ToolRule | null,
  by: WatchedBy,
): { readonly policy: Policy; readonly rule: ToolRule | null } {
  const silent: ToolRule | null = rule === null ? null : { ...rule, ...NO_CHECKS, action: 'allow', drift: 'allow' };
  if (by === 'rule') return { policy, rule: silent };
  return {
    policy: { ...policy, default: 'allow', allTools: { ...NO_CHECKS, ask: policy.allTools.ask } },
    rule: silent,
  };
}
