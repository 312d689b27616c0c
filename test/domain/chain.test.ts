import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ChainCheck, type ChainReport } from '../../src/domain/log/chain.ts';
import type { SignedCheckpoint } from '../../src/domain/log/checkpoint.ts';
import { exportLine, readExportLine } from '../../src/domain/log/export-line.ts';
import { proof } from '../../src/vault/proof.ts';
import {
  FOREIGN,
  inOrder,
  OURS,
  type StoredLog,
  sign,
  TAMPERINGS,
  textOf,
  wholeLog,
} from '../support/audit/tampering.ts';

function look(evidence: StoredLog, keys = [OURS.publicKey], elsewhere: readonly SignedCheckpoint[] = []): ChainReport {
  const check = new ChainCheck(proof(), { keys }, elsewhere);
  for (const one of inOrder(evidence)) 'signature' in one ? check.checkpoint(one) : check.event(one);
  return check.end();
}

describe('A log that is whole', () => {
  test('P7: is vouched for to its last checkpoint', () => {
    const report = look(wholeLog(34, 10));
    assert.deepEqual(report.faults, []);
    assert.deepEqual([report.events, report.head, report.covered, report.checkpoints], [34, 34, 30, 3]);
  });

  test('may be empty', () => {
    assert.deepEqual(look({ events: [], checkpoints: [] }).faults, []);
  });

  test('counts what is not sealed yet, and is no less whole', () => {
    const check = new ChainCheck(proof(), { keys: [OURS.publicKey] });
    for (const one of inOrder(wholeLog(10, 10))) 'signature' in one ? check.checkpoint(one) : check.event(one);
    check.event({ seq: null, hash: null, text: textOf('new'), agrees: true });
    const report = check.end();
    assert.deepEqual([report.faults, report.unsealed, report.events], [[], 1, 10]);
  });

  test('fits checkpoints that were kept elsewhere, also where it has lost its own', () => {
    const evidence = wholeLog(30, 10);
    const kept = evidence.checkpoints.splice(0);
    const report = look(evidence, [OURS.publicKey], kept);
    assert.deepEqual([report.faults, report.covered], [[], 30]);
  });

  test('may have been signed with an older key, if that one is given too', () => {
    const evidence = wholeLog(20, 20);
    evidence.checkpoints[0] = sign(FOREIGN, evidence.events, null);
    assert.deepEqual(look(evidence, [OURS.publicKey, FOREIGN.publicKey]).faults, []);
  });
});

describe('P7: tampering is found and named', () => {
  for (const { what, spoil, named, elsewhere } of TAMPERINGS) {
    test(what, () => {
      const evidence = wholeLog(30, 10);
      const kept = structuredClone(evidence.checkpoints);
      spoil(evidence);
      const [first] = look(evidence, [OURS.publicKey], elsewhere ? kept : []).faults;
      assert.ok(first, 'nothing was found');
      for (const [name, value] of Object.entries(named)) assert.equal(first[name as keyof typeof first], value, name);
    });
  }

  test('columns that say something else than the text', () => {
    const { events } = wholeLog(3, 10);
    const check = new ChainCheck(proof(), { keys: [OURS.publicKey] });
    for (const event of events) check.event({ ...event, agrees: event.seq !== 2 });
    assert.deepEqual(check.end().faults, [{ kind: 'mislabelled', seq: 2 }]);
  });
});

describe('A line of an export', () => {
  const { events, checkpoints } = wholeLog(1, 1);
  const [event] = events;

  test('holds the text as it was hashed', () => {
    const line = exportLine.event({ ...event!, n: 7, agrees: true });
    assert.deepEqual(readExportLine(line), { kind: 'event', link: { ...event, agrees: true } });
    assert.deepEqual(JSON.parse(line).event, JSON.parse(event!.text));
  });

  test('holds a checkpoint as it was signed', () => {
    const line = exportLine.checkpoint(checkpoints[0]!);
    const { text, signature } = checkpoints[0]!;
    assert.deepEqual(readExportLine(line), { kind: 'checkpoint', signed: { text, signature } });
  });

  test('says so when it is none', () => {
    for (const line of ['', '{}', '[]', '{"n":1', 'null', '{"n":"1","seq":1,"hash":null,"event":{}}']) {
      assert.equal(readExportLine(line).kind, 'unreadable', line);
    }
  });
});
