import { type Approval, isOver } from '../../domain/approval/approval.ts';
import { approvalsCounted } from '../../domain/approval/tally.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import type { Gateway } from '../gateway.ts';

/** A caller that came back: to which seat, and as which request. */
export interface ReturningCaller {
  readonly joiner: string;
  readonly grant: string;
  readonly server: string;
  /** null: the caller has no session (2026-07-28). */
  readonly session: string | null;
  /** The JSON-RPC id, as JSON text. */
  readonly requestId: string;
  /** The round that it was told to name; null: it resumes its stream by an event id instead. */
  readonly round: number | null;
}

/**
 * Gives the caller its seat back, at this replica. Null: it was served, has left, or named another round; or its seat is
 * at another grant's call, which only somebody beside the gateway can have written.
 */
export async function takeSeatAgain(
  { tasks, replica }: Pick<Gateway, 'replica' | 'tasks'>,
  { grant, server, ...caller }: ReturningCaller,
): Promise<Approval | null> {
  return ofCaller(await tasks.reseat({ ...caller, replica }), { grant, server });
}

function ofCaller(
  approval: Approval | null,
  { grant, server }: Pick<ReturningCaller, 'grant' | 'server'>,
): Approval | null {
  return approval?.grant === grant && approval.server === server ? approval : null;
}

/**
 * Records that the caller is away and keeps its seat; done before the caller is told that it may come back. Never
 * rejects.
 */
export function leaveSeatEmpty(
  { retries, store, replica }: Pick<Gateway, 'replica' | 'retries' | 'store'>,
  joiner: string,
): Promise<void> {
  return retries.run(() => store.away(joiner, replica));
}

/** The same, but first tried a moment later, because the store has just failed. */
export function leaveSeatEmptySoon(
  { retries, store, replica }: Pick<Gateway, 'replica' | 'retries' | 'store'>,
  joiner: string,
): void {
  retries.add(() => store.away(joiner, replica));
}

/** What a caller that is sent away must name when it comes back, and until when that is valid. */
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
 * Records that the caller has its answer. `replayUntil`: until when it can fetch the answer again, because whoever
 * reads the socket may never have read it; absent: it cannot. Never rejects.
 */
export async function recordCollected(
  { store, clock, faultPoint, retries }: Pick<Gateway, 'clock' | 'faultPoint' | 'retries' | 'store'>,
  joiner: string,
  approval: Approval,
  replayUntil?: Date,
): Promise<void> {
  faultPoint?.('collect.before');
  const actor = `grant:${approval.grant}`;
  const data = { joiner, state: approval.state, votes: approvalsCounted(approval) };
  const event = approvalEvent(approval, { type: 'approval.collected', at: clock.now(), actor, data });
  await retries.run(() => store.collected(joiner, event, replayUntil));
  faultPoint?.('collect.after');
}

/** The approval whose answer this seat has collected since then; null: it has collected none of this caller's. */
export async function collectedSince(
  { tasks }: Pick<Gateway, 'tasks'>,
  { joiner, ...caller }: Pick<ReturningCaller, 'grant' | 'joiner' | 'server'>,
  since: Date,
): Promise<Approval | null> {
  return ofCaller(await tasks.collectedBy(joiner, since), caller);
}

/**
 * The call of this approval as it was parked, in its stored form; null: the approval is over, so that nothing will be
 * sent.
 */
export async function parkedCall(
  { store, vault }: Pick<Gateway, 'store' | 'vault'>,
  { id, state }: Approval,
): Promise<Uint8Array | null> {
  const sealed = isOver(state) ? null : await store.request(id);
  return sealed === null ? null : vault.open('request', id, sealed);
}

/**
 * The same for a caller that will wait here, shared by all that wait for it; each of them has to release it. `own`: what
 * this caller has just parked; null: it opened nothing.
 */
export async function holdParkedCall(
  gateway: Pick<Gateway, 'parkedCalls' | 'store' | 'vault'>,
  approval: Approval,
  own: Uint8Array | null,
): Promise<Uint8Array | null> {
  const { parkedCalls } = gateway;
  const shared = parkedCalls.share(approval.id);
  if (shared !== null) return shared;
  const parked = own ?? (await parkedCall(gateway, approval));
  return parked === null ? null : parkedCalls.keep(approval.id, parked);
}
