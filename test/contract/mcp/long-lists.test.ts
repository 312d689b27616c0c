import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advertisement } from '../../../src/mcp/relay/advertise.ts';
import { withoutHidden } from '../../../src/mcp/relay/hide-tools.ts';
import { editData } from '../../../src/mcp/sse/edit-data.ts';
import { policyOf } from '../../support/domain/policy.ts';

/** Milliseconds: hundreds of times what one pass takes, and a fraction of what a pass per tool takes. */
const PATIENCE_MS = 5_000;
const MANY = 20_000;

function inTime<T>(work: () => T): T {
  const began = performance.now();
  const made = work();
  const took = performance.now() - began;
  assert.ok(took < PATIENCE_MS, `it took ${Math.round(took)} ms, and held up everybody meanwhile`);
  return made;
}

const named = (name: (index: number) => string): object[] =>
  Array.from({ length: MANY }, (_, i) => ({ name: name(i) }));
const answerWith = (tools: readonly object[]): string => JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools } });

test('a list of very many gated tools is marked in one pass', () => {
  const mark = advertisement(policyOf({ default: 'require_approval' }), 'tools/list', '2025-11-25');
  const text = answerWith(named((index) => `tool_${index}`));
  const marked = JSON.parse(inTime(() => mark!.text(text)) ?? '') as { result: { tools: object[] } };
  assert.equal(marked.result.tools.length, MANY);
  assert.deepEqual(marked.result.tools.at(-1), {
    name: `tool_${MANY - 1}`,
    execution: { taskSupport: 'optional' },
  });
});

test('a list of very many tools loses its hidden ones in one pass', () => {
  const text = answerWith(named((index) => (index % 2 === 0 ? `shown_${index}` : 'hidden')));
  const cut = JSON.parse(inTime(() => withoutHidden(text, (name) => name === 'hidden')) ?? '') as {
    result: { tools: { name: string }[] };
  };
  assert.equal(cut.result.tools.length, MANY / 2);
  assert.ok(cut.result.tools.every(({ name }) => name.startsWith('shown_')));
});

test('a batch of very many lists loses its hidden tools in one pass', () => {
  const one = '{"id":1,"result":{"cacheScope":"public","tools":[{"name":"hidden"}, {"name":"shown"}]}}';
  const text = ` [ ${Array.from({ length: MANY }, () => one).join(' , ')} ]`;
  const cut = inTime(() => withoutHidden(text, (name) => name === 'hidden'));
  const other = '{"id":1,"result":{"cacheScope":"private","tools":[{"name":"shown"}]}}';
  assert.equal(cut, ` [ ${Array.from({ length: MANY }, () => other).join(' , ')} ]`);
});

test('an event keeps every line that is no data, with its own end, wherever its data stands', () => {
  const event = ': a\r\ndata: {"x":\rid: 7\ndata:1}\r\ndatabase: no\nretry: 5\n\n';
  const heard: string[] = [];
  const edited = editData(event, (data) => {
    heard.push(data);
    return 'one\ntwo';
  });
  assert.deepEqual(heard, ['{"x":\n1}']);
  assert.equal(edited, ': a\r\ndata: one\rdata: two\rid: 7\ndatabase: no\nretry: 5\n\n');
});

test('an event of millions of lines takes no more than its text', () => {
  const event = `data: tools\n${'a\n'.repeat(8_000_000)}\n`;
  const before = process.memoryUsage().heapUsed;
  assert.equal(
    inTime(() => editData(event, () => null)),
    null,
  );
  const grown = (process.memoryUsage().heapUsed - before) / 1e6;
  assert.ok(grown < 400, `the heap grew by ${Math.round(grown)} MB`);
});
