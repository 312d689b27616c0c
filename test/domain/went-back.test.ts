import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { missingLog, unknownSendings, unsentInStore } from '../../src/domain/log/went-back.ts';
import { isLater, passText, readPass } from '../../src/domain/log/witness-entry.ts';

const sending = { approval: 'ap_1', round: 0, revision: 3, returned: false };
const row = (
  state: 'pending' | 'approved' | 'dispatched' | 'denied' | 'expired' | 'withdrawn' | 'lapsed' | 'succeeded',
  revision: number,
  since: number,
) => [{ id: 'ap_1', state, revision, stateRevision: since }];

describe('a store is compared with what was sent', () => {
  test('P2: what was sent and is missing, older, or unsent since before is found', () => {
    const older = [[], row('pending', 1, 1), row('approved', 2, 2), row('dispatched', 2, 2)];
    // Callers that join bump the revision, and not that of the state.
    older.push(row('pending', 9, 1), row('approved', 9, 3), row('expired', 3, 3));
    older.push(row('lapsed', 3, 3));
    // There it was asked, joined and decided anew, and so came further than it had before it was sent.
    older.push(row('pending', 9, 9), row('denied', 9, 9), row('expired', 9, 9), row('withdrawn', 9, 9));
    for (const rows of older) {
      assert.deepEqual(
        unknownSendings([sending], rows).map(({ approval }) => approval),
        ['ap_1'],
        JSON.stringify(rows),
      );
    }
  });

  test('P2: what the store knows, and what was given back, is not found', () => {
    for (const rows of [
      row('dispatched', 3, 3),
      row('succeeded', 4, 4),
      row('approved', 4, 4),
      row('lapsed', 5, 5),
      row('dispatched', 9, 3),
    ]) {
      assert.deepEqual(unknownSendings([sending], rows), [], JSON.stringify(rows));
    }
    assert.deepEqual(unknownSendings([{ ...sending, returned: true }], []), []);
  });

  test('P2: what an operator accepts as unknown is whatever was sent and has not been, however often it was decided since', () => {
    const moved = ['pending', 'approved', 'denied', 'expired', 'withdrawn', 'lapsed'] as const;
    for (const state of moved) {
      for (const revision of [1, 3, 9]) {
        assert.deepEqual(unsentInStore([sending], row(state, revision, revision)), ['ap_1'], `${state} ${revision}`);
      }
      assert.deepEqual(unsentInStore([{ ...sending, returned: true }], row(state, 9, 9)), [], state);
      assert.deepEqual(unsentInStore([{ ...sending, ended: 'lapsed' }], row(state, 9, 9)), [], state);
    }
    assert.deepEqual(unsentInStore([sending], row('dispatched', 9, 9)), []);
    assert.deepEqual(unsentInStore([sending], row('succeeded', 9, 9)), []);
    assert.deepEqual(unsentInStore([sending], []), []);
  });

  test('P2: what had ended unsent and is alive is found; what is gone, or over, runs nothing', () => {
    const ended = { ...sending, ended: 'lapsed' as const };
    for (const rows of [row('pending', 9, 9), row('approved', 2, 2), row('dispatched', 3, 3)]) {
      const [found] = unknownSendings([ended], rows);
      assert.match(found?.why ?? '', /had ended \(lapsed\)/, JSON.stringify(rows));
    }
    for (const rows of [[], row('expired', 3, 3), row('expired', 1, 1), row('succeeded', 3, 3)]) {
      assert.deepEqual(unknownSendings([ended], rows), [], JSON.stringify(rows));
    }
  });

  test('an entry reads as it was written, with its end or without', () => {
    const entry = {
      ...{ ...sending, at: new Date(5), until: new Date(6), server: 's', tool: 't', grant: 'g', fingerprint: 'f' },
    };
    for (const one of [entry, { ...entry, ended: 'denied' as const }]) {
      assert.deepEqual(readPass('log', passText('log', one)), one);
      assert.equal(readPass('other', passText('log', one)), null);
    }
  });

  test('P7: a log that ends earlier, goes on otherwise, or lacks a checkpoint or an acceptance is found', () => {
    const known = { seq: 9, hash: 'a', checkpoint: 7, accepted: 1 };
    const found = { head: 12, hashThere: 'a', checkpoint: 7, accepted: 1 };
    assert.deepEqual(missingLog(known, found), []);
    const abouts = (less: object) => missingLog(known, { ...found, ...less }).map(({ about }) => about);
    assert.deepEqual(abouts({ head: 8, hashThere: null }), ['event 9']);
    assert.deepEqual(abouts({ hashThere: 'b' }), ['event 9']);
    assert.deepEqual(abouts({ checkpoint: 6 }), ['checkpoint 7']);
    assert.deepEqual(abouts({ accepted: 0 }), ['acceptance']);
  });

  test('P7: an accepted state is later than any before, and an older one that is put back is not', () => {
    const state = { log: 'l', accepted: 0, seq: 9, hash: 'a', checkpoint: 7, sets: [], settled: null };
    assert.equal(isLater(state, null), true);
    assert.equal(isLater({ ...state, seq: 8 }, state), false);
    assert.equal(isLater({ ...state, accepted: 1, seq: 2 }, state), true);
    assert.equal(isLater(state, { ...state, accepted: 1, seq: 2 }), false);
  });
});
