import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hearEnd } from '../../src/mcp/relay/hear-end.ts';
import type { ExchangeAnswer } from '../../src/ports.ts';

const encoder = new TextEncoder();

function answerOf(
  text: string,
  type: string,
  pieces = 1,
  more: { status?: number; headers?: [string, string][] } = {},
): ExchangeAnswer {
  const bytes = encoder.encode(text);
  const size = Math.ceil(bytes.length / pieces);
  const parts = Array.from({ length: pieces }, (_, n) => bytes.slice(n * size, (n + 1) * size)).filter(
    ({ length }) => length > 0,
  );
  const body =
    pieces === 1
      ? bytes
      : new ReadableStream<Uint8Array>({
          start(out) {
            for (const part of parts) out.enqueue(part);
            out.close();
          },
        });
  return {
    kind: 'answer',
    status: more.status ?? 200,
    headers: [['content-type', type], ...(more.headers ?? [])],
    body,
  } as ExchangeAnswer;
}

async function heard(answer: ExchangeAnswer, id = '7'): Promise<{ said: boolean[]; text: string }> {
  const said: boolean[] = [];
  const passed = await hearEnd(answer, id, async (succeeded) => void said.push(succeeded));
  const body = passed.kind === 'answer' ? passed.body : null;
  return { said, text: body === null ? '' : await new Response(body as never).text() };
}

const DONE = '{"content":[{"type":"text","text":"done"}]}';
const json = (result: string, id = '7') => `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
const LONG = `{"content":[{"type":"text","text":"${'x'.repeat(300_000)}"}]}`;

/** What a server answers, and what is heard: nothing, or whether it succeeded. */
const ANSWERS: [name: string, message: string, said: boolean[]][] = [
  ['a result', json(DONE), [true]],
  ['a long result', json(LONG), [true]],
  ['a result in a list', `[${json(DONE)}]`, [true]],
  ['a complete result', json(`{"resultType":"complete",${DONE.slice(1)}`), [true]],
  ['isError', json('{"isError":true,"content":[]}'), [false]],
  ['an error', '{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}', [false]],
  ['a question back', json('{"resultType":"input_required","inputRequests":{}}'), [false]],
  ['a task', json('{"task":{"taskId":"t","status":"working"}}'), [false]],
  ['another call’s result', json(DONE, '8'), []],
  ['a notification', '{"jsonrpc":"2.0","method":"notifications/progress","params":{}}', []],
  ['no JSON', 'oops', []],
];

for (const [name, message, said] of ANSWERS) {
  for (const pieces of [1, 3, 40]) {
    test(`P9: ${name}, as JSON in ${pieces} pieces and as a stream: the bytes pass as they are, and it is heard as ${JSON.stringify(said)}`, async () => {
      assert.deepEqual(await heard(answerOf(message, 'application/json', pieces)), { said, text: message });
      const before = 'event: message\nid: 1\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n';
      const events = `${before}data: ${message}\r\n\r\n: beat\n\n`;
      assert.deepEqual(await heard(answerOf(events, 'text/event-stream', pieces)), { said, text: events });
    });
  }
}

test('what is packed, refused, or breaks off proves nothing', async () => {
  assert.deepEqual((await heard(answerOf(json(DONE), 'application/json', 1, { status: 500 }))).said, [false]);
  const packed = answerOf(json(DONE), 'application/json', 1, { headers: [['content-encoding', 'gzip']] });
  assert.deepEqual((await heard(packed)).said, [false]);
  assert.deepEqual((await heard(answerOf(json(DONE).slice(0, -1), 'application/json', 2))).said, []);
  assert.deepEqual((await heard(answerOf(json(DONE), 'text/plain'))).said, []);
});

test('the agent has the response only after it was heard', async () => {
  for (const [text, type] of [
    [json(DONE), 'application/json'],
    [`data: ${json(DONE)}\n\n`, 'text/event-stream'],
  ] as const) {
    const gate = Promise.withResolvers<void>();
    const passed = await hearEnd(answerOf(text, type, 5), '7', () => gate.promise);
    let whole = false;
    const reading = new Response((passed as { body: ReadableStream }).body).text().then((read) => {
      whole = true;
      return read;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(whole, false);
    gate.resolve();
    assert.equal(await reading, text);
  }
});
