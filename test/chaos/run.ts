/**
 * `npm run chaos`: agents, approvers and trouble against real gateways; exits 1 on any break of a promise.
 *
 *   --short        about half a minute, as `npm test` runs it
 *   --minutes N    N minutes of trouble
 *   --rolling      no trouble but a rolling restart, with calls parked that wait in every way there is
 *   --parked N     how many of them; 200 by default
 *   --seed N       the same dice again (the machine's own timing differs)
 *   --gateways N   2 by default
 *   --logs FILE    where the gateways' logs go
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { available } from '../support/store/servers.ts';
import { chaos, type Plan } from './chaos.ts';
import { rolling } from './rolling.ts';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    rolling: { type: 'boolean', default: false },
    parked: { type: 'string' },
    seed: { type: 'string' },
    gateways: { type: 'string' },
    logs: { type: 'string' },
  },
});

// So that every process we started ends with us.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const have = available();
if (!have.redis || !have.postgres) {
  console.error('npm run chaos needs redis-server and postgres installed (Debian: redis-server, postgresql).');
  process.exit(2);
}
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const say = (line: string): void => console.log(line);
const rest = { seed, say, gateways: Number(values.gateways ?? 2) };
const plan: Plan = values.short
  ? { ...rest, lines: 2, stormMs: 10_000, pauseMs: [500, 1_500], quietMs: 40_000 }
  : { ...rest, lines: 4, stormMs: Number(values.minutes ?? 1) * 60_000, pauseMs: [600, 2_500], quietMs: 45_000 };

say(`seed ${seed}`);
const { table, breaks, logs } = values.rolling
  ? await rolling({ ...rest, parked: Number(values.parked ?? 200) })
  : await chaos(plan);
const width = Math.max(...table.map(([name]) => name.length));
for (const [name, count] of table) say(`${name.padEnd(width)}  ${String(count).padStart(6)}`);
for (const [name, faults] of Object.entries(breaks)) {
  say(`\nBROKEN: ${name} (${faults.length})`);
  for (const fault of faults.slice(0, 20)) say(`  ${fault}`);
}
if (values.logs !== undefined) writeFileSync(values.logs, logs);
const broken = Object.keys(breaks).length > 0;
const again = ['--seed', seed, '--gateways', rest.gateways, ...(values.short ? ['--short'] : [])];
if (values.rolling) again.push('--rolling');
say(broken ? `\nRepeat with: npm run chaos -- ${again.join(' ')}` : '\nEvery promise held.');
process.exit(broken ? 1 : 0);
