import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { mergeWrites } from '../../src/queue/merged-writes.ts';

/** A socket that tells what reached the operating system, write by write. */
function socket(): { readonly writes: string[]; readonly stream: Writable } {
  const writes: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      writes.push(chunk.toString());
      done();
    },
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }) => String(chunk)).join(''));
      done();
    },
  });
  mergeWrites(stream);
  return { writes, stream };
}

test('what is sent before anything else can arrive is one write, in its order', async () => {
  const { writes, stream } = socket();
  stream.write('a');
  await Promise.resolve().then(() => stream.write('b'));
  queueMicrotask(() => stream.write('c'));
  await sleep(0);
  assert.deepEqual(writes, ['abc']);
  stream.write('d');
  await sleep(0);
  assert.deepEqual(writes, ['abc', 'd']);
});

test('an end comes after what was written before it, and a socket that is gone is left alone', async () => {
  const { writes, stream } = socket();
  stream.write('a');
  stream.end('b');
  await sleep(0);
  assert.equal(writes.join(''), 'ab');
  const gone = new PassThrough();
  gone.on('error', () => undefined);
  mergeWrites(gone);
  gone.write('a');
  gone.destroy();
  await sleep(0);
});
