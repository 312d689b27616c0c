import type { Approval } from '../../domain/approval/approval.ts';
import { saysTimeOut } from '../../domain/call/giving-up.ts';
import { hiddenCount } from '../../domain/call/hidden-marks.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import type { LeftEvent } from '../../ports.ts';
import { beginning } from '../../text/cut.ts';
import { changeApproval } from '../commit-until.ts';
import type { Gateway } from '../gateway.ts';

/** Longest reason that is kept, in UTF-16 units. */
const LONGEST_REASON = 500;

/** Whose call is no longer wanted. `session`: the digest that the joiner was seated with. */
export interface Cancellation {
  /** null: the door that ended a session does not know whose it was. */
  readonly grant: string | null;
  readonly server: string;
  readonly session: string;
  /** The JSON-RPC id as JSON text; null: every call of the session (a DELETE ended it). */
  readonly requestId: string | null;
  readonly reason: string | null;
}

/** What the door does with a cancellation. */
export interface Withdrawn {
  /** The answer that this process may hold for the request ends without a response. */
  readonly ends: boolean;
  /** The cancellation is for the upstream too: the call runs there, and somebody called it off. */
  readonly forwards: boolean;
}

/**
 * A client cancelled its request. When the last caller leaves, the approval ends.
 *
 * | the call | called off | only its client's time was over (`domain/call/giving-up.ts`) |
 * |---|---|---|
 * | waits for a decision | leaves: withdrawn if it was the last caller | the question stands for `approval.grace`; the identical call joins it |
 * | approved, unspent | leaves: the pass lapses if it was the last caller | the pass waits for the identical call until its pickup time is over |
 * | sent | the server is told; the identical call finds the outcome | the server is not told; the identical call finds the outcome |
 * | answered, and the answer not taken | the identical call finds it | the same |
 * | not known here | is for the upstream | the same |
 * | one of several with this id in its session | none of them is touched | the same |
 *
 * | race | outcome |
 * |---|---|
 * | the last caller leaves, another joins | the join bumped the revision: the withdrawal reads again and finds a caller |
 * | withdrawal and click | one compare-and-swap wins; the other is told the state |
 * | withdrawal and dispatch | a caller that has left or given up spends nothing; one that has spent the pass is under way |
 * | giving up, and the answer is written at the same time, here or at another replica | it does not count as collected |
 * | the process dies between leaving and withdrawing | the sweep withdraws |
 */
export async function withdraw(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'log' | 'rules' | 'store'>,
  cancellation: Cancellation & { readonly requestId: string },
): Promise<Withdrawn> {
  const { server, session, requestId } = cancellation;
  const gaveUp = saysTimeOut(cancellation.reason);
  // What the agent says could not be erased from the log.
  const reason = gateway.rules.erasable === true ? null : cancellation.reason;
  const by = { server, session, requestId };
  const cancelled = await gateway.store.cancel(by, gaveUp, partingEvent(gateway, { ...cancellation, reason }));
  if (cancelled.kind === 'none') return { ends: false, forwards: true };
  if (cancelled.kind === 'unclear') {
    const { approvals } = cancelled;
    gateway.log.warn({ server, grant: cancellation.grant, approvals }, 'a cancellation fits several calls: none ended');
    return { ends: false, forwards: false };
  }
  const { approval } = cancelled;
  const kept = keptReason(reason, hiddenCount(approval.hidden) > 0);
  const now = await withdrawAbandoned(gateway, approval, { ...cancellation, reason: kept });
  return { ends: true, forwards: !gaveUp && now.state === 'dispatched' };
}

/** A session ended, and nobody can be answered in it any more. Its calls that were sent keep their outcome. */
export async function withdrawSession(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'store'>,
  { server, session }: Pick<Cancellation, 'server' | 'session'>,
): Promise<void> {
  const ended: Cancellation = { grant: null, server, session, requestId: null, reason: null };
  const left = await gateway.store.leaveSession({ server, session }, partingEvent(gateway, ended));
  // Together: they share statements and messages.
  await Promise.all(left.map((approval) => withdrawAbandoned(gateway, approval, ended)));
}

/** Withdraws questions whose callers gave up waiting longer ago than `approval.grace`, and did not come back. */
export async function withdrawForsaken(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'rules' | 'store'>,
  limit: number,
): Promise<void> {
  const at = gateway.clock.now();
  const left = await gateway.store.leaveForsaken(gateway.rules.approval.graceMs, limit, (approval) => ({
    type: 'approval.caller_left',
    at,
    actor: 'holdfast',
    approval,
    server: null,
    tool: null,
    grant: null,
    data: { reason: GAVE_UP },
  }));
  const why = { grant: null, requestId: '', reason: GAVE_UP };
  await Promise.all(left.map((approval) => withdrawAbandoned(gateway, approval, why)));
}

const GAVE_UP = 'its client gave up waiting and did not come back';

function partingEvent({ clock }: Pick<Gateway, 'clock'>, cancellation: Cancellation): LeftEvent {
  const { server, grant, reason } = cancellation;
  return (approval, hides, parting) => ({
    type: parting === 'gave_up' ? 'approval.caller_gave_up' : 'approval.caller_left',
    at: clock.now(),
    actor: actorOf(cancellation),
    approval,
    server,
    tool: null,
    grant,
    data: { reason: keptReason(reason, hides), ...(parting === 'sent' ? { sent: true } : {}) },
  });
}

/** Ends an approval if nobody waits for it any more. `why.reason`: as it may be logged. Returns it as it is then. */
export async function withdrawAbandoned(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'store'>,
  found: Approval,
  why: Pick<Cancellation, 'grant' | 'requestId' | 'reason'>,
): Promise<Approval> {
  const end = await changeApproval(gateway.store, found, (approval) => withdrawal(approval, why, gateway.clock.now()));
  // It cannot be gone: an approval is not deleted while it may have a caller.
  const approval = end.kind === 'committed' ? end.approval : end.kind === 'unchanged' ? end.known : found;
  // Announced too when one caller of several left, because the card shows how many wait.
  if (end.kind === 'committed' || approval.callers > 0) gateway.announcer.announce(approval);
  return approval;
}

/** A pending approval is withdrawn, an unspent pass lapses. Null: somebody still waits, or it is under way or over. */
function withdrawal(approval: Approval, why: Pick<Cancellation, 'grant' | 'requestId' | 'reason'>, at: Date) {
  const { id, revision, state, callers, fingerprint } = approval;
  if (callers > 0 || (state !== 'pending' && state !== 'approved')) return null;
  const note =
    why.requestId === null
      ? 'the agent ended its session'
      : why.reason === GAVE_UP
        ? 'the agent gave up waiting and did not come back'
        : 'the agent cancelled the call';
  const type = state === 'pending' ? 'approval.withdrawn' : 'approval.lapsed';
  const data = { note, reason: why.reason, fingerprint };
  const events = [approvalEvent(approval, { type, at, actor: actorOf(why), data })];
  return {
    id,
    revision,
    from: state,
    to: state === 'pending' ? 'withdrawn' : 'lapsed',
    patch: { note },
    events,
  } as const;
}

function actorOf({ grant }: Pick<Cancellation, 'grant'>): string {
  return grant === null ? 'holdfast' : `grant:${grant}`;
}

/**
 * The agent's reason, cut to what is kept, at a whole character. Where the call hides values it is hidden as a whole: it
 * may repeat one, and which, only the sealed call could tell (P8).
 */
function keptReason(reason: string | null, hides: boolean): string | null {
  if (reason === null) return null;
  return hides ? REDACTED : beginning(reason, LONGEST_REASON).toWellFormed();
}
