import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { chainText, GENESIS } from '../../src/domain/log/chain.ts';
import { checkpointLine, checkpointText, type SignedCheckpoint } from '../../src/domain/log/checkpoint.ts';
import { exportLine } from '../../src/domain/log/export-line.ts';
import { vault } from '../../src/vault/vault.ts';
import { KeyedLog, LOG, NEW_KEY, OLD_KEY } from '../support/audit/keyed-log.ts';
import { HOSTILE, HOSTILE_MARK, OBEYED } from '../support/hostile.ts';
import { keptTerminal } from '../support/terminal.ts';

const SECRET = 'a secret that is long enough to be one';
const keyed = vault([SECRET]);
const KEY = keyed.publicKeys[0]!;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-verify-'));
after(() => rmSync(folder, { recursive: true }));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const NOON = new Date('2026-05-01T12:00:00.000Z');
const plus = (minutes: number): Date => new Date(NOON.getTime() + minutes * 60_000);

/** Events, a minute apart and ending at noon, with a checkpoint over the last one. */
function chain(events: number) {
  let previous = GENESIS;
  const links = Array.from({ length: events }, (_, index) => {
    const seq = index + 1;
    const text = JSON.stringify({ actor: 'holdfast', at: plus(seq - events).toISOString(), type: 'call.allowed' });
    const hash = sha256(chainText(previous, seq, text));
    previous = hash;
    return { n: seq, seq, hash, text, agrees: true };
  });
  return { links, hash: previous };
}

function signed(events: number, at: Date, more: { key?: string } = {}): SignedCheckpoint {
  const { hash } = chain(events);
  const text = checkpointText({
    v: 1,
    log: null,
    seq: events,
    hash,
    count: events,
    at: at.toISOString(),
    key: KEY,
    previous: null,
    ...more,
  });
  return { text, signature: keyed.sign(text) };
}

interface Export {
  readonly signedAt: Date;
  readonly exportedAt: Date;
  /** The checkpoint's key, where it is not ours. */
  readonly key?: string;
}

function fileOf(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

function exported({ signedAt, exportedAt, ...more }: Export): string {
  const lines = [exportLine.header(exportedAt, [KEY], null), ...chain(5).links.map(exportLine.event)];
  return fileOf('audit.jsonl', [...lines, checkpointLine(signed(5, signedAt, more)), exportLine.end(5, 0, 1)]);
}

async function verify(file: string, ...more: string[]) {
  const { terminal, said } = keptTerminal();
  const code = await runCommandLine(['audit', 'verify', '--export', file, '--key', KEY, ...more], terminal);
  return { code, said: said() };
}

describe('P7: how old the newest checkpoint may be', () => {
  test('an export that was fresh when it was made fits, however long ago that was', async () => {
    const { code, said } = await verify(exported({ signedAt: NOON, exportedAt: plus(59) }));
    assert.equal(code, 0, said);
    assert.match(said, /^FITS: /);
  });

  test('an export whose end was taken away before it was made says so in words, and fails', async () => {
    const file = exported({ signedAt: NOON, exportedAt: plus(125) });
    const { code, said } = await verify(file);
    assert.equal(code, 1);
    assert.match(said, /^TOO OLD: events 1 to 5 are what the gateway signed at 2026-05-01T12:00:00.000Z/);
    assert.match(said, /was 2 h 5 min old at 2026-05-01T14:05:00.000Z; --max-age allows 1 h\n/);
    assert.match(said, /no gateway was running, or the newest part of the log was removed/);
    const json = await verify(file, '--json');
    assert.equal(json.code, 1);
    assert.equal(JSON.parse(json.said).stale.ageMs, 125 * 60_000);
  });

  test('another age may be allowed, and a log that has ended is verified with off', async () => {
    const file = exported({ signedAt: NOON, exportedAt: plus(125) });
    assert.equal((await verify(file, '--max-age', '3h')).code, 0);
    assert.equal((await verify(file, '--max-age', 'off')).code, 0);
    assert.equal((await verify(file, '--max-age', '2h')).code, 1);
    assert.equal((await verify(file, '--max-age', 'soon')).code, 2);
  });

  test('a header that says it is older than its events does not make a checkpoint fresh', async () => {
    const { code, said } = await verify(exported({ signedAt: plus(-90), exportedAt: plus(-90) }));
    assert.equal(code, 1);
    assert.match(said, /^TOO OLD: [\s\S]*1 h 30 min old at 2026-05-01T12:00:00.000Z/);
  });

  test('a header without a time is measured by the clock', async () => {
    const path = exported({ signedAt: NOON, exportedAt: plus(1) });
    const lines = [`{"holdfast":"audit-export","v":1,"keys":["${KEY}"]}`, ...chain(5).links.map(exportLine.event)];
    fileOf('audit.jsonl', [...lines, checkpointLine(signed(5, NOON)), exportLine.end(5, 0, 1)]);
    assert.equal((await verify(path)).code, 1);
  });
});

describe('P7: a witness that knows more than the log', () => {
  const file = () => exported({ signedAt: NOON, exportedAt: plus(1) });

  test('the log went back or was cut: named first, with what the witness knows', async () => {
    const witness = fileOf('checkpoints.jsonl', [checkpointLine(signed(5, NOON)), checkpointLine(signed(9, plus(4)))]);
    const { code, said } = await verify(file(), '--witness', witness);
    assert.equal(code, 1);
    assert.match(
      said,
      /^DOES NOT FIT: the log went back, or was cut: it ends at event 5, and the witness knows that events up to 9 were signed at 2026-05-01T12:04/,
    );
  });

  test('a witness that knows as much, or whose last line was torn off by a crash, fits', async () => {
    const line = checkpointLine(signed(5, NOON));
    const witness = fileOf('checkpoints.jsonl', [line, line.slice(0, 50)]);
    assert.deepEqual([(await verify(file(), '--witness', witness)).code], [0]);
  });

  test('a witness of another log, as long as this one, is a log that was rewritten', async () => {
    const text = signed(5, NOON).text.replace(chain(5).hash, 'f'.repeat(64));
    const witness = fileOf('checkpoints.jsonl', [checkpointLine({ text, signature: keyed.sign(text) })]);
    const { code, said } = await verify(file(), '--witness', witness);
    assert.equal(code, 1);
    assert.match(said, /^DOES NOT FIT: an event after \d and up to 5 was changed/);
  });

  test('a witness that holds no checkpoint, or does not exist, is no witness', async () => {
    assert.equal((await verify(file(), '--witness', fileOf('empty.jsonl', ['{}']))).code, 1);
    assert.equal((await verify(file(), '--witness', join(folder, 'nowhere'))).code, 1);
  });
});

describe('evidence that attacks its reader', () => {
  test('a checkpoint’s key neither moves the cursor nor writes a line of its own', async () => {
    for (const more of [[], ['--json']]) {
      const file = exported({ signedAt: NOON, exportedAt: plus(1), key: `${HOSTILE}${'\u001b[2K'.repeat(1_000)}` });
      const { code, said } = await verify(file, ...more);
      assert.equal(code, 1);
      assert.doesNotMatch(said.replaceAll('\n', ''), OBEYED);
      assert.match(said, /foreign.key/);
      for (const line of said.split('\n')) assert.ok(!line.startsWith(HOSTILE_MARK), line);
      if (more.length > 0) assert.ok(JSON.parse(said).faults[0].key.startsWith(HOSTILE.slice(0, 20)));
      else assert.ok(said.length < 2_000, `${said.length} characters`);
    }
  });

  test('nor do the names of files that do not exist', async () => {
    const { code, said } = await verify(`/nowhere/${HOSTILE.replaceAll('\0', '')}`);
    assert.equal(code, 1);
    assert.match(said, /cannot be read \(ENOENT\), so nothing was verified/);
    assert.doesNotMatch(said.replaceAll('\n', ''), OBEYED);
    for (const line of said.split('\n')) assert.ok(!line.startsWith(HOSTILE_MARK), line);
  });
});

describe('P7: whose log it is, and which keys signed it', () => {
  const [OLD, NEW] = [OLD_KEY.publicKey, NEW_KEY.publicKey];
  const written = (log: KeyedLog, id: string | null = LOG): string => {
    const events = log.lines.filter((line) => 'seq' in line);
    const lines = log.lines.map((line, n) =>
      'signature' in line ? checkpointLine(line) : exportLine.event({ ...line, n, agrees: true }),
    );
    const ends = exportLine.end(events.length, 0, lines.length - events.length);
    return fileOf('keys.jsonl', [exportLine.header(NOON, [NEW], id), ...lines, ends]);
  };
  const before = () => new KeyedLog().began().events(2).signed(OLD_KEY);
  const rotated = () => before().changed(OLD_KEY, NEW_KEY).events(2).signed(NEW_KEY);
  const check = async (file: string, keys: readonly string[], ...more: string[]) => {
    const { terminal, said } = keptTerminal();
    const given = keys.flatMap((key) => ['--key', key]);
    const command = ['audit', 'verify', '--export', file, '--max-age', 'off', ...given, ...more];
    return { code: await runCommandLine(command, terminal), said: said() };
  };

  test('an export is followed over a change of the key from either key, and says its id', async () => {
    for (const keys of [[OLD], [NEW], [OLD, NEW], [NEW, OLD]]) {
      const { code, said } = await check(written(rotated()), keys, '--log', LOG);
      assert.equal(code, 0, said);
      assert.match(said, new RegExp(`the log's id is ${LOG}`));
    }
  });

  test('a key that was changed signs nothing any more', async () => {
    const { code, said } = await check(written(rotated().events(1).signed(OLD_KEY)), [OLD, NEW]);
    assert.equal(code, 1);
    assert.match(
      said,
      /^DOES NOT FIT: event 7 is signed .* by a key that was replaced at event 4 and is not valid since/,
    );
  });

  test('a log that was cut before the change and signed with the old key is told by the newer one', async () => {
    const cut = written(before().events(3).signed(OLD_KEY));
    const both = await check(cut, [OLD, NEW]);
    assert.equal(both.code, 1);
    assert.match(
      both.said,
      new RegExp(`^DOES NOT FIT: the key ${NEW} neither signed this log nor came into force in it`),
    );
    assert.equal((await check(cut, [NEW])).code, 1);
    assert.equal((await check(written(before()), [OLD])).code, 0, 'an honest log of before');
  });

  test('a change without the old key’s word is a fault, but for whoever has the new key', async () => {
    const file = written(before().changed(OLD_KEY, NEW_KEY, null).signed(NEW_KEY));
    const { code, said } = await check(file, [OLD]);
    assert.equal(code, 1);
    assert.match(said, /^DOES NOT FIT: at event 4 the key was changed without a signature of the old key/);
    assert.equal((await check(file, [NEW])).code, 0);
  });

  test('another log under the same secret is another log', async () => {
    const other = await check(written(rotated()), [NEW], '--log', 'log_0other');
    assert.equal(other.code, 1);
    assert.match(other.said, /^DOES NOT FIT: event 1 belongs to another log \(log_0first, not log_0other\)/);
    assert.equal((await check(written(rotated(), 'log_0other'), [NEW])).code, 1, 'the header names another');
    const stray = new KeyedLog().began(OLD_KEY, 'log_0other').events(2).signed(OLD_KEY, 'log_0other').last;
    const kept = fileOf('stray.jsonl', [checkpointLine(stray)]);
    assert.match((await check(written(rotated()), [NEW], '--checkpoints', kept)).said, /^DOES NOT FIT: .*another log/);
    const hostile = new KeyedLog().began(OLD_KEY, HOSTILE).events(1).signed(OLD_KEY, HOSTILE);
    assert.doesNotMatch((await check(written(hostile, null), [OLD])).said.replaceAll('\n', ''), OBEYED);
  });
});
