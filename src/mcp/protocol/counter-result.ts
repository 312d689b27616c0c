import type { Approval } from '../../domain/approval/approval.ts';
import { missingText, tallyOf } from '../../domain/approval/tally.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { approvalEndedResult, approvalMeta, type ToolResult, toolResult, utcMinute } from './tool-results.ts';

/** A counter-proposal as it is now. `args`: as the agent has to send them; null: it is over. */
interface Counter {
  readonly approval: Approval;
  readonly args: JsonObject | null;
}

/** How an approval ended, with what the person would have instead. `counter`: null where there is none. */
export function endedResult(approval: Approval, counter: Counter | null): ToolResult {
  if (counter === null) return approvalEndedResult(approval);
  const denial = approval.decisions.find(({ choice }) => choice === 'deny');
  const by = denial?.approver ?? 'an approver';
  const { words, meta } = counterWords(counter);
  const [first, ...rest] = words;
  return toolResult(
    [
      `Denied by ${by} with a counter-proposal: ${first}`,
      denial?.reason ? `The reason: ${denial.reason}` : '',
      `${approval.server}.${approval.tool} did not run with the arguments that you sent. Do not repeat it with those.`,
      ...rest,
      `Approval ${approval.id}; the counter-proposal is ${counter.approval.id}.`,
    ],
    approvalMeta(approval, meta),
  );
}

function counterWords({ approval, args }: Counter): { readonly words: readonly string[]; readonly meta: JsonObject } {
  const { id, state, tool, pickupUntil, expiresAt } = approval;
  const until = state === 'approved' && pickupUntil !== null ? pickupUntil : expiresAt;
  const meta = { counterApproval: { id, state, until: until.toISOString() } };
  const call = args === null ? '' : JSON.stringify(args);
  if (args !== null && state === 'approved') {
    return {
      words: [
        `this exact call of ${tool} is approved once until ${utcMinute(until)}: ${call}`,
        `If it serves your purpose, call ${tool} with exactly these arguments and nothing else changed: it runs at once, and nobody is asked again. Any other arguments would need a new approval.`,
      ],
      meta: { ...meta, counter: args },
    };
  }
  if (args !== null && state === 'pending') {
    const tally = tallyOf(approval);
    const lacking = missingText(tally) || `${tally.people} of ${approval.requirement.quorum} so far`;
    return {
      words: [
        `this call of ${tool} waits for approval (${lacking}) until ${utcMinute(until)}: ${call}`,
        `If it serves your purpose, call ${tool} with exactly these arguments: you then wait for the people who are asked already, and it runs once they have approved it.`,
      ],
      meta: { ...meta, proposed: args },
    };
  }
  const ended = state === 'dispatched' || state === 'succeeded' || state === 'failed' || state === 'unknown';
  return {
    words: [
      ended ? `another call of ${tool}, which was sent already.` : `another call of ${tool}, which is ${state} by now.`,
    ],
    meta,
  };
}
