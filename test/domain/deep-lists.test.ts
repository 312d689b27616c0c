import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seenNow } from '../../src/config/policy/seen.ts';
import type { Json } from '../../src/domain/json/json.ts';
import type { NewEvent } from '../../src/domain/log/event.ts';
import { ToolLists } from '../../src/gateway/tools/tool-lists.ts';
import { listPage, observeAnswer } from '../../src/mcp/relay/observe-answer.ts';

const DEEP = 40_000;
const NESTED = {
  lists: `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`,
  objects: `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`,
};

function world() {
  const events: NewEvent[] = [];
  const lists = new ToolLists({
    seenNow,
    sha256: (text) => text,
    clock: { now: () => new Date(0) },
    log: { warn: (what: object) => assert.fail(JSON.stringify(what)) } as never,
    latest: async () => null,
    note: (event) => void events.push(event),
  });
  return { lists, events };
}

/** What a process makes of an answer to `tools/list` that passes through it. */
async function observed(tools: string, events: boolean): Promise<ReturnType<typeof world>> {
  const made = world();
  const json = `{"jsonrpc":"2.0","id":1,"result":{"tools":${tools}}}`;
  const type = events ? 'text/event-stream' : 'application/json';
  const body = new TextEncoder().encode(events ? `data: ${json}\n\n` : json);
  observeAnswer({ kind: 'answer', status: 200, headers: [['content-type', type]], body } as never, (answer) => {
    const page = listPage({}, answer);
    if (page !== null) made.lists.page('s', page);
  });
  // A rejection that nobody handles would end the process, and here the test.
  const until = performance.now() + 30_000;
  while (made.events.length === 0 && performance.now() < until) await new Promise(setImmediate);
  return made;
}

describe('P4: whatever a server nests in its list of tools, the process goes on and knows its tools', () => {
  for (const [kind, nested] of Object.entries(NESTED)) {
    for (const place of ['default', 'properties', 'allOf']) {
      for (const long of [false, true]) {
        for (const events of [false, true]) {
          test(`${kind} in ${place}${long ? ', in a large answer' : ''}${events ? ', as an event' : ''}`, async () => {
            const tool = (name: string, filler: number, more = ''): string =>
              `{"name":"${name}","description":"${'x'.repeat(filler)}","inputSchema":{"type":"object"${more}}}`;
            const others = ['b', 'c', 'plain'].map((name) => tool(name, long ? 100_000 : 1));
            const tools = `[${tool('deep', 1, `,"${place}":${nested}`)},${others}]`;
            const { lists, events: noted } = await observed(tools, events);
            assert.equal(noted.length, 1);
            assert.equal(lists.schema('s', 'deep'), null);
            assert.deepEqual(lists.schema('s', 'plain'), { type: 'object' });
            assert.equal(await lists.reasonRoom('s', 'plain'), 'free');
          });
        }
      }
    }
  }
  test('a schema of a usual depth is kept', () => {
    const { lists } = world();
    let schema: Json = { type: 'string' };
    for (let n = 0; n < 20; n++) schema = { type: 'object', properties: { a: schema } };
    lists.page('s', { cursor: null, tools: [{ name: 'a', inputSchema: schema }], next: null });
    assert.deepEqual(lists.schema('s', 'a'), schema);
  });
  test('an observer that fails ends nothing', async () => {
    const body = new TextEncoder().encode(`{"result":{"tools":[{"description":"${'x'.repeat(300_000)}"}]}}`);
    let told = 0;
    observeAnswer(
      { kind: 'answer', status: 200, headers: [['content-type', 'application/json']], body } as never,
      () => {
        told += 1;
        throw new Error('it cannot be read');
      },
    );
    for (let n = 0; n < 200 && told === 0; n++) await new Promise(setImmediate);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(told, 1);
  });
});
