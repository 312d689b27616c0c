/**
 * `node bench/policy.ts`: what a large policy costs: 1,000 tools with 5,000 conditions and 1,000 limits. The time of
 * loading is the fastest of several, because slower ones measure other load on the machine.
 */
import { stringify } from 'yaml';
import { parsePolicy } from '../src/config/policy/file.ts';
import type { Call } from '../src/domain/call/call.ts';
import { evaluate } from '../src/domain/policy/evaluate.ts';
import { median } from './load.ts';

const TOOLS = 1_000;
const LOADS = 9;
const CALLS = 50_000;

function large(): object {
  const tools: Record<string, object> = {};
  for (let n = 0; n < TOOLS; n += 1) {
    tools[n % 10 === 0 ? `group_${n}_*` : `tool_${n}`] = {
      require: [
        { path: 'args.role', op: 'in', value: ['viewer', 'editor'] },
        { path: 'args.limits.days', op: 'lte', value: 10 },
        { path: 'args.branch', op: 'regex', value: `^feat/[a-z]+-${n}$` },
      ],
      deny_if: [
        { path: 'args.tags[*]', op: 'eq', value: 'bad' },
        { path: 'args.path', op: 'starts_with', value: '/etc' },
      ],
      limits: [{ counter: `c${n}`, window: 'day', max: 10, by: 'args.limits.days' }],
    };
  }
  return { version: '1', default: 'deny', tools };
}

function callOf(n: number): Call {
  const tool = n % 10 === 0 ? `group_${n}_x` : `tool_${n}`;
  const args = { role: 'viewer', limits: { days: 3 }, branch: `feat/abc-${n}`, tags: ['ok', 'fine'], path: '/tmp' };
  return {
    principal: { grant: 'bench', owner: null, selfApproval: false },
    server: 's',
    tool,
    args,
    session: null,
    params: {},
  };
}

function loadTime(text: string, path: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < LOADS; run += 1) {
    const start = performance.now();
    const parsed = parsePolicy(text, { path });
    least = Math.min(least, performance.now() - start);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults[0]));
  }
  return least;
}

function say(what: string, figure: string, goal = ''): void {
  console.log(`${what.padEnd(58)} ${figure.padStart(12)}   ${goal}`);
}

const file = large();
const json = JSON.stringify(file, null, 1);
const yaml = stringify(file);
const kb = (text: string): string => `(${(text.length / 1024).toFixed(0)} KB)`;
say(
  'load as JSON, 1,000 tools, 5,000 conditions',
  `${loadTime(json, 'p.json').toFixed(0)} ms`,
  `goal < 200  ${kb(json)}`,
);
say('load as YAML, the same policy', `${loadTime(yaml, 'p.yaml').toFixed(0)} ms`, `goal < 200  ${kb(yaml)}`);

const parsed = parsePolicy(json, { path: 'p.json' });
if (!parsed.ok) throw new Error('the policy should load');
const times: number[] = [];
for (let n = 0; n < CALLS; n += 1) {
  const call = callOf(n % TOOLS);
  const start = performance.now();
  const { kind } = evaluate(parsed.policy, call);
  times.push((performance.now() - start) * 1_000);
  if (kind !== 'allow') throw new Error(`${call.tool} should be allowed`);
}
times.sort((a, b) => a - b);
say('evaluation, median', `${median(times).toFixed(1)} µs`, 'goal < 50');
say('evaluation, 99 of 100', `${times[Math.floor(CALLS * 0.99)]!.toFixed(1)} µs`);
