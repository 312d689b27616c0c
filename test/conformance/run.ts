#!/usr/bin/env node
/**
 * `npm run conformance`: the official suites against a fixture server, directly and through Holdfast, scenario by
 * scenario. Exits 1 when a scenario passes directly and fails through us, or when the fixture itself fails one.
 * `--only <text>` runs only suites whose name contains the text; `--why` prints what failed.
 */
import { parseArgs } from 'node:util';
import { type GatewayProcess, openHouse } from '../support/gateway/program.ts';
import { approveAll } from './approver.ts';
import { type Fixture, startFixture } from './fixture/fixture.ts';
import { startFront } from './front.ts';
import { passes, type Scores, type Suite, score, tally } from './suite.ts';

const SUITES: readonly Suite[] = [
  { name: '0.1 active', from: '@modelcontextprotocol/conformance', args: [] },
  { name: '0.2 alpha, 2025-11-25', from: 'conformance-next', args: ['--requirements', '2025-11-25'] },
  { name: '0.2 alpha, 2026-07-28', from: 'conformance-next', args: ['--requirements', '2026-07-28'] },
];

const ALLOW_ALL = 'version: "1"\ndefault: allow\n';
/** Every tool that can run as a task needs approval, but for `test_tool_with_task`, which asks before it begins. */
const GATED = `version: "1"
default: allow
tools:
${['slow_compute', 'failing_job', 'protocol_error_job', 'confirm_delete', 'multi_input']
  .map((name) => `  ${name}: { action: require_approval }`)
  .join('\n')}
`;

interface Row {
  readonly suite: string;
  readonly scenario: string;
  readonly direct: string;
  readonly through: string;
  readonly verdict: 'same' | 'worse' | 'differs' | 'fixture fails';
  readonly why: readonly string[];
}

const { values: flags } = parseArgs({ options: { only: { type: 'string' }, why: { type: 'boolean' } } });
const started = performance.now();
/** Milliseconds that the whole run may take. */
const DEADLINE = 150_000;
setTimeout(() => {
  console.error(`The suites did not end within ${DEADLINE / 1_000} s. Machine too busy?`);
  process.exit(1);
}, DEADLINE).unref();
const fixture = await startFixture();
const rows = [...(await behind(fixture, ALLOW_ALL, SUITES, false)), ...(await tasksBehindPolicy(fixture))];
await fixture.close();
print(rows);
process.exit(rows.some((row) => row.verdict === 'worse' || row.verdict === 'fixture fails') ? 1 : 0);

async function tasksBehindPolicy(upstream: Fixture): Promise<Row[]> {
  const tasks = { name: 'tasks, gated', from: 'conformance-next', args: ['--requirements', '2026-07-28'] } as const;
  return (await behind(upstream, GATED, [tasks], true)).filter((row) => row.scenario.startsWith('tasks-'));
}

async function behind(upstream: Fixture, policy: string, suites: readonly Suite[], approve: boolean): Promise<Row[]> {
  const wanted = suites.filter((suite) => suite.name.includes(flags.only ?? ''));
  if (wanted.length === 0) return [];
  const house = await openHouse({
    servers: { fixture: { at: `url: "${upstream.url}"`, policy } },
    slack: false,
    approval: '{ timeout: 10m, max_pending: 1000 }',
  });
  try {
    const gateway: GatewayProcess = await house.start();
    const front = await startFront(`${gateway.url}/mcp/fixture`, house.tokens.agent!);
    const approver = approve ? approveAll(gateway) : null;
    const found: Row[] = [];
    for (const suite of wanted) {
      const [direct, through] = await Promise.all([score(suite, upstream.url), score(suite, front.url)]);
      found.push(...compare(suite, direct, through));
    }
    await approver?.stop();
    await front.close();
    await gateway.stop();
    return found;
  } finally {
    await house.close();
  }
}

function compare(suite: Suite, direct: Scores, through: Scores): Row[] {
  return [...direct].map(([scenario, checks]) => {
    const ours = through.get(scenario);
    const shown = { suite: suite.name, scenario, direct: tally(checks), through: tally(ours) };
    const why = (passes(checks) ? (ours ?? []) : checks)
      .filter((check) => check.status === 'FAILURE' || check.status === 'WARNING')
      .map((check) => `${check.id}: ${check.errorMessage ?? check.status}`);
    if (!passes(checks)) return { ...shown, verdict: 'fixture fails', why };
    if (!passes(ours)) return { ...shown, verdict: 'worse', why };
    return { ...shown, verdict: shown.direct === shown.through ? 'same' : 'differs', why };
  });
}

function print(table: readonly Row[]): void {
  const width = Math.max(...table.map((row) => row.scenario.length));
  let suite = '';
  for (const row of table) {
    if (row.suite !== suite) console.log(`\n${row.suite.padEnd(width + 2)} ${'direct'.padEnd(24)} through Holdfast`);
    suite = row.suite;
    const mark = row.verdict === 'same' ? '' : `  ← ${row.verdict}`;
    console.log(`  ${row.scenario.padEnd(width)} ${row.direct.padEnd(24)} ${row.through}${mark}`);
    if (flags.why || row.verdict !== 'same') for (const line of row.why) console.log(`      ${line.slice(0, 400)}`);
  }
  const count = (verdict: Row['verdict']) => table.filter((row) => row.verdict === verdict).length;
  const seconds = Math.round((performance.now() - started) / 1_000);
  console.log(
    `\n${table.length} scenarios in ${seconds} s: ${count('same')} the same, ${count('differs')} differ in warnings only, ` +
      `${count('worse')} worse through Holdfast, ${count('fixture fails')} that the fixture itself fails`,
  );
}
