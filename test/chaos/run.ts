/**
 * `npm run chaos`: agents, approvers and trouble against real gateways; exits 1 on any break of a promise.
 *
 * First everything that breaks and comes back, a gateway with a wrong clock among it; then, in a town of its own, the
 * promotion of a standby that lacks the last commits.
 *
 *   --short        about a minute and a half, as `npm test` runs it
 *   --minutes N    N minutes of trouble
 *   --storm        without the promotion
 *   --failover     only the promotion
 *   --rolling      no trouble but a rolling restart, with calls parked that wait in every way there is
 *   --parked N     how many of them; 200 by default
 *   --seed N       the same dice again (the machine's own timing differs)
 *   --gateways N   2 by default
 *   --logs FILE    where the gateways' logs go
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fakeTime } from '../support/installed.ts';
import { available } from '../support/store/servers.ts';
import { chaos, type Plan } from './chaos.ts';
import { failover } from './failover.ts';
import type { ChaosReport } from './report.ts';
import { rolling } from './rolling.ts';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    rolling: { type: 'boolean', default: false },
    storm: { type: 'boolean', default: false },
    failover: { type: 'boolean', default: false },
    parked: { type: 'string' },
    seed: { type: 'string' },
    gateways: { type: 'string' },
    logs: { type: 'string' },
  },
});

// So that every process we started ends with us.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const have = available();
if (!have.redis || !have.postgres || fakeTime() === null) {
  const packages = 'redis-server, postgresql, faketime';
  console.error(`npm run chaos needs Redis, Postgres and faketime installed (Debian: ${packages}).`);
  process.exit(2);
}
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const say = (line: string): void => console.log(line);
const rest = { seed, say, gateways: Number(values.gateways ?? 2) };
const plan: Plan = values.short
  ? { ...rest, lines: 2, stormMs: 10_000, pauseMs: [500, 1_500], quietMs: 40_000 }
  : { ...rest, lines: 4, stormMs: Number(values.minutes ?? 1) * 60_000, pauseMs: [600, 2_500], quietMs: 45_000 };

say(`seed ${seed}`);
const acts: readonly (() => Promise<ChaosReport>)[] = values.rolling
  ? [() => rolling({ ...rest, parked: Number(values.parked ?? 200) })]
  : values.failover
    ? [() => failover(plan)]
    : [() => chaos(plan), ...(values.storm ? [] : [() => failover(plan)])];
let broken = false;
let logs = '';
for (const act of acts) {
  const report = await act();
  const width = Math.max(...report.table.map(([name]) => name.length));
  for (const [name, count] of report.table) say(`${name.padEnd(width)}  ${String(count).padStart(6)}`);
  for (const [name, faults] of Object.entries(report.breaks)) {
    say(`\nBROKEN: ${name} (${faults.length})`);
    for (const fault of faults.slice(0, 20)) say(`  ${fault}`);
  }
  broken ||= Object.keys(report.breaks).length > 0;
  logs += report.logs;
}
if (values.logs !== undefined) writeFileSync(values.logs, logs);
const again = ['--seed', seed, '--gateways', rest.gateways, ...(values.short ? ['--short'] : [])];
for (const act of ['rolling', 'storm', 'failover'] as const) if (values[act]) again.push(`--${act}`);
say(broken ? `\nRepeat with: npm run chaos -- ${again.join(' ')}` : '\nEvery promise held.');
process.exit(broken ? 1 : 0);
