import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Child, type LineReader, startChild } from '../../../src/mcp/stdio/child.ts';
import { breathe } from '../../../src/time/breathe.ts';
import { pause } from '../../../src/time/pause.ts';

/** Writes `lines` lines of `length` characters as fast as its pipe takes them, notes how many it wrote, and ends. */
const FLOOD = `
  const { openSync, writeSync } = require('node:fs');
  const [lines, length] = process.argv.slice(1, 3).map(Number);
  const note = process.argv[3] === '' ? null : openSync(process.argv[3], 'w');
  const next = (n) => {
    if (note !== null && n > 0) writeSync(note, '.');
    if (n < lines) process.stdout.write('x'.repeat(length) + '\\n', () => next(n + 1));
  };
  next(0);`;

async function flooding(lines: number, length: number, onLine: LineReader, noteIn = ''): Promise<Child> {
  const command = [process.execPath, '-e', FLOOD, String(lines), String(length), noteIn];
  const started = await startChild({ command, env: { PATH: process.env.PATH ?? '' } }, onLine);
  return started.kind === 'started' ? started.child : assert.fail(started.code);
}

test('a child that floods its output waits until what it wrote has been worked on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flood-'));
  const noteIn = join(folder, 'written');
  let heard = 0;
  const [first, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const takeSlowly = (): Promise<void> => {
    heard += 1;
    first.resolve();
    return goOn.promise;
  };
  const child = await flooding(2_000, 16_384, takeSlowly, noteIn);
  await first.promise;
  // Without the brake all 32 MB are read in this time.
  await pause(400);
  const written = (await stat(noteIn)).size;
  goOn.resolve();
  assert.ok(written < 40, `${written} lines of 16 KiB were taken off the child while the first is worked on`);
  const { code, err } = await child.exited;
  assert.deepEqual([code, err, heard], [0, null, 2_000]);
  await rm(folder, { recursive: true });
});

test('what a child wrote last is worked on before its exit is told, one line at a time', async () => {
  let [heard, underWay, most] = [0, 0, 0];
  const child = await flooding(500, 1_000, async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await breathe();
    underWay -= 1;
    heard += 1;
  });
  await child.exited;
  assert.deepEqual([heard, most], [500, 1]);
});

test('everybody else has turns while a flood of short lines is read', async () => {
  let [heard, turns, isOver] = [0, 0, false];
  const child = await flooding(20_000, 1, () => {
    heard += 1;
    for (const until = performance.now() + 0.02; performance.now() < until; ) {}
  });
  const others = (async () => {
    while (!isOver) {
      await breathe();
      if (heard > 0 && heard < 20_000) turns += 1;
    }
  })();
  await child.exited;
  isOver = true;
  await others;
  assert.equal(heard, 20_000);
  assert.ok(turns > 40, `${turns} turns in 400 ms of work`);
});

test('a line that cannot be taken ends the child, and its exit says why', async () => {
  const child = await flooding(1_000_000, 1_000, () => {
    throw new Error('no room for it');
  });
  const { code, signal, err, overlong } = await child.exited;
  assert.deepEqual([code, signal, err?.message, overlong], [null, 'SIGKILL', 'no room for it', false]);
});
