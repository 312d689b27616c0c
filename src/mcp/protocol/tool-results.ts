import type { StandingDenial } from '../../domain/allowance/allowance.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import { yesTakenBack } from '../../domain/approval/take-back.ts';
import { missingText, tallyOf } from '../../domain/approval/tally.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { inexactWords, type JudgedInexact } from '../../domain/policy/inexact.ts';
import type { FullLimit } from '../../domain/policy/limit.ts';

/** A tool result for the model to read: the first line says what happened, the other lines what to do next. */
export interface ToolResult {
  readonly isError: true;
  readonly content: readonly [{ readonly type: 'text'; readonly text: string }];
  readonly _meta?: JsonObject;
}

/** The result as JSON text. `modern`: results of 2026-07-28 also state their type. */
export function resultText(result: ToolResult, modern: boolean): string {
  return JSON.stringify(modern ? { resultType: 'complete', ...result } : result);
}

/**
 * The value of `_meta["holdfast/approval"]`, for programs to read. `extra` adds members, such as `retryAfter`
 * (seconds).
 */
export function approvalMeta(approval: Approval, extra: JsonObject = {}): JsonObject {
  const { id, state, answersTo, expiresAt } = approval;
  return { id, state, expiresAt: expiresAt.toISOString(), ...(answersTo === null ? {} : { answersTo }), ...extra };
}

/**
 * A refusal in lines; empty ones are left out. `meta`: of its approval; absent: it has none. `retryAfter`: after how many
 * seconds the same call may do better, where waiting alone helps; null: it does not, or nobody can say.
 */
export function toolResult(lines: readonly string[], meta?: JsonObject, retryAfter: number | null = null): ToolResult {
  const text = lines.filter((line) => line !== '').join('\n');
  const content = [{ type: 'text', text }] as const;
  const wait = retryAfter === null ? {} : { retryAfter };
  if (meta) return { isError: true, content, _meta: { 'holdfast/approval': { ...meta, ...wait } } };
  return { isError: true, content, ...(retryAfter === null ? {} : { _meta: { 'holdfast/retryAfter': retryAfter } }) };
}

/** Seconds after which something that does not answer may answer again: what the words call a minute. */
export const A_MINUTE = 60;

export const NOTHING_RAN = 'Nothing was sent to the server.';

/** Policy denies the call. `reason` comes from the rule. */
export function deniedResult(reason: string): ToolResult {
  return toolResult([
    `Policy violation: ${reason}`,
    `${NOTHING_RAN} Do not repeat this call; it will be denied again.`,
  ]);
}

/** A person has denied this call, and the like, for a while. */
export function standingDenialResult({ by, reason, server, tool, until, approval }: StandingDenial): ToolResult {
  const why = reason === null ? '; no reason was given.' : `: ${reason}`;
  return toolResult([
    `Denied by ${by}${why}`,
    `${NOTHING_RAN} Calls like this one of ${server}.${tool} are denied until ${utcMinute(until)}; nobody is asked. Do not repeat it; ask the person you work for, or find a way that needs no such call.`,
    `Approval ${approval}, in which that was said.`,
  ]);
}

/** A gated call of an account that belongs to no person: nobody could be kept from approving their own. */
export function unjoinedResult(why: string): ToolResult {
  return toolResult([
    `Nobody's call: this call needs a person's approval, and it is not known whose it is. ${why}.`,
    `${NOTHING_RAN} Nobody was asked. Do not repeat this call before that has changed; calls that need no approval go through.`,
  ]);
}

/** A limit is used up, before anybody is asked. `full.retryAfter` is in seconds. */
export function rateLimitedResult(full: FullLimit): ToolResult {
  const { counter, max, scope } = full.take;
  return toolResult(
    [
      `Rate limited: ${counter} allows ${max} per ${windowName(full)} and ${scope}, and they are used up.`,
      `${NOTHING_RAN} Try again in ${full.retryAfter} seconds.`,
    ],
    undefined,
    full.retryAfter,
  );
}

function windowName({ take }: FullLimit): string {
  return 'calendar' in take.window ? take.window.calendar : `${take.window.seconds} seconds`;
}

/** A gated call carries something that no approver would see; `why` names it and says what to do. */
export function unshownResult(why: string): ToolResult {
  return toolResult([`Policy violation: ${why}.`, `${NOTHING_RAN} Nobody was asked.`]);
}

/** A call has a value that readers could take for different values, where somebody would have to judge it. */
export function inexactValueResult(judged: JudgedInexact): ToolResult {
  const { why, mend } = inexactWords(judged);
  return toolResult([`Policy violation: ${why}.`, `${NOTHING_RAN} ${mend}`]);
}

/** The call is longer than is held for an approval on this runtime. */
export function tooLongResult({
  most,
  length,
  setting,
}: {
  readonly most: number;
  readonly length: number;
  readonly setting: string | null;
}): ToolResult {
  const bound = setting === null ? '' : ` (${setting})`;
  return toolResult([
    `Policy violation: this call needs an approval, and its request of ${length} bytes is longer than the ${most} bytes that are held for one here${bound}.`,
    `${NOTHING_RAN} Send less at once, or several calls.`,
  ]);
}

/** The grant has as many pending approvals as it may have; this call was not parked. */
export function pendingLimitResult(pending: number): ToolResult {
  return toolResult([
    `Waiting for approval: ${pending} calls of this agent already wait for a person, and no more may (approval.max_pending).`,
    `${NOTHING_RAN} This call is not waiting. Repeat it after some of the others were decided.`,
  ]);
}

const PARTS: Record<string, string> = {
  store: 'the database does not answer',
  audit: 'the audit log cannot be written',
  queue: 'the queue does not answer',
  slack: 'Slack does not answer',
  witness: 'nothing outside the database can record that it is sent',
};

/** An alarm stands at the gateway, and nothing gated runs. `approval`: the one that was to be spent; null: none. */
export function alarmResult(approval: Approval | null): ToolResult {
  return toolResult(
    [
      'Cannot decide: the gateway has found that its records were changed outside it, or went back in time.',
      `${NOTHING_RAN} Nothing that needs an approval runs until an operator has looked at it; the cause is at /readyz. Repeat the same call after that, with exactly the same arguments.`,
      approval === null ? '' : `Approval ${approval.id}; it stays approved until it expires.`,
    ],
    approval === null ? undefined : approvalMeta(approval),
  );
}

/** The call is approved and cannot be sent now; the pass stays. */
export function unsentResult(part: 'alarm' | 'witness', approval: Approval): ToolResult {
  if (part === 'alarm') return alarmResult(approval);
  return toolResult(
    [
      `Cannot send: ${PARTS.witness}.`,
      `${NOTHING_RAN} Approval ${approval.id} stays approved until it expires. Repeat the same call in a minute, with exactly the same arguments; the operator can see the cause at /readyz.`,
    ],
    approvalMeta(approval),
    A_MINUTE,
  );
}

/** A part of the gateway does not answer, so nothing is forwarded (P6). */
export function unavailableResult(part: string): ToolResult {
  if (part === 'alarm') return alarmResult(null);
  return toolResult(
    [
      `Cannot decide: ${PARTS[part] ?? `${part} does not answer`}.`,
      `${NOTHING_RAN} Repeat the same call in a minute; the operator can see the cause at /readyz.`,
    ],
    undefined,
    A_MINUTE,
  );
}

/** The rest of the sentence "… was approved …", by what the dispatched call waits for. */
const APPROVED_AND = {
  response: 'and is running',
  task: 'and the server runs it as a task of its own',
  input: 'and sent; the server has asked for something first',
} as const;

/**
 * The call is still undecided, or still running, and this caller can wait no longer. The model has to repeat exactly
 * the same call: different arguments would need another approval. `notice`: what could not be sent to the approvers
 * yet; null when everything was.
 */
export function pendingResult(approval: Approval, now: Date, notice: string | null): ToolResult {
  const { quorum } = approval.requirement;
  const running = approval.state === 'dispatched';
  if (approval.answersTo !== null && !running) return pendingAnswerResult(approval, now, notice);
  const what = running
    ? `${nameOf(approval)} was approved ${APPROVED_AND[approval.awaits ?? 'response']}; it has not finished yet.`
    : `${nameOf(approval)} is held until ${quorum === 1 ? 'a person approves' : `${quorum} people approve`} it (${soFar(approval)} so far${lackingText(approval)}).`;
  return toolResult(
    [
      `Waiting for approval: ${what}`,
      running ? '' : 'It was not refused, and nothing has run yet.',
      notice ?? '',
      'To go on waiting and to collect the outcome, call the same tool again with exactly the same arguments. ' +
        'It will run at most once. Do not change the arguments and do not try another way: that would need a new approval.',
      `Approval ${approval.id}; it expires at ${utcMinute(approval.expiresAt)}${minutesFromNow(approval.expiresAt, now)}.`,
    ],
    approvalMeta(approval),
  );
}

/** The agent's answer to what the server asked is still undecided. */
function pendingAnswerResult(approval: Approval, now: Date, notice: string | null): ToolResult {
  const { quorum } = approval.requirement;
  return toolResult(
    [
      `Waiting for approval: ${nameOf(approval)} is held until ${quorum === 1 ? 'a person approves' : `${quorum} people approve`} it (${soFar(approval)} so far${lackingText(approval)}).`,
      'It was not refused, and the server has not been sent it yet.',
      notice ?? '',
      'To go on waiting, call the same tool again with exactly the same arguments and give the same answer.',
      `Approval ${approval.id}, for what was asked during ${approval.answersTo}; it expires at ${utcMinute(approval.expiresAt)}${minutesFromNow(approval.expiresAt, now)}.`,
    ],
    approvalMeta(approval),
  );
}

/** The call is approved, but the limit has no room for it now; the pass is kept. `retryAfter` is in seconds. */
export function limitFullResult(approval: Approval, { take, retryAfter }: FullLimit): ToolResult {
  return toolResult(
    [
      `Rate limited: ${nameOf(approval)} is approved, but ${take.counter} has no room for it now.`,
      `${NOTHING_RAN} The approval is kept: call again with exactly the same arguments in ${retryAfter} seconds.`,
      `Approval ${approval.id}.`,
    ],
    approvalMeta(approval),
    retryAfter,
  );
}

/**
 * The call is approved, but nobody can check now whether its approvers still may approve; the pass is kept.
 * `slack`: `refused`, it rejects the gateway's token; `off`, the gateway has none any more; then waiting alone does not
 * help.
 */
export function approverUncheckedResult(approval: Approval, slack: 'refused' | 'off' | 'silent'): ToolResult {
  const why = SLACK_WORDS[slack];
  return toolResult(
    [
      `Waiting for approval: ${nameOf(approval)} is approved, but Slack ${why}, so the approver's standing cannot be checked.`,
      slack === 'silent'
        ? ''
        : `The operator has to ${slack === 'off' ? 'give it one' : 'replace the token'} first; the cause is at /readyz.`,
      `${NOTHING_RAN} The approval is kept: call again with exactly the same arguments ${slack === 'silent' ? 'in a minute' : 'after that'}.`,
      `Approval ${approval.id}.`,
    ],
    approvalMeta(approval),
    slack === 'silent' ? A_MINUTE : null,
  );
}

const SLACK_WORDS = {
  refused: "refuses the gateway's token",
  off: 'is switched off (the gateway has no token for it any more)',
  silent: 'does not answer',
} as const;

/** The call is approved, but its server could not be reached; the pass is given back. */
export function notSentResult(approval: Approval, why: string): ToolResult {
  return toolResult(
    [
      `Not sent: ${nameOf(approval)} is approved, but the server could not be reached (${why}).`,
      `${NOTHING_RAN} The approval is kept: call again with exactly the same arguments in a minute.`,
      `Approval ${approval.id}.`,
    ],
    approvalMeta(approval),
    A_MINUTE,
  );
}

/** The agent answered what the server asked, but the answer could not be sent; the question stays open. */
export function answerNotSentResult(approval: Approval, why: string): ToolResult {
  return toolResult(
    [
      `Not sent: ${nameOf(approval)} waits for what the server asked, but the server could not be reached (${why}).`,
      'Your answer was not sent. Send the same answer again in a minute.',
      `Approval ${approval.id}.`,
    ],
    approvalMeta(approval),
    A_MINUTE,
  );
}

/** The call ran in a task of the server's own, and that task was cancelled, by the server or by the agent. */
export function upstreamTaskCancelledResult(): ToolResult {
  return toolResult([
    'Cancelled: the server stopped the task in which the call ran.',
    'It may have run in part. Check the system before repeating it.',
  ]);
}

/** The approval has ended, and there is no answer of the server to deliver. */
export function approvalEndedResult(approval: Approval): ToolResult {
  return toolResult([...endedLines(approval), `Approval ${approval.id}.`], approvalMeta(approval));
}

function endedLines(approval: Approval): readonly string[] {
  const name = nameOf(approval);
  switch (approval.state) {
    case 'denied': {
      const denial = approval.decisions.find((decision) => decision.choice === 'deny');
      const reason = denial?.reason ? `: ${denial.reason}` : '; no reason was given.';
      if (approval.answersTo !== null) {
        return [
          `Denied by ${denial?.approver ?? 'an approver'}${reason}`,
          `${name} was not sent. The server still waits: answer it otherwise, or ask the person you work for.`,
        ];
      }
      return [
        `Denied by ${denial?.approver ?? 'an approver'}${reason}`,
        `${name} did not run. Do not repeat it; ask the person you work for, or find a way that needs no such call.`,
      ];
    }
    case 'expired':
      return [
        `Approval expired: nobody decided on ${name} in time.`,
        `${NOTHING_RAN} If it is still needed, call again: that asks anew.`,
      ];
    case 'withdrawn':
      return [
        `Withdrawn: ${approval.note ?? 'the call was cancelled'}.`,
        `${name} did not run. If it is still needed, call again: that asks anew.`,
      ];
    case 'lapsed':
      return [
        `Approval lapsed: ${approval.note ?? 'it was not used in time'}.`,
        yesTakenBack(approval) === null
          ? `${name} did not run. If it is still needed, call again: that asks anew.`
          : `${name} did not run. Do not repeat it; ask the person you work for, or find a way that needs no such call.`,
      ];
    case 'unknown':
      return [
        `Outcome unknown: ${name} was sent, but ${approval.note ?? 'its answer was lost'}.`,
        'It may have run. Check the system before repeating: a repeated call needs a new approval.',
      ];
    case 'succeeded':
    case 'failed':
      if (approval.note !== null) {
        return [
          `Result not kept: ${name} ran once and ${approval.state} (${approval.note}).`,
          'Calling again runs it once more and asks for a new approval. Ask for less at a time, or wait for the result on one connection.',
        ];
      }
      return [
        `Already answered: ${name} ${approval.state}, and its result is no longer kept.`,
        'It ran once. Calling again asks for a new approval.',
      ];
    default:
      return [`Waiting for approval: ${name} is ${approval.state}.`];
  }
}

const RUNNING_PROGRESS = {
  response: 'approved; the call is running',
  task: 'approved; the server runs it as a task of its own',
  input: 'approved; the server has asked for something before it goes on',
} as const;

/**
 * The progress message of a held call, for a person to read. `late`: Slack has not accepted the card for a minute.
 * `frozen`: nothing runs until somebody thaws.
 */
export function progressMessage(approval: Approval, late = false, frozen = false): string {
  const { groups } = approval.requirement;
  if (approval.state === 'dispatched') return RUNNING_PROGRESS[approval.awaits ?? 'response'];
  const approvers = groups.length > 0 ? groups.join(', ') : 'an approver';
  const lateNote = late ? ' (Slack has not taken the question yet)' : frozen ? ' (frozen: nothing runs meanwhile)' : '';
  return `waiting for ${approvers}${lateNote}, ${soFar(approval)}${lackingText(approval)}, expires ${utcMinute(approval.expiresAt)}`;
}

function soFar(approval: Approval): string {
  return `${tallyOf(approval).people} of ${approval.requirement.quorum}`;
}

/** Whose approval is missing, where groups have places. */
function lackingText(approval: Approval): string {
  const lacking = missingText(tallyOf(approval));
  return lacking === '' ? '' : `; ${lacking}`;
}

function nameOf(approval: Approval): string {
  const call = `${approval.server}.${approval.tool}`;
  return approval.answersTo === null ? call : `your answer to what ${call} asked`;
}

/** An instant, to the minute. */
export function utcMinute(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function minutesFromNow(at: Date, now: Date): string {
  const minutes = Math.round((at.getTime() - now.getTime()) / 60_000);
  return minutes >= 1 ? `, in ${minutes} minute${minutes === 1 ? '' : 's'}` : '';
}
