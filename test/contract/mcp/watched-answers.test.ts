import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AnswerWatch, watchAnswer } from '../../../src/mcp/relay/watch-answer.ts';
import type { UpstreamAnswer } from '../../../src/ports.ts';

const ENCODER = new TextEncoder();
const event = (data: string): string => `event: message\r\nid: 1\ndata: ${data}\n\n`;
const REQUEST = event('{"jsonrpc":"2.0","id":0,"method":"roots/list"}');
const RESPONSE = event('{"jsonrpc":"2.0","id":1,"result":{}}');
const PAD = 'x'.repeat(300_000);

function answerOf(type: string, pieces: readonly string[] | string): UpstreamAnswer {
  const body =
    typeof pieces === 'string'
      ? ENCODER.encode(pieces)
      : new ReadableStream<Uint8Array>({
          start(out) {
            for (const piece of pieces) out.enqueue(ENCODER.encode(piece));
            out.close();
          },
        });
  return { kind: 'answer', status: 200, headers: [['content-type', type]], body };
}
async function textOf({ body }: UpstreamAnswer): Promise<string> {
  return new Response(body as BodyInit).text();
}
/** Notes what it is shown, and lets through what does not hold `stops`. */
function watching(stops = 'nothing'): AnswerWatch & { readonly seen: string[] } {
  const seen: string[] = [];
  const look = (bytes: Uint8Array): boolean => {
    seen.push(new TextDecoder().decode(bytes));
    return !seen.at(-1)!.includes(stops);
  };
  return { seen, event: async (bytes) => look(bytes), whole: async (bytes) => void look(bytes) };
}
/** The text in pieces of this many characters. */
const cutAt = (text: string, length: number): string[] => text.match(new RegExp(`[^]{1,${length}}`, 'g')) ?? [];

describe('P9: The answer to an allowed request, looked at on its way', () => {
  const stream = `: comment\n\n${REQUEST}${RESPONSE}data: rest without an end`;
  for (const length of [1, 7, 1_000]) {
    test(`a stream in pieces of ${length} passes byte for byte, and its request is seen`, async () => {
      const watch = watching();
      const passed = await watchAnswer(answerOf('text/event-stream; charset=utf-8', cutAt(stream, length)), watch);
      assert.equal(await textOf(passed), stream);
      assert.deepEqual(watch.seen, [REQUEST]);
    });
  }

  test('a stream that came as a whole as well', async () => {
    const watch = watching();
    assert.equal(await textOf(await watchAnswer(answerOf('text/event-stream', stream), watch)), stream);
    assert.deepEqual(watch.seen, [REQUEST]);
  });

  test('an event that the agent must not get is left out, and nothing else', async () => {
    for (const body of [stream, cutAt(stream, 7)]) {
      const passed = await watchAnswer(answerOf('text/event-stream', body), watching('roots/list'));
      assert.equal(await textOf(passed), stream.replace(REQUEST, ''));
    }
  });

  test('from an event of 256 KiB on, a stream passes as it comes', async () => {
    const large = `${RESPONSE}${event(PAD)}${REQUEST}`;
    const watch = watching('roots/list');
    const passed = await watchAnswer(answerOf('text/event-stream', cutAt(large, 10_000)), watch);
    assert.ok((await textOf(passed)) === large);
    assert.deepEqual(watch.seen, []);
  });

  const asks = '{"result":{"resultType":"input_required","requestState":"s"}}';
  for (const [what, body, seen] of [
    ['in one piece', asks, [asks]],
    ['in pieces', cutAt(asks, 5), [asks]],
    ['in pieces, and asks nothing', cutAt('{"result":{}}', 5), []],
    ['in pieces, too long to be looked at', [`{"p":"${PAD}",`, asks.slice(1)], []],
    ['that is empty', [], []],
  ] as const) {
    test(`a message ${what} passes byte for byte`, async () => {
      const watch = watching();
      const passed = await watchAnswer(answerOf('application/json', body), watch);
      assert.ok((await textOf(passed)) === (typeof body === 'string' ? body : body.join('')));
      assert.deepEqual(watch.seen, seen);
    });
  }

  test('whoever leaves the stream ends the server’s', async () => {
    let left = false;
    const body = new ReadableStream<Uint8Array>({
      cancel: () => {
        left = true;
      },
    });
    const passed = await watchAnswer({ ...answerOf('text/event-stream', ''), body }, watching());
    await (passed.body as ReadableStream<Uint8Array>).cancel();
    assert.ok(left);
  });
});
