import type { Redaction } from '../json/redact.ts';
import { DEFAULT_REDACTION } from '../json/redact.ts';
import { matchesGlob } from './glob.ts';
import { type Policy, rulesOf, type ToolRule } from './policy.ts';
import { type AnswersMode, type Ask, answersSaid, type Verdict } from './verdict.ts';
import { suspended, watchedBy } from './watch.ts';

/** The rule that governs a tool: its exact name first, then globs, longest first. Null: the default applies. */
export function ruleFor(policy: Policy, tool: string): ToolRule | null {
  const exact = policy.exact.get(tool);
  if (exact !== undefined) return exact;
  for (const entry of policy.globs) if (matchesGlob(entry.glob, tool)) return entry.rule;
  return null;
}

/** Whether some call of this tool could lead to a question. */
export function mayAskOf(policy: Policy, tool: string): boolean {
  if (isHidden(policy, tool)) return false;
  const written = ruleFor(policy, tool);
  const by = watchedBy(policy, written);
  const { policy: file, rule } = by === null ? { policy, rule: written } : suspended(policy, written, by);
  const action = rule?.action ?? file.default;
  if (action === 'deny') return false;
  return action === 'require_approval' || file.allTools.askIf.length > 0 || (rule?.askIf.length ?? 0) > 0;
}

/** Whether something that the policy may say of this tool is only watched. */
export function isWatched(policy: Policy, tool: string): boolean {
  return watchedBy(policy, ruleFor(policy, tool)) !== null;
}

/**
 * Whether a call that was gated goes on under its approval: it is asked about still, or is only watched since. What is
 * enforced may deny it all the same.
 */
export function goesOnGated(policy: Policy, tool: string, { kind }: Pick<Verdict, 'kind'>): boolean {
  return kind === 'ask' || (kind === 'allow' && isWatched(policy, tool));
}

/** Whether a tool is left out of `tools/list`. Calls of it are denied as well. */
export function isHidden(policy: Policy, tool: string): boolean {
  return policy.hidden.exact.has(tool) || policy.hidden.globs.some((glob) => matchesGlob(glob, tool));
}

/** How a tool's calls are asked about, whether or not this one is. */
export function askFor(policy: Policy, tool: string): Ask {
  return ruleFor(policy, tool)?.ask ?? policy.allTools.ask;
}

/** Whether answers to what a server asks during a gated call of this tool need a yes of their own. */
export function answersOf(policy: Policy, tool: string): AnswersMode {
  return answersSaid(askFor(policy, tool), ruleFor(policy, tool)?.severity ?? null);
}

/** Whether the tool's list offers an argument in which the agent says why it calls: where some call of it could be asked about. */
export function offersReason(policy: Policy, tool: string): boolean {
  return askFor(policy, tool).justification?.argument === true && mayAskOf(policy, tool);
}

/** Whether any tool's list could offer one. */
export function mayOfferReason(policy: Policy): boolean {
  return [policy.allTools.ask, ...rulesOf(policy).map(({ ask }) => ask)].some(
    ({ justification }) => justification?.argument === true,
  );
}

/** What to hide of a tool's arguments on cards, on pages and in the log. */
export function redactionOf(policy: Policy, tool: string): Redaction {
  return ruleFor(policy, tool)?.redaction ?? DEFAULT_REDACTION;
}
