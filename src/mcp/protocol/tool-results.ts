import type { Approval } from '../../domain/approval/approval.ts';
import { approvalsCounted } from '../../domain/approval/quorum.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { FullLimit } from '../../domain/policy/limit.ts';

/** A tool result that a model reads: the first line says what happened, the rest what to do. */
export interface ToolResult {
  readonly isError: true;
  readonly content: readonly [{ readonly type: 'text'; readonly text: string }];
  readonly _meta?: JsonObject;
}

/** As JSON. The results of 2026-07-28 say what type they are of. */
export function resultText(result: ToolResult, modern: boolean): string {
  return JSON.stringify(modern ? { resultType: 'complete', ...result } : result);
}

/** What `_meta["holdfast/approval"]` says to programs. */
export function approvalMeta(approval: Approval, extra: JsonObject = {}): JsonObject {
  return { id: approval.id, state: approval.state, expiresAt: approval.expiresAt.toISOString(), ...extra };
}

function say(lines: readonly string[], meta?: JsonObject): ToolResult {
  const text = lines.filter((line) => line !== '').join('\n');
  const content = [{ type: 'text', text }] as const;
  return meta ? { isError: true, content, _meta: { 'holdfast/approval': meta } } : { isError: true, content };
}

const NOTHING_RAN = 'Nothing was sent to the server.';

export function denied(reason: string): ToolResult {
  return say([`Policy violation: ${reason}`, `${NOTHING_RAN} Do not repeat this call; it will be denied again.`]);
}

export function limited(full: FullLimit): ToolResult {
  const { counter, max, scope } = full.take;
  return say([
    `Rate limited: ${counter} allows ${max} per ${windowName(full)} and ${scope}, and they are used up.`,
    `${NOTHING_RAN} Try again in ${full.retryAfter} seconds.`,
  ]);
}

function windowName({ take }: FullLimit): string {
  return 'calendar' in take.window ? take.window.calendar : `${take.window.seconds} seconds`;
}

export function inexact(path: string): ToolResult {
  return say([
    `Policy violation: the value at ${path} cannot be kept exactly, so what an approver sees might not be what runs.`,
    `${NOTHING_RAN} Send it as a string and call again.`,
  ]);
}

export function crowded(pending: number): ToolResult {
  return say([
    `Waiting for approval: ${pending} calls of this agent already wait for a person, and no more may.`,
    `${NOTHING_RAN} This call is not waiting. Repeat it after some of the others were decided.`,
  ]);
}

const PARTS: Record<string, string> = {
  store: 'the database does not answer',
  audit: 'the audit log cannot be written',
  queue: 'the queue does not answer',
  slack: 'Slack does not answer',
};

export function unavailable(part: string): ToolResult {
  return say([
    `Cannot decide: ${PARTS[part] ?? `${part} does not answer`}.`,
    `${NOTHING_RAN} Repeat the same call in a minute; the operator can see the cause at /readyz.`,
  ]);
}

const RUNS = {
  response: 'and is running',
  task: 'and the server runs it as a task of its own',
  input: 'and sent; the server has asked for something first',
} as const;

/** The model must repeat the very same call: another wording would be another approval. */
export function pending(approval: Approval, now: Date, unheard: string | null): ToolResult {
  const { quorum } = approval.requirement;
  const running = approval.state === 'dispatched';
  const what = running
    ? `${nameOf(approval)} was approved ${RUNS[approval.awaits ?? 'response']}; its end is not there yet.`
    : `${nameOf(approval)} is held until ${quorum === 1 ? 'a person approves' : `${quorum} people approve`} it (${approvalsCounted(approval.decisions)} of ${quorum} so far).`;
  return say(
    [
      `Waiting for approval: ${what}`,
      running ? '' : 'It was not refused, and nothing has run yet.',
      unheard ?? '',
      'To go on waiting and to collect the outcome, call the same tool again with exactly the same arguments. ' +
        'It will run at most once. Do not change the arguments and do not try another way: that would need a new approval.',
      `Approval ${approval.id}; it expires at ${clock(approval.expiresAt)}${inWords(approval.expiresAt, now)}.`,
    ],
    approvalMeta(approval),
  );
}

/** Approved, but the limit has no room: the pass is kept. */
export function full(approval: Approval, { take, retryAfter }: FullLimit): ToolResult {
  return say(
    [
      `Rate limited: ${nameOf(approval)} is approved, but ${take.counter} has no room for it now.`,
      `${NOTHING_RAN} The approval is kept: call again with exactly the same arguments in ${retryAfter} seconds.`,
      `Approval ${approval.id}.`,
    ],
    approvalMeta(approval, { retryAfter }),
  );
}

/** `refused`: Slack does not take our token, so that waiting alone helps nothing. */
export function unsure(approval: Approval, refused: boolean): ToolResult {
  const why = refused ? "refuses the gateway's token" : 'does not answer';
  return say(
    [
      `Waiting for approval: ${nameOf(approval)} is approved, but Slack ${why}, so the approver's standing cannot be checked.`,
      refused ? 'The operator has to replace the token first; the cause is at /readyz.' : '',
      `${NOTHING_RAN} The approval is kept: call again with exactly the same arguments in a minute.`,
      `Approval ${approval.id}.`,
    ],
    approvalMeta(approval),
  );
}

/** The upstream could not be reached: the pass is given back. */
export function notSent(approval: Approval, why: string): ToolResult {
  return say(
    [
      `Not sent: ${nameOf(approval)} is approved, but the server could not be reached (${why}).`,
      `${NOTHING_RAN} The approval is kept: call again with exactly the same arguments.`,
      `Approval ${approval.id}.`,
    ],
    approvalMeta(approval),
  );
}

/** The server has asked, and the agent's answer did not reach it: the question stands. */
export function answerNotSent(approval: Approval, why: string): ToolResult {
  return say(
    [
      `Not sent: ${nameOf(approval)} waits for what the server asked, but the server could not be reached (${why}).`,
      'Your answer was not sent. Send the same answer again in a minute.',
      `Approval ${approval.id}.`,
    ],
    approvalMeta(approval),
  );
}

/** The server's own task of the call was cancelled, there or by the agent. */
export function theirsCancelled(): ToolResult {
  return say([
    'Cancelled: the server stopped the task in which the call ran.',
    'It may have run in part. Check the system before repeating it.',
  ]);
}

/** An approval that is over without an answer to hand on. */
export function over(approval: Approval): ToolResult {
  return say([...ending(approval), `Approval ${approval.id}.`], approvalMeta(approval));
}

function ending(approval: Approval): readonly string[] {
  const name = nameOf(approval);
  switch (approval.state) {
    case 'denied': {
      const refusal = approval.decisions.find((decision) => decision.choice === 'deny');
      const reason = refusal?.reason ? `: ${refusal.reason}` : '; no reason was given.';
      return [
        `Denied by ${refusal?.approver ?? 'an approver'}${reason}`,
        `${name} did not run. Do not repeat it; ask the person you work for, or find a way that needs no such call.`,
      ];
    }
    case 'expired':
      return [
        `Approval expired: nobody decided on ${name} in time.`,
        `${NOTHING_RAN} If it is still needed, call again: that asks anew.`,
      ];
    case 'withdrawn':
      return [`Withdrawn: ${approval.note ?? 'the call was cancelled'}.`, `${name} did not run.`];
    case 'lapsed':
      return [
        `Approval lapsed: ${approval.note ?? 'it was not used in time'}.`,
        `${name} did not run. If it is still needed, call again: that asks anew.`,
      ];
    case 'unknown':
      return [
        `Outcome unknown: ${name} was sent, but ${approval.note ?? 'its answer was lost'}.`,
        'It may have run. Check the system before repeating: a repeated call needs a new approval.',
      ];
    case 'succeeded':
    case 'failed':
      return [
        `Already answered: ${name} ${approval.state}, and its result is no longer kept.`,
        'It ran once. Calling again asks for a new approval.',
      ];
    default:
      return [`Waiting for approval: ${name} is ${approval.state}.`];
  }
}

const RUNNING = {
  response: 'approved; the call is running',
  task: 'approved; the server runs it as a task of its own',
  input: 'approved; the server has asked for something before it goes on',
} as const;

/** What a person reads while a held call's progress is shown. `late`: Slack has not taken the card for a minute. */
export function progressMessage(approval: Approval, late = false): string {
  const { quorum, groups } = approval.requirement;
  if (approval.state === 'dispatched') return RUNNING[approval.awaits ?? 'response'];
  const whom = groups.length > 0 ? groups.join(', ') : 'an approver';
  const unseen = late ? ' (Slack has not taken the question yet)' : '';
  return `waiting for ${whom}${unseen}, ${approvalsCounted(approval.decisions)} of ${quorum}, expires ${clock(approval.expiresAt)}`;
}

function nameOf(approval: Approval): string {
  return `${approval.server}.${approval.tool}`;
}

function clock(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function inWords(at: Date, now: Date): string {
  const minutes = Math.round((at.getTime() - now.getTime()) / 60_000);
  return minutes >= 1 ? `, in ${minutes} minute${minutes === 1 ? '' : 's'}` : '';
}
