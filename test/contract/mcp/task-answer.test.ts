import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasResult, taskAnswerIn } from '../../../src/mcp/upstream/task-answer.ts';

const bytes = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const decoded = (part: Uint8Array | null | undefined): unknown =>
  part ? JSON.parse(new TextDecoder().decode(part)) : null;
/** What makes an answer large: 400,000 members. */
const MUCH = Object.fromEntries(Array.from({ length: 400_000 }, (_, i) => [`m${i}`, 1]));

const ROWS: readonly (readonly [string, object, { readonly inlined: object | null; readonly isError: boolean }])[] = [
  ['works', { status: 'working', pollInterval: 100 }, { inlined: null, isError: false }],
  ['has ended', { status: 'completed', result: { content: [] } }, { inlined: { content: [] }, isError: false }],
  [
    'has failed',
    { status: 'completed', result: { content: [], isError: true } },
    { inlined: { content: [], isError: true }, isError: true },
  ],
];

describe('What a server says of its task', () => {
  for (const [state, task, { inlined, isError }] of ROWS) {
    for (const more of [{}, { more: MUCH }]) {
      test(`is read when it ${state}, ${'more' in more ? 'in pieces' : 'at once'}`, async () => {
        let turns = 0;
        let over = false;
        const count = (): void => {
          turns += 1;
          if (!over) setImmediate(count);
        };
        setImmediate(count);
        const answer = await taskAnswerIn(bytes({ jsonrpc: '2.0', id: 1, result: { ...more, ...task } }));
        over = true;
        const { result } = JSON.parse(answer!.text) as { result: Record<string, unknown> };
        assert.equal(result.status, (task as { status: string }).status);
        assert.equal(result.pollInterval, (task as { pollInterval?: number }).pollInterval);
        assert.deepEqual((decoded(answer!.inlined) as { result?: unknown } | null)?.result ?? null, inlined);
        assert.equal(answer!.isError, isError);
        if ('more' in more) assert.ok(turns >= 4 && answer!.text.length < 1_000, `${turns} turns`);
      });
    }
  }

  test('a question in a large answer is kept as it stands', async () => {
    const inputRequests = { who: { method: 'elicitation/create', params: { message: 'Really?' } } };
    const task = { status: 'input_required', more: MUCH, inputRequests, requestState: 'theirs' };
    const { result } = JSON.parse((await taskAnswerIn(bytes({ id: 1, result: task })))!.text);
    assert.deepEqual([result.inputRequests, result.requestState], [inputRequests, 'theirs']);
  });

  test('a question that is too long to be kept is left out, and its length is known', async () => {
    const task = { status: 'input_required', inputRequests: { who: 'x'.repeat(300_000) } };
    const answer = await taskAnswerIn(bytes({ id: 1, result: task }));
    assert.deepEqual([JSON.parse(answer!.text).result, answer!.leftOut], [{ status: 'input_required' }, 300_010]);
  });

  test('a large refusal keeps its code, and an error in a task is its end', async () => {
    const refused = await taskAnswerIn(bytes({ id: 1, error: { code: -32602, message: 'no', data: MUCH } }));
    assert.equal(JSON.parse(refused!.text).error.code, -32602);
    const failed = await taskAnswerIn(bytes({ id: 1, result: { status: 'failed', error: { code: 1, data: MUCH } } }));
    assert.equal((decoded(failed!.inlined) as { error: { code: number } }).error.code, 1);
    assert.equal(failed!.isError, true);
  });

  test('a response of any length has a result or not', async () => {
    assert.equal(await hasResult(bytes({ result: MUCH })), true);
    assert.equal(await hasResult(bytes({ error: MUCH })), false);
    assert.equal(await hasResult(bytes({ result: {} })), true);
    assert.equal(await hasResult(bytes({ error: {} })), false);
  });
});
