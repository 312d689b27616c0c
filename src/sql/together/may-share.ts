import type { State } from '../../domain/approval/approval.ts';
import type { Move } from '../approval/commit.ts';

/** What a change that shares a statement says; whatever else it may have needs more than its own row and votes. */
const MEMBERS: ReadonlySet<string> = new Set([
  ...['id', 'revision', 'next', 'from', 'to', 'patch', 'events', 'promised'],
  ...['decision', 'believed', 'card', 'joiner', 'token', 'unlessFrozen', 'dispatcher', 'takes', 'gives'],
]);
const PATCH: ReadonlySet<string> = new Set([
  ...['note', 'resultUntil', 'remindedAt', 'escalatedAt', 'pickupUntil'],
  ...['leaseUntil', 'dispatcher', 'awaits', 'questions', 'result'],
]);
/** Bytes of a result that goes with others. */
const MOST_RESULT = 64 * 1024;

/** Where a change may lead that shares a statement: a reminder, a vote, an end, a pass given and spent, an outcome. */
const LEADS: Partial<Readonly<Record<State, readonly State[]>>> = {
  pending: ['pending', 'approved', 'denied', 'expired', 'withdrawn', 'dispatched'],
  approved: ['dispatched', 'lapsed'],
  dispatched: ['succeeded', 'failed'],
};

/**
 * Whether a change may be made by one statement with others (decision 0074). Not what counts against a limit or gives back, has
 * a signature, changes a vote, gives or uses something in advance, is about a counter-proposal or a leg, or brings a long
 * result: those are made by themselves, as ever. Nor the end of what may still run elsewhere: its lease may be renewed meanwhile.
 */
export function mayShare(move: Move): boolean {
  const { from, to, patch = {}, takes = [], gives = [], decision } = move;
  if (LEADS[from]?.includes(to) !== true) return false;
  if (takes.length > 0 || gives.length > 0 || decision?.signature !== undefined) return false;
  if ((patch.result?.byteLength ?? 0) > MOST_RESULT) return false;
  return hasOnly(move, MEMBERS) && hasOnly(patch, PATCH);
}

function hasOnly(value: object, members: ReadonlySet<string>): boolean {
  for (const [name, member] of Object.entries(value)) if (member !== undefined && !members.has(name)) return false;
  return true;
}
