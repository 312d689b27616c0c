import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from '../../src/config/policy-file.ts';
import { evaluate } from '../../src/domain/evaluate.ts';
import { callOf } from '../support/policy.ts';

const TOOLS = 1_000;
const CONDITIONS = 5;

function large(): string {
  const tools: Record<string, object> = {};
  for (let tool = 0; tool < TOOLS; tool++) {
    tools[tool % 10 === 0 ? `group_${tool}_*` : `tool_${tool}`] = {
      require: [
        { path: 'args.a', op: 'in', value: ['x', 'y'] },
        { path: 'args.b.c', op: 'lte', value: 10 },
        { path: 'args.d', op: 'regex', value: `^feat/[a-z]+-${tool}$` },
      ],
      deny_if: [
        { path: 'args.e[*]', op: 'eq', value: 'bad' },
        { path: 'args.f', op: 'starts_with', value: '/etc' },
      ],
      limits: [{ counter: `c${tool}`, window: 'day', max: 10, by: 'args.b.c' }],
    };
  }
  return JSON.stringify({ version: '1', default: 'deny', tools }, null, 1);
}

test(`${TOOLS} tools with ${TOOLS * CONDITIONS} conditions load at once and judge a call in 50 µs at the median`, () => {
  const text = large();
  const loads: number[] = [];
  let parsed = parsePolicy(text, { path: 'large.json' });
  for (let run = 0; run < 3; run++) {
    const start = performance.now();
    parsed = parsePolicy(text, { path: 'large.json' });
    loads.push(performance.now() - start);
  }
  assert.ok(parsed.ok);
  const { policy } = parsed;
  const times: number[] = [];
  for (let run = 0; run < 4_000; run++) {
    const tool = run % TOOLS;
    const name = tool % 10 === 0 ? `group_${tool}_x` : `tool_${tool}`;
    const call = callOf(name, { a: 'x', b: { c: 3 }, d: `feat/abc-${tool}`, e: ['ok', 'fine'], f: '/tmp' });
    const start = performance.now();
    const verdict = evaluate(policy, call);
    times.push((performance.now() - start) * 1_000);
    assert.equal(verdict.kind, 'allow');
  }
  const median = times.sort((a, b) => a - b)[times.length / 2]!;
  console.log(`load ${Math.min(...loads).toFixed(0)} ms, median ${median.toFixed(1)} µs a call`);
  // The goal is 200 ms, and bench/policy.ts measures it. Here a busy machine must not fail what grows as it should.
  assert.ok(Math.min(...loads) < 1_000, `load took ${loads.map(Math.round).join(', ')} ms`);
  assert.ok(median < 50, `median ${median} µs`);
});
