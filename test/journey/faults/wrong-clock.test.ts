import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { clockAhead, skipWithoutFakeTime } from '../../support/gateway/other-clock.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import {
  type Backing,
  type BackingKind,
  query,
  skipWithoutBacking,
  startBacking,
} from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const TIMES = { timeout: 7_000, pickup: 5_000 } as const;
/** Milliseconds of the sweep's period, and what a slow machine adds. */
const SWEEP_MS = 5_000 + 3_000;

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
  read: { limits: [{ counter: reads, window: hour, max: 2, scope: grant }] }
`;

for (const kind of ['redis and postgres', 'postgres'] as const) {
  for (const seconds of [3_600, -3_600]) suite(kind, seconds);
}

function suite(kind: BackingKind, seconds: number): void {
  const skip = skipWithoutBacking(kind) || skipWithoutFakeTime();
  const side = seconds > 0 ? 'ahead of' : 'behind';
  describe(`two gateways on ${kind}, of which one is an hour ${side} the database`, { skip }, () => {
    let backing: Backing;
    let databaseUrl: string;
    let upstream: CountingUpstream;
    let house: House;
    let right: GatewayProcess;
    let wrong: GatewayProcess;

    before(async () => {
      [backing, upstream] = await Promise.all([startBacking(kind), countingUpstream()]);
      databaseUrl = await backing.database();
      house = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
        approval: `{ timeout: ${TIMES.timeout}ms, pickup: ${TIMES.pickup}ms, hold: { default: 1s, progress: 60s } }`,
        databaseUrl,
        ...(backing.redis ? { redisUrl: backing.redis.url } : {}),
      });
      right = await house.start();
      wrong = await house.start({ env: clockAhead(seconds) });
    });
    after(async () => {
      await house?.close();
      await upstream?.close();
      await backing?.stop();
    });

    const agentAt = (gateway: GatewayProcess) => Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);

    /** Milliseconds from its opening to its end, as the database saw both. */
    async function lived(id: string, from: string, end: string): Promise<number> {
      const [row] = await query(
        databaseUrl,
        `select extract(epoch from max(at) filter (where type = '${end}') - max(at) filter (where type = '${from}')) as s
         from holdfast.events where approval_id = '${id}'`,
      );
      return Number(row!.s) * 1_000;
    }

    test('it says so in /readyz, in its metrics and in its log, and the other does not', async () => {
      const ready = await wrong.api('/readyz');
      assert.equal(ready.status, 200);
      const { parts } = (await ready.json()) as { parts: Record<string, string> };
      assert.match(parts.clock!, new RegExp(`^this machine's clock is (3599|3600|3601) s ${side} the database's`));
      const ahead = /^holdfast_clock_ahead_seconds (\S+)/m.exec(await (await wrong.api('/metrics')).text())?.[1];
      assert.ok(Math.abs(Number(ahead) - seconds) < 5, ahead);
      assert.match(wrong.log, new RegExp(`"level":"?(40|warn)"?.*s ${side} the database's`));
      const other = (await (await right.api('/readyz')).json()) as { parts: Record<string, string> };
      assert.equal(other.parts.clock, 'ok');
      assert.doesNotMatch(right.log, /this machine's clock/);
    });

    test('P4: nothing expires early or late, whichever of them opened it, looked at or not', async () => {
      for (const [name, gateway] of Object.entries({ right, wrong })) {
        const agent = await agentAt(gateway);
        const asked = performance.now();
        const waited = agent.call('create_key', { name: `${name}, waited for` }, { meta: { progressToken: 'p' } });
        const alone = noteOf(await agent.call('create_key', { name: `${name}, alone` }).answer);
        const leftMs = new Date(alone.expiresAt).getTime() - Date.now();
        assert.ok(leftMs > 0 && leftMs <= TIMES.timeout, `it is told a time in ${leftMs} ms`);
        assert.match(textOf(await waited.answer), /expired|nobody decided/i);
        assert.ok(performance.now() - asked >= TIMES.timeout, `after ${performance.now() - asked} ms`);
        await right.reaches(alone.id, 'expired', TIMES.timeout + SWEEP_MS);
        const all = (await right.approvals()).filter(({ arguments: args }) => String(args.name).startsWith(name));
        assert.equal(all.length, 2);
        for (const { id } of all) {
          const ms = await lived(id, 'approval.requested', 'approval.expired');
          assert.ok(ms >= TIMES.timeout && ms < TIMES.timeout + SWEEP_MS, `${id} lived ${ms} ms`);
        }
      }
    });

    test('P3: a click counts at either of them, and a yes that nobody collects lapses in its time', async () => {
      for (const [name, gateway] of Object.entries({ right, wrong })) {
        house.slack.interactivityUrl = `${gateway.url}/slack/events`;
        const agent = await agentAt(gateway === right ? wrong : right);
        const args = { name: `${name}, clicked` };
        const sent = agent.call('create_key', args, { meta: { progressToken: 'p' } });
        const { id } = await gateway.pending('create_key', args);
        await house.approve(id);
        assert.equal(textOf(await sent.answer), 'done');
        assert.equal(upstream.count('create_key', args), 1);
        const left = { name: `${name}, left alone` };
        const alone = noteOf(await agent.call('create_key', left).answer);
        await house.approve(alone.id);
        await right.reaches(alone.id, 'lapsed', TIMES.pickup + SWEEP_MS);
        const ms = await lived(alone.id, 'approval.decided', 'approval.lapsed');
        assert.ok(ms >= TIMES.pickup - 5 && ms < TIMES.pickup + SWEEP_MS, `it was kept for ${ms} ms`);
        assert.equal(upstream.count('create_key', left), 0);
      }
    });

    test('P5: a limit has one window at both', async () => {
      const [here, there] = [await agentAt(right), await agentAt(wrong)];
      assert.equal(textOf(await here.call('read', {}).answer), 'done');
      assert.equal(textOf(await there.call('read', {}).answer), 'done');
      for (const agent of [here, there]) {
        const refused = await agent.call('read', {}).answer;
        assert.equal(refused.isError, true, textOf(refused));
        assert.match(textOf(refused), /limit/i);
      }
      assert.equal(upstream.count('read'), 2);
    });

    test('P7: the log has one time', async () => {
      const [row] = await query(
        databaseUrl,
        'select extract(epoch from max(at) - min(at)) as span, extract(epoch from clock_timestamp() - max(at)) as age from holdfast.events',
      );
      assert.ok(Number(row!.span) < 600 && Math.abs(Number(row!.age)) < 60, JSON.stringify(row));
    });

    test('P4: it alone keeps time just as well', async () => {
      await right.stop();
      const agent = await agentAt(wrong);
      const alone = noteOf(await agent.call('create_key', { name: 'after the other one' }).answer);
      await wrong.reaches(alone.id, 'expired', TIMES.timeout + SWEEP_MS);
      const ms = await lived(alone.id, 'approval.requested', 'approval.expired');
      assert.ok(ms >= TIMES.timeout && ms < TIMES.timeout + SWEEP_MS, `it lived ${ms} ms`);
      await eventually('a card says so', async () => (await house.card(alone.id, /xpired/, 1_000)) ?? null);
    });
  });
}
