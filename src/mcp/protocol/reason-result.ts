import { LONGEST_REASON_STATED, REASON_ARGUMENT, REASON_MEMBER } from '../../domain/call/stated-reason.ts';
import type { Unreasoned } from '../../gateway/call/arrival.ts';
import { NOTHING_RAN, type ToolResult, toolResult } from './tool-results.ts';

/**
 * Policy wants to know why the agent calls. `asked`: its client was asked in a form, and what came of that, in words that
 * end a sentence; null: it was not asked.
 */
export function unreasonedResult({ server, tool, argument }: Unreasoned, asked: string | null = null): ToolResult {
  const member = `params._meta["${REASON_MEMBER}"]`;
  const where = argument ? `in the argument ${REASON_ARGUMENT} (or in ${member})` : `in ${member}`;
  return toolResult([
    `Waiting for approval: ${server}.${tool} needs your reason first, and nobody has been asked yet${asked === null ? '' : `; ${asked}`}.`,
    `${NOTHING_RAN} Call the same tool again with exactly the same arguments, and say ${where} why you call, in one or two sentences of up to ${LONGEST_REASON_STATED} characters.`,
    'Whoever approves reads it as your claim. Say what you were asked to do; do not invent a reason.',
  ]);
}

/** Whether `holdfast_reason` is the agent's reason or an argument of the tool itself cannot be told yet. */
export function unknownArgumentResult(server: string): ToolResult {
  return toolResult([
    `Cannot decide: whether ${REASON_ARGUMENT} is an argument of the tool itself is not known here, because no list of the tools of ${server} has been seen.`,
    `${NOTHING_RAN} Ask for the list of tools (tools/list) to its end, then repeat the same call.`,
  ]);
}

/** Policy changed while the agent was asked for its reason, and the call needs no approval any more. */
export function noLongerAskedResult(): ToolResult {
  return toolResult([
    'Not sent: the policy has changed meanwhile, and this call needs no approval any more.',
    `${NOTHING_RAN} Repeat it.`,
  ]);
}
