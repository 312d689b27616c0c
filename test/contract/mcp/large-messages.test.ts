import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { responseForCaller } from '../../../src/mcp/hold/kept-answer.ts';
import { sendLarge } from '../../../src/mcp/hold/large-answer.ts';
import { questionIn, questionInPieces } from '../../../src/mcp/hold/question.ts';
import { type ByteSpan, placesIn } from '../../../src/mcp/json/find.ts';
import { LARGE_MESSAGE } from '../../../src/mcp/json/large.ts';
import { withoutHidden } from '../../../src/mcp/relay/hide-tools.ts';
import { editLargeList, readLargeList } from '../../../src/mcp/relay/large-list.ts';
import { fieldsOf } from '../../../src/mcp/sse/fields.ts';
import { largeEventFields } from '../../../src/mcp/sse/large-event.ts';
import { classifyLarge, classifyMessage } from '../../../src/mcp/stdio/message.ts';
import { responseIn } from '../../../src/mcp/upstream/response.ts';

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const FILLING = 'x'.repeat(LARGE_MESSAGE);

/** Numbers from 0 to 1 that are the same in every run. */
function* dice(): Generator<number> {
  for (let seed = 7; ; ) {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield seed / 2_147_483_648;
  }
}

describe('Places in JSON that is read in pieces', () => {
  const asked = [['id'], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['result', '_meta']] as const;

  test('are what JSON.parse finds there, and only JSON has any', async () => {
    const seeds = [
      '{"a":{"b":{"c":[1,{"b":2}]},"x":"\\u0061\\n"},"id":-1.5e3}',
      '[{"a":1}]',
      '{"a":1,"a":{"b":2},"\\u0069d":null}',
    ];
    const rolls = dice();
    const roll = (most: number): number => Math.floor(rolls.next().value * most);
    let valid = 0;
    for (let n = 0; n < 20_000; n += 1) {
      let text = seeds[n % seeds.length]!;
      for (let edits = roll(3); edits > 0; edits -= 1) {
        const at = roll(text.length);
        const put = roll(2) === 0 ? '' : '{}[]",:\\0123e.-tfnu '[roll(20)]!;
        text = text.slice(0, at) + put + text.slice(at + 1);
      }
      let value: unknown;
      let isJson = true;
      try {
        value = JSON.parse(text);
      } catch {
        isJson = false;
      }
      const places = await placesIn(bytesOf(text), asked);
      assert.equal(places !== null, isJson, text);
      if (places === null) continue;
      valid += 1;
      for (const path of asked) {
        let expected: unknown = value;
        for (const step of path) {
          const holds =
            typeof expected === 'object' &&
            expected !== null &&
            !Array.isArray(expected) &&
            Object.hasOwn(expected, step);
          expected = holds ? (expected as Record<string, unknown>)[step] : undefined;
        }
        const place: ByteSpan | undefined = places.get(path.join(' '));
        const found: unknown =
          place === undefined ? undefined : JSON.parse(textOf(bytesOf(text).subarray(place.start, place.end)));
        assert.deepEqual(found, expected, `${path} of ${text}`);
      }
    }
    assert.ok(valid > 2_000, `${valid} were JSON`);
  });

  test('others have a turn every 256 KiB', async () => {
    const bytes = bytesOf(JSON.stringify({ a: 'x'.repeat(2_000_000) }));
    let turns = 0;
    let over = false;
    const count = (): void => {
      turns += 1;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    await placesIn(bytes, []);
    over = true;
    assert.ok(turns >= 7, `${turns} turns`);
  });
});

describe('A large message is treated like a short one', () => {
  test('a response: its id, and whether it failed', async () => {
    const response = (rest: string, id = '"7"') => bytesOf(`{"jsonrpc":"2.0","id":${id},${rest}}`);
    for (const [rest, failed] of [
      [`"result":{"content":[],"isError":true,"x":"${FILLING}"}`, true],
      [`"result":{"content":[],"isError":1,"x":"${FILLING}"}`, false],
      [`"error":{"code":1,"message":"${FILLING}"}`, true],
    ] as const) {
      const { outcome } = await responseIn(response(rest), '"7"');
      assert.deepEqual(outcome, { kind: 'returned', response: response(rest), failed });
      assert.equal((await responseIn(response(rest, '7'), '"7"')).outcome, null, 'another id');
    }
    const request = response(`"method":"m","result":{"x":"${FILLING}"}`);
    assert.equal((await responseIn(request, '"7"')).outcome, null, 'a request');
    const cut = bytesOf(`{"id":"7","result":{"x":"${FILLING}"}`);
    assert.equal((await responseIn(cut, '"7"')).outcome, null, 'no JSON');
  });

  test('an answer for one caller: his id, and the approval in _meta', async () => {
    const meta = { id: 'ap_1', state: 'succeeded' };
    for (const result of [
      `{"x":"${FILLING}"}`,
      '{ }',
      `{"_meta":{},"x":"${FILLING}"}`,
      `{"_meta":{"a":1},"x":1.0}`,
      `{"_meta":{"holdfast/approval":{"forged":true},"b":[1, 2]}}`,
      `{"_meta":[1]}`,
      '[1]',
    ]) {
      const response = `{"jsonrpc":"2.0",\n"id": 0, "result":${result}}`;
      const pieces: Uint8Array[] = [];
      let id: string | null = null;
      const answer = {
        readerGone: new AbortController().signal,
        large: async (eventId: string | null, some: Iterable<Uint8Array>) => {
          id = eventId;
          pieces.push(...some);
        },
      };
      await sendLarge(answer, bytesOf(response), 'e1', '"mine"', { 'holdfast/approval': meta });
      const sent = pieces.map(textOf).join('');
      assert.deepEqual(JSON.parse(sent), JSON.parse(responseForCaller(response, '"mine"', meta)), result.slice(0, 40));
      assert.ok(!sent.includes('\n') && id === 'e1' && pieces.every((piece) => piece.length <= LARGE_MESSAGE));
    }
  });

  test('a question, with its state', async () => {
    const asks = `{"id":1,"result":{"resultType":"input_required","requestState":"s\\n","inputRequests":{"q":{"x":"${FILLING}"}}}}`;
    assert.deepEqual(await questionInPieces(bytesOf(asks)), questionIn(bytesOf(asks)));
    assert.equal(await questionInPieces(bytesOf(`{"id":1,"result":{"x":"input_required ${FILLING}"}}`)), null);
  });

  test('an event: its data, id and retry', async () => {
    for (const event of [
      `\ufeffid: 7\nretry: 20\ndata: {"a":\ndata:1}\ndata\n\n`,
      `data: ${FILLING}\r\nid: x\r\n\r\n`,
      `event: message\ndata:x\rdata: y\r\r`,
      ': nothing\n\n',
    ]) {
      const { data, id, retryMs } = await largeEventFields(bytesOf(event));
      const fields = fieldsOf(event);
      const expected = { ...fields, data: fields.data?.replaceAll('\n', ' ') ?? null };
      assert.deepEqual({ data: data === null ? null : textOf(data), id, retryMs }, expected);
    }
  });

  test('a list of tools without its hidden ones', async () => {
    const isHidden = (name: string): boolean => name.startsWith('hidden');
    const edit = (_list: string, _text: string, tool: unknown) =>
      isHidden((tool as { name: string }).name) ? null : undefined;
    const named = (names: readonly string[]) =>
      names.map((name) => ` {"name":"${name}","n":12345678901234567890} `).join();
    for (const names of [
      ['a', 'hidden1', 'b'],
      ['hidden1', 'hidden2'],
      ['hidden1', 'a'],
      ['a', 'hidden1'],
      ['a', 'b'],
      [],
    ]) {
      const text = `{"id":1,"result":{"cacheScope":"public","tools":[${named(names)}],"nextCursor":"c"}}`;
      const short = withoutHidden(text, isHidden);
      const large = await editLargeList(bytesOf(text), edit);
      assert.ok(large !== 'no_json');
      assert.equal(large === null, short === null, String(names));
      if (large !== null) assert.deepEqual(JSON.parse(textOf(large)), JSON.parse(short!));
      if (large !== null && !names.every(isHidden)) assert.match(textOf(large), /12345678901234567890/);
      const { tools } = (JSON.parse(text) as { result: { tools: object[] } }).result;
      assert.deepEqual(await readLargeList(bytesOf(text), 2), { tools: tools.slice(0, 2), next: 'c' });
    }
    assert.equal(await editLargeList(bytesOf('{"id":1,"result":{"tools":{}}}'), edit), null);
  });

  test('a line of a stdio server', async () => {
    for (const value of [
      { id: 1, method: 'sampling/createMessage', params: { _meta: { progressToken: 't' }, x: FILLING } },
      { id: 'a', result: { protocolVersion: '2025-06-18', x: FILLING } },
      { id: 2, error: { code: 1 } },
      { method: 'notifications/progress', params: { progressToken: 3, x: FILLING } },
      { method: 'notifications/cancelled', params: { requestId: 'r' } },
      { id: { no: 'id' }, method: 'm' },
      { neither: FILLING },
    ]) {
      assert.deepEqual(await classifyLarge(bytesOf(JSON.stringify(value))), classifyMessage(value as never));
    }
    assert.equal(await classifyLarge(bytesOf('{"id":1,"result":')), null);
  });
});
