import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MOST_HELD_BYTES } from '../../../src/bytes/held-answer.ts';
import { readWhole } from '../../../src/mcp/upstream/read-whole.ts';
import { sendOnce } from '../../../src/mcp/upstream/send.ts';
import type { ExchangeAnswer, Upstream } from '../../../src/ports.ts';

const CHUNK = new Uint8Array(1024 * 1024).fill(0x20);
/** Chunks after which the body fails, so that the test itself ends. */
const MOST = (2 * MOST_HELD_BYTES) / CHUNK.length;

/** A body without an end, and how much of it was read. */
function endless() {
  const seen = { pulls: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(out) {
        seen.pulls += 1;
        if (seen.pulls > MOST) out.error(new Error('enough'));
        else out.enqueue(CHUNK);
      },
      cancel() {
        seen.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { seen, body };
}

describe('the answer to an approved call', () => {
  for (const type of ['application/json', 'text/event-stream']) {
    test(`P2: that has no end (${type}) ends as unknown, and takes no more memory than one answer may`, async () => {
      const { seen, body } = endless();
      const exchange = async (): Promise<ExchangeAnswer> => ({
        kind: 'answer',
        status: 200,
        headers: [['content-type', type]],
        body,
      });
      const { outcome } = await sendOnce({
        upstream: { kind: 'http', exchange, close: async () => undefined } as Upstream,
        grant: 'agent',
        headers: {},
        bytes: new Uint8Array(0),
        idText: '1',
        onEvent: () => undefined,
      });
      assert.equal(outcome.kind, 'unknown');
      assert.match('why' in outcome ? String(outcome.why) : '', /longer than 64 MiB/);
      assert.ok(seen.cancelled && seen.pulls < MOST, `${seen.pulls} MiB were read`);
    });
  }

  test('that is whole is read to its end, chunk by chunk', async () => {
    const parts = ['{"a"', ':', '1}'];
    const body = new ReadableStream<Uint8Array>({
      pull(out) {
        const next = parts.shift();
        if (next === undefined) out.close();
        else out.enqueue(new TextEncoder().encode(next));
      },
    });
    assert.equal(new TextDecoder().decode(await readWhole(body)), '{"a":1}');
  });
});
