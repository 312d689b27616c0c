import type { Approval } from '../../domain/approval/approval.ts';
import { type Freeze, freezeWords } from '../../domain/freeze/freeze.ts';
import { approvalMeta, NOTHING_RAN, type ToolResult, toolResult } from './tool-results.ts';

/** What the model can do about it: nothing. */
const ONLY_A_PERSON = 'Only a person can lift this; tell the person you work for. Do not try another way.';

/** The call came while a freeze stops it; it was not parked. */
export function frozenResult(freeze: Freeze): ToolResult {
  return toolResult([`Frozen: ${freezeWords(freeze)}.`, `${NOTHING_RAN} Nobody was asked. ${ONLY_A_PERSON}`]);
}

/** The call is approved, and frozen; the pass is kept while its time lasts. */
export function frozenPassResult(approval: Approval, freeze: Freeze): ToolResult {
  const { id, server, tool, pickupUntil } = approval;
  const until = pickupUntil === null ? '' : `, until ${pickupUntil.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return toolResult(
    [
      `Frozen: ${freezeWords(freeze)}.`,
      `${server}.${tool} is approved, but nothing new is sent meanwhile. ${NOTHING_RAN}`,
      `The approval is kept${until}: once the freeze is lifted, call again with exactly the same arguments. ${ONLY_A_PERSON}`,
      `Approval ${id}.`,
    ],
    approvalMeta(approval),
  );
}

/** The agent answered what the server asked during an approved call, and a freeze stops the answer. */
export function frozenAnswerResult(approval: Approval, freeze: Freeze): ToolResult {
  return toolResult(
    [
      `Frozen: ${freezeWords(freeze)}.`,
      `Your answer to what ${approval.server}.${approval.tool} asked was not sent, and the question stands for now.`,
      `Send the same answer again once the freeze is lifted. ${ONLY_A_PERSON}`,
      `Approval ${approval.id}.`,
    ],
    approvalMeta(approval),
  );
}

/** For messages that are no tool calls: the text of a JSON-RPC error. */
export function frozenWords(freeze: Freeze): string {
  return `Frozen: ${freezeWords(freeze)}.\n${NOTHING_RAN} ${ONLY_A_PERSON}`;
}

/** For a call that waits for people, while it is frozen. */
export function frozenNotice(freeze: Freeze): string {
  return `Meanwhile ${freezeWords(freeze)}. Even once it is approved, it will not run before a person lifts that.`;
}
