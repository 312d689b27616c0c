/**
 * The longest that a harmless caller waits while somebody else sends the gateway the worst that he can. Beside it what the
 * gateway's main thread did in that time: CPU time, the part of it in which V8 collected garbage, and how long it had
 * work but no CPU (`no CPU`, the kernel's own count for this thread), because its own helpers or other processes had them
 * all. Of the whole attack, whatever other load there was: `spell`, the longest stretch of CPU time in one go, and
 * `turns`, the longest five of them in a row, which is what a small call waits at most for the gateway's own work.
 *
 * A row is *over the goal* where the wait is. Only where wait, spell and turns keep the goal without the time in which
 * other processes had every CPU does it say *others had the CPUs* instead, and is counted apart: on two cores Postgres,
 * the attacker and the gateway share them. What our own threads used in that time is not taken off, nor is what Postgres,
 * or the harmless caller's own server, kept waiting.
 *
 * The attacker, his server and his child give way to others for the CPU: elsewhere they have machines of their own.
 *
 * `--postgres` or `--embedded`: only with this store. `--only TEXT`: only attacks whose name holds it; `--times N`: each so
 * often. `--profile FOLDER`: a CPU profile of the gateway, and what it says of each longest wait and spell. Goals: 50 ms
 * with Postgres, 250 ms embedded, on a quiet machine.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { getPriority, setPriority, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { startSlackStandIn } from '../src/demo/slack/stand-in.ts';
import { Rig } from './rig.ts';
import { ATTACKS } from './stalls/attacks.ts';
import { HarmlessCaller } from './stalls/probe.ts';
import { doneIn } from './stalls/profiled.ts';
import { monotonic, type OwnWork, type Stretch, spellsTo, workIn } from './stalls/spells.ts';

const { values } = parseArgs({
  options: {
    postgres: { type: 'boolean' },
    embedded: { type: 'boolean' },
    only: { type: 'string' },
    times: { type: 'string', default: '1' },
    profile: { type: 'string' },
  },
});

const CALM_POLICY = 'default: deny\ntools:\n  open: {}\n';
const POLICY = `default: allow
hide: ["tool_1*"]
tools:
  denied: { action: deny }
  gated: { action: require_approval }
  "gated_*": { action: require_approval }
  judged:
    deny_if:
      - { path: args.a, op: regex, value: "(a|b)+c$" }
      - { path: args.b, op: contains, value: "secret" }
`;

const OVER = 'over the goal';
const WITHOUT = 'others had the CPUs';

const ms = (value: number): string => `${value.toFixed(0).padStart(5)} ms`;

/** Rows over the goal, and those that are only because other processes had every CPU. */
const missed = { over: 0, without: 0 };

/** Runs every attack against one store and prints a line for each. */
async function attackAll(store: string, env: Record<string, string>, goalMs: number): Promise<void> {
  const rig = new Rig();
  const slack = await startSlackStandIn({ rates: false });
  const spells = join(mkdtempSync(join(tmpdir(), 'holdfast-spells-')), 'spells');
  try {
    const calm = await rig.script('upstream.ts');
    const hostile = await rig.script('stalls/upstream.ts');
    const child = JSON.stringify([process.execPath, `${import.meta.dirname}/stalls/child.ts`]);
    const gateway = await rig.gatewayOf(
      `  calm: { url: "${calm.url}/mcp", policy: policy.yaml }\n` +
        `  up: { url: "${hostile.url}/mcp", policy: policy1.yaml }\n` +
        `  child: { command: ${child}, policy: policy1.yaml }\n`,
      ['calm', 'up', 'child'],
      [CALM_POLICY, POLICY],
      ['harmless', 'hostile'],
      {
        ...env,
        SLACK_BOT_TOKEN: slack.botToken,
        SLACK_SIGNING_SECRET: slack.signingSecret,
        SLACK_API_URL: slack.apiUrl,
      },
      [spellsTo(spells), ...(values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`])],
    );
    const authorization = `Bearer ${gateway.tokens.harmless}`;
    const harmless = new HarmlessCaller({
      url: gateway.url,
      path: '/mcp/calm',
      headers: { authorization },
      tool: 'open',
    });
    const target = { url: gateway.url, token: gateway.tokens.hostile!, adminToken: gateway.adminToken };
    // The hostile server and child do the same. The caller has a thread of its own, which keeps its priority.
    setPriority(Math.min(19, getPriority() + 19));
    // V8 compiles the paths of a call first.
    await harmless.during(() => new Promise((resolve) => setTimeout(resolve, 3_000)));
    console.log(`\n${store}: goal ≤ ${goalMs} ms`);
    const heads = ['waited', 'own CPU', 'garbage', 'no CPU', 'spell', 'turns']
      .map((head) => head.padStart(8))
      .join(' ');
    console.log(`${''.padEnd(48)} ${heads}   attack`);
    const worst: { name: string; stretch: Stretch }[] = [];
    const asked = ATTACKS.filter(({ name }) => name.includes(values.only ?? ''));
    for (const { name, run } of asked.flatMap((attack) => Array<typeof attack>(Number(values.times)).fill(attack))) {
      const from = monotonic();
      const { longest, during, failed } = await harmless.during(() => run(target));
      const took = ((monotonic() - from) / 1_000).toFixed(1);
      const all = workIn(spells, { from, to: monotonic() });
      const own = workIn(spells, during);
      worst.push({ name: `${name}: longest wait`, stretch: during });
      worst.push({ name: `${name}: longest spell`, stretch: all.longestWas });
      const verdict = verdictOn(goalMs, longest, own, all);
      if (verdict === OVER) missed.over += 1;
      if (verdict === WITHOUT) missed.without += 1;
      const lost = failed === 0 ? '' : `${failed} harmless calls failed`;
      console.log(
        `${name.padEnd(48)} ${[longest, own.cpu, own.garbage, own.queued, all.longest, all.turns].map(ms).join(' ')} ${took.padStart(6)} s ${verdict} ${lost}`,
      );
    }
    await harmless.close();
    if (values.profile !== undefined) {
      process.kill(gateway.pid, 'SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, 6_000));
      console.log(`\n${doneIn(values.profile, worst)}`);
    }
  } finally {
    await rig.close();
    await slack.close();
    rmSync(dirname(spells), { recursive: true, force: true });
  }
}

function verdictOn(goalMs: number, waited: number, own: OwnWork, all: OwnWork): string {
  if (waited <= goalMs) return '';
  const ours = Math.max(waited - own.elsewhere, all.longest, all.turns);
  return ours <= goalMs ? WITHOUT : OVER;
}

if (!values.embedded) {
  const { realServers } = await import('./storage.ts');
  const storage = await realServers();
  try {
    await attackAll(`Postgres (${storage.name})`, await storage.env('stalls'), 50);
  } finally {
    await storage.close();
  }
}
if (!values.postgres) await attackAll('Embedded', {}, 250);
const more = missed.without === 0 ? '' : ` In ${missed.without} more rows other processes had the CPUs.`;
console.log(missed.over === 0 ? `\nEvery goal was met.${more}` : `\n${missed.over} goals were missed.${more}`);
