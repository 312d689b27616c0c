/**
 * Ratios against a bare relay, or a bare hold in memory, measured side by side in one run. Absolute figures are only
 * for orientation. `--quick`: fewer rounds; `--long`: also memory over 220,000 calls; `--seals`: only what seals cost of a decision.
 */
import { parseArgs } from 'node:util';
import { showClicks } from './clicks.ts';
import { showCounts } from './counts.ts';
import { showDecided } from './decided.ts';
import { showExpiry } from './expiry.ts';
import { hold } from './held.ts';
import { load } from './load.ts';
import { showParking } from './parking.ts';
import { compare, type Relaying, showRelayed } from './relayed.ts';
import { type BenchGateway, cpuSeconds, Rig, residentKb } from './rig.ts';
import { sealCost } from './seals.ts';
import type { BenchStorage } from './storage.ts';

const TOOLS = `  open: {}
  # Of so wide a window quota is taken in advance.
  limited: { limits: [{ counter: all, window: hour, max: 100000000, scope: grant }] }
  gated: { action: require_approval }
`;

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, long: { type: 'boolean' }, seals: { type: 'boolean' } },
});
const rounds = values.quick ? 3 : 15;
const parkedCalls = values.quick ? 500 : 5_000;

function say(what: string, figure: string, goal = ''): void {
  console.log(`${what.padEnd(58)} ${figure.padStart(12)}   ${goal}`);
}

function at({ url, token, pid }: BenchGateway, tool: string): Relaying {
  return { target: { url, path: '/mcp/up', headers: { authorization: `Bearer ${token}` }, tool }, pid };
}

const ONE_CONNECTION = { connections: 1, calls: 1_000, rounds } as const;

async function parked(gateway: BenchGateway, relay: Relaying): Promise<void> {
  const before = await compare(at(gateway, 'open'), relay, ONE_CONNECTION);
  const start = residentKb(gateway.pid);
  const headers = { authorization: `Bearer ${gateway.token}` };
  const held = [];
  for (let n = 0; n < parkedCalls; n += 50) {
    const batch = Array.from({ length: 50 }, (_, i) => hold(`${gateway.url}/mcp/up`, headers, 'gated', { n: n + i }));
    await Promise.all(batch.map((one) => one.opened));
    held.push(...batch);
  }
  const kb = (residentKb(gateway.pid) - start) / held.length;
  say(`memory a parked call, ${held.length} parked`, `${kb.toFixed(1)} KB`, 'goal ≤ 24');
  const busy = cpuSeconds(gateway.pid);
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  say(`CPU while ${held.length} are parked`, `${((cpuSeconds(gateway.pid) - busy) * 10).toFixed(1)} %`);
  const after = await compare(at(gateway, 'open'), relay, ONE_CONNECTION);
  say(`open call with ${held.length} parked, against none`, `${(after.p50 / before.p50).toFixed(2)} ×`, 'goal ≤ 1.15');
  for (const one of held) one.drop();
}

/** After some 100,000 calls the heaps of V8 and of the C library have reached the size that this load gives them. */
const SETTLED = 120_000;

async function memory(gateway: BenchGateway): Promise<void> {
  await load(at(gateway, 'open').target, 32, SETTLED);
  const start = residentKb(gateway.pid);
  await load(at(gateway, 'open').target, 32, 100_000);
  say(
    `memory after 100,000 calls more than ${SETTLED.toLocaleString('en')}`,
    `${(residentKb(gateway.pid) / start).toFixed(2)} ×`,
    `goal: flat  (${(start / 1024).toFixed(0)} MB)`,
  );
}

/** What seals cost of a decision. `decisionMs`: from a click to the answer, measured in the same run. */
async function seals(storage: BenchStorage, decisionMs: number): Promise<void> {
  const [one, other] = [(await storage.env('sealed')).DATABASE_URL, (await storage.env('plain')).DATABASE_URL];
  const urls = one === undefined || other === undefined ? null : ([one, other] as const);
  const { ratio, sealsMs, ms } = await sealCost(urls, values.quick ? 500 : 2_000);
  const part = (sealsMs / decisionMs) * 100;
  say(
    'sealing and checking, of a signed click to answer',
    `${part.toFixed(1)} %`,
    `goal ≤ 5  (${sealsMs.toFixed(3)} ms)`,
  );
  say('statements of a decision with seals, against without', `${ratio.toFixed(3)} ×`, `(${ms.toFixed(2)} ms)`);
}

const { realServers } = await import('./storage.ts');
const rig = new Rig();
const storage = await realServers();
try {
  console.log(`store and queue: ${storage.name}\n`);
  const upstream = await rig.script('upstream.ts');
  if (values.seals !== true) {
    const bare = await rig.script('bare-relay.ts', `${upstream.url}/mcp`);
    const relay = { target: { url: bare.url, path: '/mcp', headers: {}, tool: 'open' }, pid: bare.pid };
    const gateway = await rig.gateway(upstream.url, TOOLS, await storage.env('one'));
    await showRelayed((tool) => at(gateway, tool), relay, rounds, say);
    await parked(gateway, relay);
    if (storage.isReal) {
      await showParking(storage, { calls: parkedCalls, rounds: values.quick ? 3 : 5 }, say);
      await showExpiry(storage, { calls: values.quick ? 300 : 3_000, rounds: 3, seconds: values.quick ? 30 : 90 }, say);
      await showCounts(say);
      await showClicks(values.quick ? 200 : 1_000, say);
    }
  }
  await seals(
    storage,
    await showDecided(rig, upstream, await storage.env('two'), { decisions: values.quick ? 15 : 150 }, say),
  );
  if (values.long) await memory(await rig.gateway(upstream.url, TOOLS, await storage.env('three')));
} finally {
  await rig.close();
  await storage.close();
}
