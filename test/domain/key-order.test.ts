import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ChainCheck, type ChainReport } from '../../src/domain/log/chain.ts';
import { checkpointText, readCheckpoint, type SignedCheckpoint } from '../../src/domain/log/checkpoint.ts';
import { successionOf } from '../../src/domain/log/key-change.ts';
import { proof } from '../../src/vault/proof.ts';
import type { SigningKey } from '../../src/vault/signing.ts';
import { KeyedLog, LOG, NEW_KEY, OLD_KEY, THIRD_KEY } from '../support/audit/keyed-log.ts';

interface Given {
  readonly keys?: readonly SigningKey[];
  readonly log?: string;
  readonly claim?: string;
  readonly elsewhere?: readonly SignedCheckpoint[];
}

function look({ lines }: KeyedLog, { keys = [NEW_KEY], log, claim, elsewhere = [] }: Given = {}): ChainReport {
  const trust = { keys: keys.map(({ publicKey }) => publicKey), log: log ?? null };
  const check = new ChainCheck(proof(), trust, elsewhere);
  if (claim !== undefined) check.claim(claim);
  for (const one of lines) 'signature' in one ? check.checkpoint(one) : check.event({ ...one, agrees: true });
  return check.end();
}

const kinds = (report: ChainReport): string[] => report.faults.map(({ kind }) => kind);
const rotated = (): KeyedLog =>
  new KeyedLog().began().events(3).signed(OLD_KEY).events(1).changed(OLD_KEY, NEW_KEY).events(2).signed(NEW_KEY);

describe('P7: a key that was changed', () => {
  test('is followed from either side: whoever has one of the keys verifies all of the log', () => {
    for (const keys of [[OLD_KEY], [NEW_KEY], [OLD_KEY, NEW_KEY]]) {
      const report = look(rotated(), { keys });
      assert.deepEqual([report.faults, report.covered, report.unusedKeys, report.log], [[], 8, [], LOG]);
    }
  });

  test('signs nothing after its end', () => {
    const report = look(rotated().events(2).signed(OLD_KEY), { keys: [OLD_KEY, NEW_KEY] });
    assert.deepEqual(report.faults, [{ kind: 'retired_key', seq: 10, key: OLD_KEY.publicKey, until: 6 }]);
    assert.equal(report.covered, 8, 'what the newer key signed still counts');
  });

  test('does not vouch for the very event that ends it, nor kept elsewhere', () => {
    const log = new KeyedLog().began().signed(OLD_KEY).changed(OLD_KEY, NEW_KEY).signed(OLD_KEY);
    assert.deepEqual(kinds(look(log, { keys: [OLD_KEY] })), ['retired_key']);
    const kept = rotated().events(2).signed(OLD_KEY).last;
    assert.deepEqual(kinds(look(rotated().events(2).signed(NEW_KEY), { elsewhere: [kept] })), ['retired_key']);
    assert.deepEqual(kinds(look(rotated(), { keys: [OLD_KEY, NEW_KEY], elsewhere: [kept] })), ['retired_key']);
  });

  test('never comes back', () => {
    const back = rotated().changed(NEW_KEY, OLD_KEY).signed(OLD_KEY);
    assert.deepEqual(kinds(look(back)), ['retired_key', 'retired_key']);
  });

  test('may be changed again and again', () => {
    const log = rotated().changed(NEW_KEY, THIRD_KEY).events(1).signed(THIRD_KEY);
    for (const keys of [[OLD_KEY], [NEW_KEY], [THIRD_KEY]]) assert.deepEqual(look(log, { keys }).faults, []);
  });

  test('told twice, by two replicas at once, changes once', () => {
    const log = new KeyedLog().began().signed(OLD_KEY).changed(OLD_KEY, NEW_KEY).changed(OLD_KEY, NEW_KEY);
    assert.deepEqual(look(log.signed(NEW_KEY)).faults, []);
  });

  test('without the word of the key before is a fault, unless the auditor has the new key', () => {
    const lost = (by: SigningKey | null): KeyedLog =>
      new KeyedLog().began().events(1).signed(OLD_KEY).changed(OLD_KEY, NEW_KEY, by).signed(NEW_KEY);
    for (const by of [null, NEW_KEY, THIRD_KEY]) {
      const report = look(lost(by), { keys: [OLD_KEY] });
      assert.deepEqual(report.faults[0], { kind: 'key_unsworn', seq: 3, key: NEW_KEY.publicKey });
      assert.ok(kinds(report).includes('foreign_key'), 'nor does its signature count');
      assert.deepEqual(look(lost(by), { keys: [NEW_KEY] }).faults, []);
    }
  });

  test('is not changed by the word of a key that is not in force', () => {
    const log = rotated().changed(OLD_KEY, THIRD_KEY).signed(THIRD_KEY);
    assert.deepEqual(kinds(look(log, { keys: [OLD_KEY, NEW_KEY] })), ['key_unsworn', 'foreign_key']);
  });

  test('in one log is not changed in another', () => {
    const other = new KeyedLog().began().signed(OLD_KEY).changed(OLD_KEY, NEW_KEY, OLD_KEY, 'log_0other');
    assert.equal(look(other.signed(NEW_KEY)).faults[0]?.kind, 'other_log');
  });

  test('that signs a log cut before its end is noticed by whoever has the newer one', () => {
    const cut = new KeyedLog().began().events(3).signed(OLD_KEY).event('call.denied', { forged: true }).signed(OLD_KEY);
    assert.deepEqual(kinds(look(cut)), ['foreign_key']);
    const both = look(cut, { keys: [OLD_KEY, NEW_KEY] });
    assert.deepEqual([both.faults, both.unusedKeys], [[], [NEW_KEY.publicKey]]);
    const kept = rotated().last;
    assert.deepEqual(kinds(look(cut, { keys: [OLD_KEY, NEW_KEY], elsewhere: [kept] })), ['truncated']);
  });

  test('a checkpoint by the next key before the change is foreign', () => {
    const early = new KeyedLog().began().events(1).signed(NEW_KEY);
    assert.deepEqual(kinds(look(early, { keys: [OLD_KEY, NEW_KEY] })), ['foreign_key']);
  });
});

describe('P7: a log has an id', () => {
  test('which its checkpoints and events name, and which an auditor may ask for', () => {
    assert.deepEqual(look(rotated(), { log: LOG, claim: LOG }).faults, []);
    assert.equal(look(rotated(), { log: 'log_0other' }).faults[0]?.kind, 'other_log');
    assert.equal(look(rotated(), { claim: 'log_0other' }).faults[0]?.kind, 'other_log');
  });

  test('so a checkpoint of another log under the same secret does not fit', () => {
    const other = new KeyedLog().began(OLD_KEY, 'log_0other').events(3).signed(OLD_KEY, 'log_0other').last;
    assert.deepEqual(kinds(look(rotated(), { keys: [OLD_KEY], elsewhere: [other] })), ['other_log']);
    const mixed = new KeyedLog().began().events(2).signed(OLD_KEY, 'log_0other').events(1).signed(OLD_KEY);
    assert.equal(look(mixed, { keys: [OLD_KEY] }).faults[0]?.kind, 'other_log');
  });

  test('and a checkpoint that names none does not count in it', () => {
    const log = rotated().events(1).signed(NEW_KEY, null);
    const [fault] = look(log).faults;
    assert.deepEqual(fault, { kind: 'other_log', seq: 9, log: null, expected: LOG });
  });

  test('but one from before it was given does', () => {
    const log = new KeyedLog().events(2).signed(OLD_KEY, null).events(1).began().events(1).signed(OLD_KEY);
    log.changed(OLD_KEY, NEW_KEY).signed(NEW_KEY);
    for (const keys of [[OLD_KEY], [NEW_KEY]]) assert.deepEqual(look(log, { keys }).faults, []);
    const foreign = new KeyedLog().events(2).signed(THIRD_KEY, null).began().events(1).signed(OLD_KEY);
    assert.deepEqual(kinds(look(foreign, { keys: [OLD_KEY] })), ['foreign_key']);
    const unnamed = new KeyedLog().events(2).signed(OLD_KEY, null);
    assert.deepEqual(look(unnamed, { keys: [OLD_KEY] }).faults, []);
    assert.deepEqual(kinds(look(unnamed, { keys: [OLD_KEY], log: LOG })), ['other_log']);
  });
});

describe('A checkpoint', () => {
  const place = { seq: 1, hash: 'a', count: 1, at: 'now', key: 'k', previous: null };

  test('is of version 3 with a root, of version 2 without one, or of version 1 without a log', () => {
    const root = 'a'.repeat(64);
    const rooted = checkpointText({ v: 3, log: LOG, since: 0, root, ...place });
    assert.equal(
      rooted,
      `{"at":"now","count":1,"hash":"a","key":"k","log":"${LOG}","previous":null,"root":"${root}","seq":1,"since":0,"v":3}`,
    );
    assert.deepEqual(readCheckpoint(rooted), { v: 3, log: LOG, since: 0, root, ...place });
    for (const wrong of [
      rooted.replace('"v":3', '"v":2'),
      rooted.replace(root, 'a'),
      rooted.replace('"since":0', '"since":1'),
    ]) {
      assert.equal(readCheckpoint(wrong), null, wrong);
    }
    const named = checkpointText({ v: 2, log: LOG, ...place });
    assert.equal(named, `{"at":"now","count":1,"hash":"a","key":"k","log":"${LOG}","previous":null,"seq":1,"v":2}`);
    assert.deepEqual(readCheckpoint(named), { v: 2, log: LOG, since: null, root: null, ...place });
    const unnamed = checkpointText({ v: 1, log: null, ...place });
    assert.deepEqual(readCheckpoint(unnamed), { v: 1, log: null, since: null, root: null, ...place });
    assert.equal(readCheckpoint(unnamed.replace('"v":1', '"v":2')), null);
    assert.equal(readCheckpoint(named.replace('"v":2', '"v":3')), null);
    assert.equal(readCheckpoint(named.replace('"v":2', '"v":1')), null);
  });
});

describe('The succession that a gateway reads from its own log', () => {
  const began = { kind: 'began', log: LOG, key: 'a' } as const;
  const change = (from: string | null, to: string) =>
    ({ kind: 'changed', log: LOG, from, to, signature: null }) as const;

  test('ends with the key in force', () => {
    const order = successionOf([began, change('a', 'b'), change('a', 'b'), change('b', 'c')]);
    assert.deepEqual([order.log, order.inForce, [...order.ended]], [LOG, 'c', ['a', 'b']]);
  });

  test('knows none where none is recorded', () => {
    assert.deepEqual(successionOf([{ ...began, key: null }]).inForce, null);
    assert.deepEqual([...successionOf([{ ...began, key: null }, change('a', 'b')]).ended], ['a']);
  });
});
