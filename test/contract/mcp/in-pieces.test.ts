import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { joinInTurns } from '../../../src/bytes/join.ts';
import { HeldJson } from '../../../src/mcp/hold/json-answer.ts';
import { placesIn } from '../../../src/mcp/json/find.ts';
import { LARGE_MESSAGE } from '../../../src/mcp/json/large.ts';
import { afterString, afterStringBytes } from '../../../src/mcp/json/text.ts';
import { editLargeList, LONGEST_ENTRY, readLargeList } from '../../../src/mcp/relay/large-list.ts';
import { watchAnswer } from '../../../src/mcp/relay/watch-answer.ts';
import { SseCutter } from '../../../src/mcp/sse/cutter.ts';
import { EventStream } from '../../../src/mcp/stdio/events.ts';
import { readPostedInPieces } from '../../../src/mcp/stdio/message.ts';

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function chunksOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** Numbers from 0 up to `most` that are the same in every run. */
function dice(): (most: number) => number {
  let seed = 11;
  return (most) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * most);
  };
}

/** Turns that others have while `work` is done. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let over = false;
  const count = (): void => {
    turns += 1;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  await work();
  over = true;
  return turns;
}

/** The events of a stream as the standard says: lines end with CR LF, LF or CR, events with a blank line. */
function eventsIn(text: string): string[] {
  const events: string[] = [];
  let event = '';
  for (const line of text.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/g) ?? []) {
    event += line;
    if (!/^[\r\n]/.test(line)) continue;
    events.push(event);
    event = '';
  }
  return event === '' ? events : [...events, event];
}

describe('P5: Long texts are searched', () => {
  test('events are cut after each blank line, with short lines and long ones', () => {
    const roll = dice();
    for (let n = 0; n < 3_000; n += 1) {
      let text = '';
      for (let parts = roll(12); parts > 0; parts -= 1)
        text += ['\n', '\r\n', '\r', 'data: x', ': '.repeat(roll(90)), 'data: y\n\n'][roll(6)]!;
      const cutter = new SseCutter();
      assert.deepEqual([...cutter.push(bytesOf(text)), cutter.end()].map(textOf).filter(Boolean), eventsIn(text), text);
    }
  });

  test('and wherever its chunks end, no byte is lost, and a blank line ends an event', () => {
    const roll = dice();
    const text = `id: 1\r\ndata: ${'x'.repeat(200)}\r\n\r\n: c\r\rdata: ${'y'.repeat(70)}\n\nrest`;
    for (let n = 0; n < 2_000; n += 1) {
      const cutter = new SseCutter();
      const events: Uint8Array[] = [];
      for (let at = 0; at < text.length; ) {
        const end = at + 1 + roll(n % 2 === 0 ? 5 : 100);
        events.push(...cutter.push(bytesOf(text.slice(at, end))));
        at = end;
      }
      events.push(cutter.end());
      assert.equal(events.map(textOf).join(''), text);
      assert.equal(events.length, 4);
      assert.equal(cutter.pendingBytes, 0);
    }
  });

  test('a string ends at its first quote that is not escaped', () => {
    const end = (text: string): number => /^"(?:[^"\\]|\\.)*"/s.exec(text)?.[0].length ?? -1;
    const roll = dice();
    for (let n = 0; n < 20_000; n += 1) {
      let text = '"';
      for (let parts = roll(6); parts > 0; parts -= 1)
        text += ['x'.repeat(roll(150)), '\\'.repeat(roll(150)), '\\"', '"', '\\\\'][roll(5)]!;
      const expected = end(text);
      if (expected === -1) assert.throws(() => afterString(text, 0), text);
      else assert.equal(afterString(text, 0), expected, text);
      assert.equal(afterStringBytes(bytesOf(text), 0), expected === -1 ? text.length : expected, text);
    }
  });

  test('numbers may begin, go on and end in any piece', async () => {
    const PIECE = 256 * 1024;
    for (const number of ['-1.5e+10', '0', '01', '1.', '-', '1e', '9'.repeat(300_000), '1.2.3', '-0.0', '+1', '2E-3'])
      for (const before of [0, PIECE - 1, PIECE - 2, PIECE - 4])
        for (const [head, tail] of [
          ['', ''],
          ['[', ']'],
          ['{"a":', ',"b":1}'],
        ] as const) {
          const text = `${' '.repeat(Math.max(0, before - head.length))}${head}${number}${tail}`;
          let isJson = true;
          try {
            JSON.parse(text);
          } catch {
            isJson = false;
          }
          const name = `${head}${number.slice(0, 10)}${tail} after ${before}`;
          assert.equal((await placesIn(bytesOf(text), [])) !== null, isJson, name);
        }
  });
});

describe('P5: What a server sends is passed on in pieces', () => {
  test('a long line of a stdio server’s comes as one event, byte for byte', async () => {
    const line = bytesOf(`{"a":"${'x'.repeat(3_000_000)}",\r"b":1}`);
    const stream = new EventStream({ onFull: () => undefined, onRoom: () => undefined, onReaderGone: () => undefined });
    stream.send(line.slice());
    stream.end();
    const chunks = await chunksOf(stream.body);
    assert.equal(Buffer.concat(chunks).toString(), `event: message\ndata: ${textOf(line).replace('\r', ' ')}\n\n`);
    assert.ok(Math.max(...chunks.map(({ length }) => length)) <= 64 * 1024, 'in pieces');
  });

  test('an event that has grown too long to be looked at is not copied', async () => {
    const piece = new Uint8Array(64 * 1024).fill(0x78);
    const body = new ReadableStream<Uint8Array>({
      start(out) {
        for (let n = 0; n < 32; n += 1) out.enqueue(piece);
        out.close();
      },
    });
    const headers = [['content-type', 'text/event-stream']] as const;
    const watch = { event: () => assert.fail('it is too long'), whole: null };
    const passed = await watchAnswer({ kind: 'answer', status: 200, headers, body }, watch);
    const chunks = await chunksOf(passed.body as ReadableStream<Uint8Array>);
    assert.equal(chunks.length, 32);
    assert.ok(chunks.every(({ buffer }) => buffer === piece.buffer));
  });

  test('a client of JSON only gets the response, and a long event before it is not read', async () => {
    const answer = new HeldJson(new AbortController().signal);
    answer.raw(bytesOf(`data: {"id":"q","method":"m"}\n\n`));
    answer.raw(bytesOf('data: {"id":1,"result":{}}\n\n'));
    // If it were read, it would take the response’s place.
    answer.raw(bytesOf(`data: {"id":2,"result":{"x":"${'x'.repeat(2 * LARGE_MESSAGE)}"}}\n\n`));
    answer.close();
    assert.equal(await (await answer.response).text(), '{"id":1,"result":{}}');
  });

  test('an entry that is too long to be judged is cut out of its list', async () => {
    const long = `{"name":"long","x":"${'x'.repeat(LONGEST_ENTRY)}"}`;
    const text = `{"id":1,"result":{"tools":[{"name":"a"}, {"name":"b"},${long},{"name":"c"}]}}`;
    const judged: string[] = [];
    const edited = await editLargeList(bytesOf(text), (_list, entry) => {
      judged.push(entry);
      return undefined;
    });
    assert.deepEqual(judged, ['{"name":"a"}', '{"name":"b"}', '{"name":"c"}']);
    assert.ok(edited !== null && edited !== 'no_json');
    assert.equal(textOf(edited), '{"id":1,"result":{"tools":[{"name":"a"}, {"name":"b"},{"name":"c"}]}}');
    assert.deepEqual((await readLargeList(bytesOf(text), 9))?.tools, [{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
  });

  test('others have turns while many megabytes are joined', async () => {
    const chunks = Array.from({ length: 64 }, () => new Uint8Array(1024 * 1024));
    let length = 0;
    const turns = await turnsDuring(async () => {
      length = (await joinInTurns(chunks)).length;
    });
    assert.equal(length, 64 * 1024 * 1024);
    assert.ok(turns >= 3, `${turns} turns`);
  });
});

describe('P9: What is posted to a stdio server is read in pieces where it is large', () => {
  const pad = `"pad":"${'x'.repeat(LARGE_MESSAGE)}"`;
  const request = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":"t"},"name":"a",PAD}}`;
  const cancelled = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,PAD}}`;
  for (const [name, body] of [
    ['a request', ` ${request}\n`],
    ['a batch', `[${cancelled}, ${cancelled}]`],
    ['a list of something else', '[1,{PAD}]'],
    ['an empty batch', '[]'],
    ['no message', '{PAD}'],
    ['no JSON', '{PAD'],
  ] as const)
    test(name, async () => {
      const read = async (text: string) => {
        const reading = await readPostedInPieces(bytesOf(text));
        if (reading.kind === 'refused') return reading;
        const { batch, parts } = reading.posted;
        return { batch, messages: parts.map(({ message }) => message), texts: parts.map(({ bytes }) => textOf(bytes)) };
      };
      const short = await read(body.replaceAll('PAD', '"pad":"x"'));
      const long = await read(body.replaceAll('PAD', pad));
      const withPad = JSON.stringify(short).replaceAll('\\"pad\\":\\"x\\"', JSON.stringify(pad).slice(1, -1));
      assert.deepEqual(long, JSON.parse(withPad));
    });
});
