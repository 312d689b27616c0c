import { type Approval, LIVE } from '../../domain/approval.ts';
import type { Full } from '../../domain/limit.ts';
import type { Recall, Seat } from '../call/ask.ts';
import { deadlineOf, due, isLate } from '../decision/due.ts';
import type { Gateway } from '../gateway.ts';
import type { InlineWait } from '../state/inline-dispatch.ts';
import type { Dispatch } from './finish.ts';
import { spend, spendAtOnce } from './spend.ts';

/** What a waiting caller is to do or to hear next. */
export type Turn =
  /** This caller won the pass: send the call now, and say how it ended. */
  | { readonly kind: 'dispatch'; readonly dispatch: Dispatch }
  /** Another caller's dispatch ended; this is its kept answer, a JSON-RPC response. */
  | { readonly kind: 'result'; readonly approval: Approval; readonly response: Uint8Array }
  /** The server asks before it goes on: its question, a JSON-RPC response. Whoever answers first lets the call go on. */
  | { readonly kind: 'question'; readonly approval: Approval; readonly response: Uint8Array }
  /** It is over without an answer to hand on: denied, expired, withdrawn, lapsed, unknown, or its result was let go. */
  | { readonly kind: 'over'; readonly approval: Approval }
  /** Approved, but a limit has no room; the pass stays. */
  | { readonly kind: 'full'; readonly approval: Approval; readonly full: Full }
  /** Approved, but whether the approvers still may cannot be known now; the pass stays. */
  | { readonly kind: 'unsure'; readonly approval: Approval; readonly why: string }
  /** Still undecided, or under way, when this caller could wait no longer. */
  | { readonly kind: 'pending'; readonly approval: Approval }
  /** Nobody listens any more. */
  | { readonly kind: 'gone'; readonly approval: Approval };

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

async function keptResult(gateway: Pick<Gateway, 'store' | 'vault'>, { id }: Approval): Promise<Uint8Array | null> {
  const sealed = await gateway.store.result(id);
  return sealed === null ? null : gateway.vault.open('result', id, sealed);
}
