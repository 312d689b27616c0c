import type { Approval } from '../../domain/approval/approval.ts';
import { approvalsCounted } from '../../domain/approval/quorum.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import type { Gateway } from '../gateway.ts';

/** A caller that came back: by which place, and as which request. */
export interface Return {
  readonly joiner: string;
  /** null: the caller is of no session (2026-07-28). */
  readonly session: string | null;
  /** The JSON-RPC id, as JSON text. */
  readonly requestId: string;
  /** The round that it was told to name; null: its stream is taken up by its event id. */
  readonly round: number | null;
}

/** Takes its place again, here. Null: it was served, has left, or named another round. */
export function takeSeatAgain(
  { tasks, replica }: Pick<Gateway, 'replica' | 'tasks'>,
  back: Return,
): Promise<Approval | null> {
  return tasks.reseat({ ...back, replica });
}

/** The caller is away; its place is kept for it. Noted before it hears that it may come back. Never rejects. */
export function leaveSeatEmpty(
  { retries, store, replica }: Pick<Gateway, 'replica' | 'retries' | 'store'>,
  joiner: string,
): Promise<void> {
  return retries.run(() => store.away(joiner, replica));
}

/** The same, noted a moment later: the store has just failed. */
export function leaveSeatEmptySoon(
  { retries, store, replica }: Pick<Gateway, 'replica' | 'retries' | 'store'>,
  joiner: string,
): void {
  retries.add(() => store.away(joiner, replica));
}

/** What a caller that is sent away has to name when it comes back, and until when that is good. */
export async function inviteBack(
  { tasks, clock, rules }: Pick<Gateway, 'clock' | 'rules' | 'tasks'>,
  joiner: string,
  approval: Approval,
): Promise<{ readonly round: number /** Milliseconds since 1970. */; readonly until: number }> {
  const round = await tasks.nextRound(joiner);
  const until = Math.max(approval.expiresAt.getTime(), clock.now().getTime()) + rules.approval.pickupMs;
  return { round, until };
}

/**
 * The caller has its answer. `replayUntil`: until when it can have it again, for the reader behind the socket may never
 * have read it; absent: it cannot. Never rejects.
 */
export async function collected(
  { store, clock, at, retries }: Pick<Gateway, 'at' | 'clock' | 'retries' | 'store'>,
  joiner: string,
  approval: Approval,
  replayUntil?: Date,
): Promise<void> {
  at?.('collect.before');
  const actor = `grant:${approval.grant}`;
  const data = { joiner, state: approval.state, votes: approvalsCounted(approval.decisions) };
  const event = approvalEvent(approval, { type: 'approval.collected', at: clock.now(), actor, data });
  await retries.run(() => store.collected(joiner, event, replayUntil));
  at?.('collect.after');
}

/** The approval whose answer this place has taken since then; null: it has taken none. */
export function collectedSince(
  { tasks }: Pick<Gateway, 'tasks'>,
  joiner: string,
  since: Date,
): Promise<Approval | null> {
  return tasks.collectedBy(joiner, since);
}

/** The call of this approval as it was parked; null: it is kept no more. */
export async function parkedRequest(
  { store, vault }: Pick<Gateway, 'store' | 'vault'>,
  approval: string,
): Promise<Uint8Array | null> {
  const sealed = await store.request(approval);
  return sealed === null ? null : vault.open('request', approval, sealed);
}
