import { matches } from './glob.ts';
import { DEFAULT_REDACTION, type Policy, type ToolRule } from './policy.ts';
import type { Redaction } from './redact.ts';

/** The rule that governs a tool: its exact name first, then globs, longest first. Null: only the default speaks. */
export function ruleFor(policy: Policy, tool: string): ToolRule | null {
  const exact = policy.exact.get(tool);
  if (exact !== undefined) return exact;
  for (const entry of policy.globs) if (matches(entry.glob, tool)) return entry.rule;
  return null;
}

/** Whether some call of this tool could be asked about. */
export function mayAskOf(policy: Policy, tool: string): boolean {
  if (isHidden(policy, tool)) return false;
  const rule = ruleFor(policy, tool);
  const action = rule?.action ?? policy.default;
  if (action === 'deny') return false;
  return action === 'require_approval' || policy.allTools.askIf.length > 0 || (rule?.askIf.length ?? 0) > 0;
}

/** Whether a tool is to vanish from `tools/list`; calling it is denied all the same. */
export function isHidden(policy: Policy, tool: string): boolean {
  return policy.hidden.exact.has(tool) || policy.hidden.globs.some((glob) => matches(glob, tool));
}

/** What to hide of a tool's arguments wherever a person or a log sees them. */
export function redactionOf(policy: Policy, tool: string): Redaction {
  return ruleFor(policy, tool)?.redaction ?? DEFAULT_REDACTION;
}
