import { isToolName } from '../call/call.ts';
import type { Policy } from './policy.ts';
import type { PreviewRule } from './preview-rule.ts';
import { isHidden, isWatched, ruleFor } from './rule.ts';
import type { SummaryFault } from './summary.ts';

/** Why a policy may not have this tool called for previews; null: it may. */
export function previewFault(policy: Policy, { tool }: PreviewRule): SummaryFault | null {
  const expected = 'a tool of this server whose own rule has risk: read and action: allow';
  if (!isToolName(tool)) return { wrong: `is ${JSON.stringify(tool.slice(0, 80))}`, expected };
  const rule = ruleFor(policy, tool);
  if (rule === null) return { wrong: `names ${tool}, which has no rule here`, expected };
  if (isHidden(policy, tool)) return { wrong: `names ${tool}, which is hidden`, expected };
  if (rule.risk !== 'read') return { wrong: `names ${tool}, whose risk is ${rule.risk ?? 'not stated'}`, expected };
  if (rule.action !== 'allow') return { wrong: `names ${tool}, whose action is ${rule.action}`, expected };
  if (isWatched(policy, tool)) return { wrong: `names ${tool}, whose rule is only watched`, expected };
  return null;
}
