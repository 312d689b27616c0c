import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GENESIS } from '../../src/domain/log/chain.ts';
import { readCheckpoint, type SignedCheckpoint } from '../../src/domain/log/checkpoint.ts';
import { exportLine } from '../../src/domain/log/export-line.ts';
import { type KeyEvent, readKeyEvent } from '../../src/domain/log/key-change.ts';
import { segmentLine, segmentText } from '../../src/domain/log/segment.ts';
import { FolderReader, type SegmentFolder } from '../../src/gateway/archive/segment-reader.ts';
import { verifySegments } from '../../src/gateway/log/verify.ts';
import { passkeyProof } from '../../src/vault/passkey-proof.ts';
import { proof } from '../../src/vault/proof.ts';
import { KeyedLog, LOG, NEW_KEY, OLD_KEY } from '../support/audit/keyed-log.ts';
import type { StoredEntry } from '../support/audit/tampering.ts';

const { sha256 } = proof();
const AT = new Date('2026-11-22T10:00:00.000Z');
const isSigned = (line: StoredEntry | SignedCheckpoint): line is SignedCheckpoint => 'signature' in line;

/** A log as the segments that it is archived in, which end at these places. */
function segmentsOf(log: KeyedLog, ends: readonly number[]): SegmentFolder {
  const entries = log.lines.filter((line): line is StoredEntry => !isSigned(line));
  const saidUpTo = (seq: number): KeyEvent[] =>
    entries.flatMap((entry) => (entry.seq! <= seq ? (readKeyEvent(entry.text) ?? []) : []));
  const files = new Map<string, string[]>();
  let previous: string | null = null;
  const heads = ends.map((to, nth) => {
    const after = ends[nth - 1] ?? 0;
    const before = entries.find(({ seq }) => seq === after)?.hash ?? GENESIS;
    const placeOf = (line: StoredEntry | SignedCheckpoint): number =>
      isSigned(line) ? readCheckpoint(line.text)!.seq : line.seq!;
    const inside = log.lines.filter((line) => placeOf(line) > after && placeOf(line) <= to);
    const signed = inside.filter(isSigned);
    const start = { seq: after, hash: before, checkpoint: sha256('not known'), keys: saidUpTo(after) };
    const lines = [
      exportLine.header(AT, [], LOG, after === 0 ? null : start),
      ...inside.map((line) =>
        isSigned(line) ? exportLine.checkpoint(line) : exportLine.event({ ...line, n: 1, agrees: true }),
      ),
      exportLine.end(to - after, 0, signed.length),
    ];
    const file = `${LOG}-${nth + 1}.jsonl.gz`;
    files.set(file, lines);
    const text = lines.map((line) => `${line}\n`).join('');
    const head = segmentText({
      ...{
        log: LOG,
        segment: nth + 1,
        from: after + 1,
        to,
        before,
        last: entries.find(({ seq }) => seq === to)!.hash!,
      },
      ...{ checkpoint: sha256(signed.at(-1)!.text), first: AT.toISOString(), until: AT.toISOString() },
      ...{ events: to - after, checkpoints: signed.length, file, octets: text.length, sha256: sha256(text) },
      ...{ unpacked: text.length, previous, keys: saidUpTo(to), at: AT.toISOString(), key: NEW_KEY.publicKey },
    });
    previous = sha256(head);
    return { file: `${file}.head.json`, line: segmentLine({ text: head, signature: NEW_KEY.sign(head) }) };
  });
  return {
    heads,
    read: (file) => {
      const text = files.get(file)!;
      async function* portions(): AsyncGenerator<readonly string[]> {
        for (const line of text) yield [line];
      }
      const whole = text.map((line) => `${line}\n`).join('');
      return { portions: portions(), measured: () => ({ octets: whole.length, sha256: sha256(whole) }) };
    },
  };
}

/** The key changes in the middle of the second of three segments. */
const rotated = (): SegmentFolder =>
  segmentsOf(
    new KeyedLog()
      .began(OLD_KEY)
      .events(3)
      .signed(OLD_KEY)
      .events(3)
      .signed(OLD_KEY)
      .changed(OLD_KEY, NEW_KEY)
      .events(2)
      .signed(NEW_KEY)
      .events(2)
      .signed(NEW_KEY),
    [4, 10, 12],
  );

for (const keys of [[OLD_KEY.publicKey], [NEW_KEY.publicKey, OLD_KEY.publicKey]]) {
  test(`P7: a segment in which the key changed is believed where those before it were deleted for good (${keys.length} keys)`, async () => {
    const folder = rotated();
    const trust = { keys, elsewhere: [] };
    const all = await verifySegments(new FolderReader(folder), trust, { ...proof(), passkeys: passkeyProof() });
    assert.deepEqual([all.report.faults, all.segmentProblems, all.report.covered], [[], [], 12]);
    const later = new FolderReader({ ...folder, heads: folder.heads.slice(1) });
    const found = await verifySegments(later, trust, { ...proof(), passkeys: passkeyProof() });
    assert.deepEqual(found.report.faults, []);
    assert.equal(found.report.covered, 12);
    const gap = new FolderReader({ ...folder, heads: [folder.heads[0]!, folder.heads[2]!] });
    const across = await verifySegments(gap, trust, { ...proof(), passkeys: passkeyProof() });
    // Nothing here says that it was deleted.
    assert.deepEqual(across.report.faults, [{ kind: 'removed', seq: 5, until: 10 }]);
  });
}

test('P7: a head that was changed is told as that, and its segment not as missing besides; one that is gone is', async () => {
  const { heads, ...folder } = rotated();
  const trust = { keys: [NEW_KEY.publicKey, OLD_KEY.publicKey], elsewhere: [] };
  const problemsOf = async (changed: SegmentFolder['heads']) => {
    const reader = new FolderReader({ ...folder, heads: changed });
    const found = await verifySegments(reader, trust, { ...proof(), passkeys: passkeyProof() });
    return found.segmentProblems!.join('\n');
  };
  const [first, second, third] = heads as [(typeof heads)[0], (typeof heads)[0], (typeof heads)[0]];
  const spoilt = { ...second, line: second.line.replace(/"signature":"./, '"signature":"0') };
  const other = { ...second, line: second.line.replace(/"signature":"./, '"signature":"1') };
  const told = await problemsOf([first, spoilt.line === second.line ? other : spoilt, third]);
  assert.match(told, /signature of the head of segment 2 does not match/);
  assert.doesNotMatch(told, /missing/);
  assert.match(await problemsOf([first, third]), /segment 2 is missing/);
});
