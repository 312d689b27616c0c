import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isOver, LIVE, mayFollow, NEXT, STATES, type State } from '../../src/domain/approval/approval.ts';

/** The transitions as designed, written down again: the code's own table must not be its own proof. */
const DESIGN: Record<State, readonly State[]> = {
  pending: ['approved', 'denied', 'expired', 'withdrawn'],
  approved: ['dispatched', 'lapsed'],
  dispatched: ['approved', 'succeeded', 'failed', 'unknown'],
  unknown: ['succeeded', 'failed'],
  denied: [],
  expired: [],
  withdrawn: [],
  lapsed: [],
  succeeded: [],
  failed: [],
};

describe('an approval’s states', () => {
  test('P1: a call is dispatched only from approved, and approved only from pending or by what was not sent', () => {
    const before = (to: State): State[] => STATES.filter((from) => mayFollow(from, to));
    assert.deepEqual(before('dispatched'), ['approved']);
    assert.deepEqual(before('approved').sort(), ['dispatched', 'pending']);
  });

  test('P2: no way leads from an outcome, or from unknown, back to a pass', () => {
    for (const from of ['succeeded', 'failed', 'unknown'] as const) {
      const reached = new Set<State>();
      const walk = (state: State): void => {
        for (const next of STATES.filter((to) => mayFollow(state, to) && !reached.has(to))) {
          reached.add(next);
          walk(next);
        }
      };
      walk(from);
      for (const pass of ['pending', 'approved', 'dispatched'] as const)
        assert.ok(!reached.has(pass), `${from} → ${pass}`);
    }
  });

  test('all hundred pairs are as the design says', () => {
    for (const from of STATES) {
      for (const to of STATES) assert.equal(mayFollow(from, to), DESIGN[from].includes(to), `${from} → ${to}`);
    }
    assert.deepEqual(NEXT, DESIGN);
  });

  test('a state is live or over, never both', () => {
    for (const state of STATES) assert.equal((LIVE as readonly State[]).includes(state), !isOver(state), state);
  });
});
