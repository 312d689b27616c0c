import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallEnd } from '../../src/gateway/state/heard-call.ts';
import { hearEnd } from '../../src/mcp/relay/hear-end.ts';
import { hearLate } from '../../src/mcp/relay/hear-late.ts';
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

async function heard(
  answer: ExchangeAnswer,
  id = '7',
  resumable = true,
): Promise<{ said: CallEnd[]; text: string; came: number }> {
  const said: CallEnd[] = [];
  let came = 0;
  const call = {
    came: async () => {
      came += 1;
    },
    ended: async (how: CallEnd) => void said.push(how),
  };
  const passed = await hearEnd(answer, id, call, resumable);
  const body = passed.kind === 'answer' ? passed.body : null;
  return { said, text: body === null ? '' : await new Response(body as never).text(), came };
}

const DONE = '{"content":[{"type":"text","text":"done"}]}';
const json = (result: string, id = '7') => `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
const LONG = `{"content":[{"type":"text","text":"${'x'.repeat(300_000)}"}]}`;

/** What a server answers, and what is heard of it, as JSON and as a stream that may be resumed. */
const ANSWERS: [name: string, message: string, json: CallEnd, stream: CallEnd][] = [
  ['a result', json(DONE), 'succeeded', 'succeeded'],
  ['a long result', json(LONG), 'succeeded', 'succeeded'],
  ['a result in a list', `[${json(DONE)}]`, 'succeeded', 'succeeded'],
  ['a complete result', json(`{"resultType":"complete",${DONE.slice(1)}`), 'succeeded', 'succeeded'],
  ['isError', json('{"isError":true,"content":[]}'), 'failed', 'failed'],
  ['an error', '{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}', 'failed', 'failed'],
  ['a question back', json('{"resultType":"input_required","inputRequests":{}}'), 'failed', 'failed'],
  ['a task', json('{"task":{"taskId":"t","status":"working"}}'), 'unfinished', 'unfinished'],
  ['a modern task', json('{"resultType":"task","taskId":"t"}'), 'unfinished', 'unfinished'],
  ['another call’s result', json(DONE, '8'), 'failed', 'unfinished'],
  ['a notification', '{"jsonrpc":"2.0","method":"notifications/progress","params":{}}', 'failed', 'unfinished'],
  ['no JSON', 'oops', 'failed', 'unfinished'],
];

for (const [name, message, asJson, asStream] of ANSWERS) {
  for (const pieces of [1, 3, 40]) {
    test(`P9: ${name}, in ${pieces} pieces: the bytes pass as they are, and it is heard as ${asJson}, of a stream as ${asStream}`, async () => {
      const whole = await heard(answerOf(message, 'application/json', pieces));
      assert.deepEqual([whole.said, whole.text], [[asJson], message]);
      const before = 'event: message\nid: 1\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n';
      const events = `${before}data: ${message}\r\n\r\n: beat\n\n`;
      const stream = await heard(answerOf(events, 'text/event-stream', pieces));
      assert.deepEqual([stream.said, stream.text], [[asStream], events]);
      assert.ok(stream.came >= 1, 'what came before the response is told');
    });
  }
}

test('what is packed, refused, or breaks off proves nothing, and is told to come while it comes', async () => {
  assert.deepEqual((await heard(answerOf(json(DONE), 'application/json', 1, { status: 500 }))).said, ['failed']);
  const packed = await heard(answerOf(json(DONE), 'application/json', 3, { headers: [['content-encoding', 'gzip']] }));
  assert.deepEqual(packed, { said: ['unfinished'], text: json(DONE), came: 3 });
  assert.deepEqual((await heard(answerOf(json(DONE).slice(0, -1), 'application/json', 2))).said, ['failed']);
  assert.deepEqual((await heard(answerOf(json(DONE), 'text/plain'))).said, ['unfinished']);
  const notes = 'data: {"jsonrpc":"2.0","method":"x"}\n\n';
  assert.deepEqual(
    (await heard(answerOf(notes, 'text/event-stream', 2), '7', false)).said,
    ['failed'],
    'not resumable',
  );
});

test('P1: of a stream that its agent leaves, or that breaks off, the end was not heard', async () => {
  const event = 'id: 1\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n';
  for (const way of ['leaves', 'breaks off'] as const) {
    const said: CallEnd[] = [];
    const call = { came: async () => {}, ended: async (how: CallEnd) => void said.push(how) };
    let source: ReadableStreamDefaultController<Uint8Array> | null = null;
    const body = new ReadableStream<Uint8Array>({
      start: (out) => {
        source = out;
      },
    });
    source!.enqueue(encoder.encode(event));
    const answer = { kind: 'answer', status: 200, headers: [['content-type', 'text/event-stream']], body };
    const passed = (await hearEnd(answer as never, '7', call, true)) as { body: ReadableStream<Uint8Array> };
    const reader = passed.body.getReader();
    await reader.read();
    assert.deepEqual(said, []);
    if (way === 'leaves') await reader.cancel('gone');
    else {
      source!.error(new Error('reset'));
      await assert.rejects(reader.read(), /reset/);
    }
    assert.deepEqual(said, ['unfinished'], way);
  }
});

test('P9: what may belong to calls of before is told before it passes, and passes as it is', async () => {
  const note = 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n';
  const response = `id: 4\ndata: ${json(DONE)}\n\n`;
  for (const [text, type, asked, told] of [
    [json(DONE), 'application/json', true, true],
    [`${note}${response}`, 'text/event-stream', false, true],
    [`${note}: beat\n\n${note}`, 'text/event-stream', false, false],
    [note, 'text/event-stream', true, true],
    [`data: [${json(DONE)}]\n\n`, 'text/event-stream', false, true],
    [': beat\n\n', 'text/event-stream', false, false],
  ] as const) {
    for (const pieces of [1, 2, 9]) {
      let times = 0;
      const late = async () => {
        times += 1;
      };
      const passed = (await hearLate(answerOf(text, type, pieces), late, asked)) as { body: BodyInit };
      assert.equal(await new Response(passed.body).text(), text);
      assert.equal(times > 0, told || pieces === 1, `${text} ${pieces}`);
    }
  }
});

test('the agent has the response only after it was heard', async () => {
  for (const [text, type] of [
    [json(DONE), 'application/json'],
    [`data: ${json(DONE)}\n\n`, 'text/event-stream'],
  ] as const) {
    const gate = Promise.withResolvers<void>();
    const call = { came: async () => {}, ended: () => gate.promise };
    const passed = await hearEnd(answerOf(text, type, 5), '7', call, true);
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
