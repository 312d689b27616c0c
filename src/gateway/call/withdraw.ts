import type { Approval } from '../../domain/approval/approval.ts';
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

/**
 * Removes a caller from the approval that it waits for; when the last one leaves, the approval ends. A call that is
 * already under way is left alone: its cancellation is for the upstream. Returns true when the cancelled call was
 * parked here and has not been sent.
 *
 * | race | outcome |
 * |---|---|
 * | the last caller leaves, another joins | the join bumped the revision: the withdrawal reads again and finds a caller |
 * | withdrawal and click | one compare-and-swap wins; the other is told the state |
 * | withdrawal and dispatch | a caller that has left spends nothing; one that has spent the pass is under way |
 * | the process dies between leaving and withdrawing | the sweep withdraws |
 */
export async function withdraw(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'store'>,
  cancellation: Cancellation,
): Promise<boolean> {
  const { server, session, requestId, reason } = cancellation;
  const leftEvent: LeftEvent = (approval, hides) => ({
    type: 'approval.caller_left',
    at: gateway.clock.now(),
    actor: actorOf(cancellation),
    approval,
    server,
    tool: null,
    grant: cancellation.grant,
    data: { reason: keptReason(reason, hides) },
  });
  const approvals =
    requestId === null
      ? await gateway.store.leaveSession({ server, session }, leftEvent)
      : [await gateway.store.leave({ server, session, requestId }, leftEvent)].filter((approval) => approval !== null);
  let parked = false;
  for (const approval of approvals) {
    const kept = keptReason(reason, hiddenCount(approval.hidden) > 0);
    const ended = await withdrawAbandoned(gateway, approval, { ...cancellation, reason: kept });
    parked ||= ended.state !== 'dispatched';
  }
  return parked;
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
  const note = why.requestId === null ? 'the agent ended its session' : 'the agent cancelled the call';
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
