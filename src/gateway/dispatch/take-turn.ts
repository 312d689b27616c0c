import { type Approval, LIVE } from '../../domain/approval/approval.ts';
import { deadlineOf, due, isLate } from '../decision/due.ts';
import type { Gateway } from '../gateway.ts';
import type { InlineWait } from '../state/inline-dispatch.ts';
import type { Recall, Seat } from '../state/seat.ts';
import { keptResult } from './kept-result.ts';
import { spend, spendAtOnce } from './spend.ts';
import type { Turn } from './turn.ts';

/** Waits at most until `until` for this caller's turn. `asks`: this caller can answer what a server asks. */
export async function takeTurn(
  gateway: Pick<
    Gateway,
    | 'announcer'
    | 'at'
    | 'cards'
    | 'clock'
    | 'fullLimits'
    | 'inline'
    | 'leases'
    | 'replica'
    | 'rules'
    | 'store'
    | 'vault'
    | 'waitingRoom'
  >,
  seat: Seat,
  recall: Recall,
  until: Date,
  signal?: AbortSignal,
  asks = false,
): Promise<Turn> {
  let approval = seat.approval;
  for (;;) {
    if (signal?.aborted) return { kind: 'gone', approval };
    if (isLate(approval, gateway.clock.now())) {
      approval = (await due(gateway, approval.id)) ?? approval;
    }
    if (approval.state === 'approved') {
      const spent = await spend(gateway, approval, seat.joiner, recall());
      if (spent.kind !== 'conflict') return spent;
      approval = (await gateway.store.find(approval.id)) ?? approval;
      continue;
    }
    if (!(LIVE as readonly string[]).includes(approval.state)) return ended(gateway, approval);
    const question = asks && approval.awaits === 'input' ? await keptResult(gateway, approval) : null;
    if (question !== null) return { kind: 'question', approval, response: question };
    const deadline = earlier(until, deadlineOf(approval));
    const stand = approval.state === 'pending' ? standFor(gateway, approval, seat, recall) : null;
    const next = await gateway.waitingRoom.wait(approval.id, approval.revision, deadline, signal);
    // Whatever ended the wait: what was spent on this caller's behalf is this caller's to send.
    const dispatch = (await stand?.leave()) ?? null;
    if (dispatch !== null) return { kind: 'dispatch', dispatch };
    // A room that was closed lets nobody wait, not even for the approval's own deadline.
    if (next === 'timeout' && (deadline === until || !gateway.waitingRoom.open)) return { kind: 'pending', approval };
    if (next === 'timeout') continue;
    if (next === 'gone') return { kind: 'gone', approval };
    approval = next;
  }
}

/** Has the decision spend the pass for this caller, if it comes while it waits here. */
function standFor(
  gateway: Pick<Gateway, 'at' | 'clock' | 'inline' | 'leases' | 'replica' | 'rules'>,
  approval: Approval,
  { joiner }: Seat,
  recall: Recall,
): InlineWait | null {
  return gateway.inline.stand(approval, (approved) => spendAtOnce(gateway, approved, joiner, recall()));
}

/** A deadline of the approval itself is looked at when it comes, whether or not a job noticed it. */
function earlier(until: Date, deadline: Date | null): Date {
  return deadline !== null && deadline < until ? deadline : until;
}

async function ended(gateway: Pick<Gateway, 'store' | 'vault'>, approval: Approval): Promise<Turn> {
  if (approval.state !== 'succeeded' && approval.state !== 'failed') return { kind: 'over', approval };
  const response = await keptResult(gateway, approval);
  return response === null ? { kind: 'over', approval } : { kind: 'result', approval, response };
}
