import type { Approval } from '../../domain/approval/approval.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import { changeApproval } from '../commit-until.ts';
import type { Gateway } from '../gateway.ts';

/** Longest reason that is kept, in UTF-16 units. */
const LONGEST_REASON = 500;

/** Whose call is no longer wanted. `session` is the digest that the joiner was seated with. */
export interface Cancellation {
  /** null: the door that ended a session does not say whose it was. */
  readonly grant: string | null;
  readonly server: string;
  readonly session: string;
  /** The JSON-RPC id as JSON text; null: everything of the session (it was ended by DELETE). */
  readonly requestId: string | null;
  readonly reason: string | null;
}

/**
 * Takes a caller out of what it waits for; with the last one the approval goes. A call that is already under way is
 * left alone: the cancellation is the upstream's to hear. Returns whether anything parked was meant, and nothing ran.
 *
 * | race | outcome |
 * |---|---|
 * | last caller leaves, somebody joins | the join bumped the revision: the withdrawal reads again and sees a caller |
 * | withdrawal and click | one compare-and-swap wins, the other is told the state |
 * | withdrawal and dispatch | a caller that has left spends nothing; one that has spent is under way |
 * | death between leaving and withdrawing | the sweep withdraws |
 */
export async function withdraw(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'store'>,
  cancellation: Cancellation,
): Promise<boolean> {
  const left = (approval: string): NewEvent => ({
    type: 'approval.caller_left',
    at: gateway.clock.now(),
    actor: actorOf(cancellation),
    approval,
    server: cancellation.server,
    tool: null,
    grant: cancellation.grant,
    data: { reason: told(cancellation.reason) },
  });
  const { server, session, requestId } = cancellation;
  const approvals =
    requestId === null
      ? await gateway.store.leaveSession({ server, session }, left)
      : [await gateway.store.leave({ server, session, requestId }, left)].filter((one) => one !== null);
  let parked = false;
  for (const approval of approvals) {
    const ended = await withdrawAbandoned(gateway, approval, cancellation);
    parked ||= ended.state !== 'dispatched';
  }
  return parked;
}

/** Ends an approval that nobody waits for any more. Returns it as it is then. */
export async function withdrawAbandoned(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'store'>,
  found: Approval,
  why: Pick<Cancellation, 'grant' | 'requestId' | 'reason'>,
): Promise<Approval> {
  const end = await changeApproval(gateway.store, found, (approval) => withdrawal(approval, why, gateway.clock.now()));
  // It cannot be gone: an approval is never deleted while a caller may hold it.
  const approval = end.kind === 'committed' ? end.approval : end.kind === 'unchanged' ? end.known : found;
  // A withdrawal is told; so is a caller that left while others still wait, because the card counts them.
  if (end.kind === 'committed' || approval.callers > 0) gateway.announcer.tell(approval);
  return approval;
}

/** Nobody waits for it: what is pending is withdrawn, an unspent pass lapses. Null: somebody waits, or it runs. */
function withdrawal(approval: Approval, why: Pick<Cancellation, 'grant' | 'requestId' | 'reason'>, at: Date) {
  const { id, revision, state, callers, fingerprint } = approval;
  if (callers > 0 || (state !== 'pending' && state !== 'approved')) return null;
  const note = why.requestId === null ? 'the agent ended its session' : 'the agent cancelled the call';
  const type = state === 'pending' ? 'approval.withdrawn' : 'approval.lapsed';
  const data = { note, reason: told(why.reason), fingerprint };
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

/** An agent's words: kept short, and whole characters. */
function told(reason: string | null): string | null {
  return reason === null ? null : reason.slice(0, LONGEST_REASON).toWellFormed();
}
