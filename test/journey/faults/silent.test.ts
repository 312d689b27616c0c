import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { type SilentProxy, silentProxy } from '../../support/faults/silent-proxy.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, type BackingKind, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
  list_keys: { action: allow, limits: [{ counter: lists, window: hour, max: 100000 }] }
`;
/** Milliseconds after the network's return within which everything works again. */
const BACK_MS = 10_000;
/** Milliseconds of a silence that outlasts every time-out of ours. */
const SILENCE_MS = 9_000;

/** What may happen on the way to a server: nobody is told of any of it. */
type Silence = 'everything is swallowed for a while' | 'a middlebox forgets the open connections';

for (const kind of ['redis and postgres', 'postgres'] as const) suite(kind);

function suite(kind: BackingKind): void {
  describe(`connections that fall silent, on ${kind}`, { skip: skipWithoutBacking(kind) }, () => {
    let backing: Backing;
    let toPostgres: SilentProxy;
    let toRedis: SilentProxy | null = null;
    let upstream: CountingUpstream;
    let house: House;
    let gateway: GatewayProcess;
    let agent: Agent;

    before(async () => {
      [backing, upstream] = await Promise.all([startBacking(kind), countingUpstream()]);
      toPostgres = await silentProxy(backing.postgres.port);
      if (backing.redis) toRedis = await silentProxy(backing.redis.port);
      house = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
        approval: '{ timeout: 10m, hold: { default: 1s, progress: 60s } }',
        databaseUrl: at(await backing.database(), toPostgres),
        ...(toRedis === null ? {} : { redisUrl: at(backing.redis!.url, toRedis) }),
      });
      gateway = await house.start();
      agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    });
    after(async () => {
      await house?.close();
      await upstream?.close();
      await toPostgres?.close();
      await toRedis?.close();
      await backing?.stop();
    });

    async function silence(proxy: SilentProxy, which: Silence, meanwhile: () => Promise<void>): Promise<void> {
      if (which === 'a middlebox forgets the open connections') return proxy.forget();
      proxy.swallow();
      try {
        await Promise.all([sleep(SILENCE_MS), meanwhile()]);
      } finally {
        proxy.pass();
      }
    }
    const listed = async (): Promise<boolean> => textOf(await agent.call('list_keys', {}).answer) === 'done';
    const parts = async (): Promise<Record<string, string>> =>
      ((await (await gateway.api('/readyz')).json()) as { parts: Record<string, string> }).parts;

    /** Asks, is shown, decided and carried out: all that needs both stores. */
    async function oneCall(name: string, ms?: number): Promise<void> {
      const sent = agent.call('create_key', { name }, { meta: { progressToken: 'p' } });
      const { id } = await gateway.pending('create_key', { name });
      await house.card(id, /./, ms);
      await house.approve(id);
      assert.equal(textOf(await sent.answer), 'done');
      assert.equal(upstream.count('create_key', { name }), 1);
    }

    for (const which of ['everything is swallowed for a while', 'a middlebox forgets the open connections'] as const) {
      test(`P4: ${which} on the way to Postgres: within 10 s everything works again`, async () => {
        await oneCall(`before, ${which}`);
        // Many at once, so that every connection of the pool is in use when it falls silent.
        const early: Promise<unknown>[] = [];
        const many = async (): Promise<void> => {
          const answers = Array.from({ length: 20 }, () => agent.call('list_keys', {}).answer.catch(() => null));
          if (which === 'everything is swallowed for a while') {
            await eventually('/readyz says so', async () => ((await parts()).store === 'ok' ? null : true));
          }
          early.push(...answers);
        };
        await silence(toPostgres, which, many);
        const back = performance.now();
        await eventually('an allowed call is counted', async () => ((await listed()) ? true : null), BACK_MS);
        await eventually(
          'it is ready',
          async () => ((await gateway.api('/readyz')).status === 200 ? true : null),
          BACK_MS,
        );
        const took = performance.now() - back;
        assert.ok(took < BACK_MS, `back after ${took} ms`);
        // Nobody who asked meanwhile waits for those before him.
        const settled = performance.now();
        await Promise.all(early);
        assert.ok(
          performance.now() - settled < BACK_MS,
          `asked meanwhile, answered ${performance.now() - settled} ms later`,
        );
        // Each connection of the pool, not only the first one that answers.
        const all = await Promise.all(Array.from({ length: 20 }, () => listed()));
        assert.ok(all.every(Boolean));
        await oneCall(`after, ${which}`);
      });

      if (kind === 'redis and postgres') {
        test(`P4: ${which} on the way to Redis: /readyz says so, cards come by the sweep, and it comes back`, async () => {
          await oneCall(`first, ${which}`);
          await silence(toRedis!, which, async () => {
            const name = `meanwhile, ${which}`;
            const parked = noteOf(await agent.call('create_key', { name }).answer);
            await eventually('/readyz says so', async () =>
              /does not answer/.test((await parts()).queue!) ? true : null,
            );
            await house.card(parked.id!, /./, SILENCE_MS + BACK_MS);
          });
          await eventually(
            'it is ready',
            async () => ((await gateway.api('/readyz')).status === 200 ? true : null),
            2 * BACK_MS,
          );
          await oneCall(`then, ${which}`);
        });
      }
    }
  });
}

/** The same server, through a proxy. */
function at(url: string, proxy: SilentProxy): string {
  const other = new URL(url);
  other.port = String(proxy.port);
  return other.href;
}
