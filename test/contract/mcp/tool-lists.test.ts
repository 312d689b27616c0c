import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { seenNow } from '../../../src/config/policy/seen.ts';
import type { Json, JsonObject } from '../../../src/domain/json/json.ts';
import type { LoggedEvent, NewEvent } from '../../../src/domain/log/event.ts';
import { toolListOf } from '../../../src/domain/tool/list.ts';
import { toolOf } from '../../../src/domain/tool/tool.ts';
import { ToolLists } from '../../../src/gateway/tools/tool-lists.ts';
import { askServer } from '../../../src/main/console/ask-server.ts';
import { listPage, observeAnswer } from '../../../src/mcp/relay/observe-answer.ts';
import type { ExchangeAnswer } from '../../../src/ports.ts';
import { TestClock } from '../../support/clock.ts';
import { quiet } from '../../support/log.ts';

type Answer = Extract<ExchangeAnswer, { kind: 'answer' }>;

const tool = (name: string, description = ''): JsonObject => ({ name, description, inputSchema: { type: 'object' } });
const LIST = { jsonrpc: '2.0', id: 1, result: { tools: [tool('query'), tool('wipe', 'Wipes “it” – all of it.')] } };

function answerOf(body: Uint8Array, headers: Record<string, string>, chunk = 7): Answer {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += chunk) parts.push(body.slice(at, at + chunk));
  const stream = new ReadableStream<Uint8Array>({
    pull(out) {
      const next = parts.shift();
      if (next === undefined) out.close();
      else out.enqueue(next);
    },
  });
  return { kind: 'answer', status: 200, headers: Object.entries(headers), body: stream };
}

async function passed(answer: Answer): Promise<{ heard: JsonObject[]; bytes: Uint8Array }> {
  const heard: JsonObject[] = [];
  const { body } = observeAnswer(answer, (message) => heard.push(message));
  return { heard, bytes: new Uint8Array(await new Response(body as BodyInit).arrayBuffer()) };
}

const utf8 = new TextEncoder();

/** Bytes that are still in use after garbage collection. */
function heldNow(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('an answer that is observed', () => {
  const json = utf8.encode(JSON.stringify(LIST));
  const progress = ': hello\n\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\r\n\r\n';
  const sse = utf8.encode(`${progress}id: 7\ndata: ${JSON.stringify(LIST)}\n\n`);
  const table: [string, Uint8Array, Record<string, string>, boolean][] = [
    ['JSON', json, { 'content-type': 'application/json' }, true],
    ['a stream', sse, { 'content-type': 'text/event-stream; charset=utf-8' }, true],
    ['a packed one', json, { 'content-type': 'application/json', 'content-encoding': 'gzip' }, false],
    ['no JSON', json.slice(3), { 'content-type': 'application/json' }, false],
    ['one that is too long', utf8.encode(`${JSON.stringify(LIST)}${' '.repeat(9 << 20)}`), {}, false],
  ];
  for (const [what, body, headers, heardOf] of table) {
    test(`P9: ${what} passes byte for byte, and is ${heardOf ? 'read' : 'not read'}`, async () => {
      for (const chunk of body.length > 100_000 ? [65_536] : [1, 7, body.length]) {
        const { heard, bytes } = await passed(answerOf(body, headers, chunk));
        assert.equal(Buffer.compare(bytes, body), 0);
        assert.deepEqual(
          heard.filter((message) => 'result' in message),
          heardOf ? [LIST] : [],
        );
      }
    });
  }

  test('is read no faster than its reader reads, and let go when the reader goes', async () => {
    let pulled = 0;
    let cancelled: unknown;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(out) {
          pulled += 1;
          out.enqueue(utf8.encode('x'));
        },
        cancel: (reason) => {
          cancelled = reason;
        },
      },
      { highWaterMark: 0 },
    );
    const heard = observeAnswer({ kind: 'answer', status: 200, headers: [], body }, () => undefined);
    const reader = (heard.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    assert.equal(pulled, 1);
    await reader.cancel('enough');
    assert.equal(cancelled, 'enough');
  });
});

function lists(latest: NewEvent | null = null) {
  const events: NewEvent[] = [];
  const clock = new TestClock();
  const made = new ToolLists({
    clock,
    log: quiet,
    latest: async () => (events.at(-1) ?? latest) as LoggedEvent | null,
    note: (event) => events.push(event),
    seenNow,
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
  });
  const page = (tools: readonly Json[], cursor: string | null = null, next: string | null = null) =>
    made.page('s', { cursor, tools, next });
  const named = (event: NewEvent | undefined) => toolListOf(event?.data ?? null)?.tools.map((one) => one.name);
  // Nothing here waits for anything outside the process: all is done by the next turn of the event loop.
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { made, events, clock, page, named, settled };
}

describe('lists of tools', () => {
  test('are an event when they are new or changed, which says what changed, and none when they are the same', async () => {
    const { events, page, named, settled } = lists();
    page([tool('b'), tool('a')]);
    page([tool('a'), tool('b')]);
    await settled();
    assert.equal(events.length, 1);
    assert.deepEqual(
      [events[0]!.type, events[0]!.actor, events[0]!.server, named(events[0])],
      ['tools.listed', 'holdfast', 's', ['a', 'b']],
    );
    page([tool('a', 'Now it deletes everything.'), tool('c')]);
    await settled();
    const { added, removed, changed } = events[1]!.data;
    assert.deepEqual([added, removed, changed], [['c'], ['b'], ['a']]);
  });

  test('are compared with what the log last said, also by a process that has just started', async () => {
    const first = lists();
    first.page([tool('a')]);
    await first.settled();
    const second = lists(first.events[0]!);
    second.page([tool('a')]);
    await second.settled();
    assert.equal(second.events.length, 0);
    assert.ok(second.made.seenAt('s'));
    second.page([tool('a'), tool('b')]);
    await second.settled();
    assert.deepEqual(second.events.at(-1)?.data.added, ['b']);
  });

  test('say where there is room for the agent’s reason, also to a process that has seen none', async () => {
    const schemas: readonly (readonly [string, Json, 'free' | 'own'])[] = [
      ['plain', { type: 'object' }, 'free'],
      ['some', { type: 'object', properties: { reason: { type: 'string' } } }, 'free'],
      ['named', { type: 'object', properties: { holdfast_reason: {} } }, 'own'],
      ['deep', { type: 'object', allOf: [{ properties: { holdfast_reason: {} } }] }, 'own'],
      ['elsewhere', { type: 'object', $ref: '#/x' }, 'own'],
      ['no object', true, 'own'],
      ['no type', {}, 'own'],
    ];
    const listed = schemas.map(([name, inputSchema]) => ({ name, inputSchema }));
    const first = lists();
    assert.equal(await first.made.reasonRoom('s', 'plain'), 'unknown');
    first.page([
      ...listed,
      { name: 'twice', inputSchema: { type: 'object', properties: { holdfast_reason: {} } } },
      tool('twice'),
    ]);
    await first.settled();
    const second = lists(first.events[0]!);
    for (const { made } of [first, second]) {
      for (const [name, , room] of schemas) assert.equal(await made.reasonRoom('s', name), room, name);
      assert.equal(await made.reasonRoom('s', 'twice'), 'own', 'either entry may be believed');
      assert.equal(await made.reasonRoom('s', 'not listed'), 'unknown');
    }
    // A release before this one did not judge it, so its list says nothing, and the same list is written again.
    const { judgedRoom: _, ...data } = first.events[0]!.data as JsonObject;
    const third = lists({ ...first.events[0]!, data });
    assert.equal(await third.made.reasonRoom('s', 'plain'), 'unknown');
    third.page([
      ...listed,
      { name: 'twice', inputSchema: { type: 'object', properties: { holdfast_reason: {} } } },
      tool('twice'),
    ]);
    await third.settled();
    assert.deepEqual([third.events.length, third.events[0]?.data.changed], [1, []]);
    third.page([{ name: 'named', inputSchema: { type: 'object' } }]);
    await third.settled();
    assert.equal(await third.made.reasonRoom('s', 'named'), 'free');
  });

  test('come in pages, which belong together by their cursors, whoever reads at the same time', async () => {
    const { events, page, named, settled } = lists();
    page([tool('a')], null, 'one');
    page([tool('x')], 'never heard of');
    await settled();
    assert.deepEqual(events, [], 'a part is no list');
    page([tool('b')], 'one', 'two');
    page([tool('b')], 'one', 'two');
    page([tool('c')], 'two');
    await settled();
    assert.deepEqual(named(events[0]), ['a', 'b', 'c']);
    assert.equal(events.length, 1);
  });

  test('hold foreign text within bounds, and a server that shows everybody another list does not fill the log', async () => {
    const { events, page, settled, clock } = lists();
    page(Array.from({ length: 600 }, (_, i) => tool(`${'n'.repeat(500)}${i}\ud800\0`)));
    await settled();
    const list = toolListOf(events[0]!.data)!;
    assert.deepEqual([list.tools.length, list.count], [500, 600]);
    assert.ok(JSON.stringify(events[0]!.data).length < 200_000);
    assert.ok(list.tools.every(({ name }) => name.length <= 128));
    for (let i = 0; i < 40; i += 1) page([tool(`t${i}`)]);
    await settled();
    assert.ok(events.length <= 10, `${events.length} events`);
    clock.advance(3_600_000);
    page([tool('later')]);
    await settled();
    assert.equal(toolListOf(events.at(-1)!.data)!.tools[0]!.name, 'later');
  });

  test('cannot change unseen by holding text that is no text', async () => {
    const { events, page, settled } = lists();
    page([tool('a')]);
    page([tool('a', 'Now it deletes \ud800 everything.'), tool('b')]);
    await settled();
    assert.deepEqual([events.at(-1)?.data.changed, events.at(-1)?.data.added], [['a'], ['b']]);
  });

  test('without an end are remembered by what is logged of them, not by their entries', async () => {
    const { page, named, events, settled } = lists();
    const [pages, octets] = [60, 1_000_000];
    const before = heldNow();
    for (let n = 0; n < pages; n += 1) {
      const text = Buffer.alloc(octets, 97 + (n % 26)).toString('latin1');
      page([tool(`t${n}`, text)], n === 0 ? null : `c${n}`, n === pages - 1 ? null : `c${n + 1}`);
      if (n === pages - 2)
        assert.ok(heldNow() - before < (pages * octets) / 3, `${heldNow() - before} octets are held`);
    }
    await settled();
    assert.equal(named(events[0])?.length, pages);
  });

  test('what is not a list counts as none', () => {
    const none: Json[] = [null, {}, { tools: 1, count: 1, digest: '' }, []];
    for (const data of none) assert.equal(toolListOf(data), null);
    const tools: Json[] = [null, 7, { name: 1 }, { name: 'a', risk: 'x', severity: 'low', look: '' }];
    const odd: Json = { tools, count: 4, digest: 'd' };
    assert.deepEqual(toolListOf(odd)!.tools, []);
    assert.equal(listPage({}, { result: { tools: {} } }), null);
    assert.deepEqual(listPage({ params: { cursor: 'c' } }, { result: { tools: [], nextCursor: 'd' } }), {
      cursor: 'c',
      tools: [],
      next: 'd',
    });
  });

  test('are asked for once, whoever asks meanwhile, and a failure is told in few words', async () => {
    const { made, events } = lists();
    const server = { name: 's' } as never;
    const rules = { loaded: { config: { servers: new Map([['s', server]]) } } } as never;
    let asked = 0;
    let answer: (listing: never) => void = () => undefined;
    const ask = askServer(rules, made, () => {
      asked += 1;
      return new Promise((resolve) => {
        answer = resolve as never;
      });
    });
    const both = [ask('s', 'admin'), ask('s', 'admin')];
    answer({ ok: true, tools: [toolOf(tool('a'))!] } as never);
    assert.deepEqual(await Promise.all(both), [
      { kind: 'listed', count: 1 },
      { kind: 'listed', count: 1 },
    ]);
    assert.deepEqual([asked, events[0]!.actor], [1, 'admin']);
    const third = ask('s', 'admin');
    answer({ ok: false, why: 'no answer within 15 s; it said: '.padEnd(9_000, 'x') } as never);
    const said = await third;
    assert.ok(said.kind === 'failed' && said.why.startsWith('no answer within 15 s') && said.why.length === 500);
    assert.deepEqual(await ask('elsewhere', 'admin'), { kind: 'unknown' });
  });
});
