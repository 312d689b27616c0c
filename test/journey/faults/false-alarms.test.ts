import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { clockAhead, skipWithoutFakeTime } from '../../support/gateway/other-clock.ts';
import { type GatewayProcess, type House, openHouse, STORE_SECRET } from '../../support/gateway/program.ts';
import { query, skipWithoutBacking } from '../../support/store/backing.ts';
import { serverProgram, startPostgres, startRedis, type TestServer } from '../../support/store/servers.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools: { create_key: { action: require_approval } }
`;
const NEW_SECRET = 'another-one-for-tests-Jw82hPq0sYt5Ck6n';
/** Milliseconds in which the store is compared with its witnesses once more, and what a slow machine adds. */
const COMPARED_MS = 12_000;

interface Ready {
  readonly gated: boolean;
  readonly parts: Record<string, string>;
  readonly alarms?: readonly { readonly kind: string; readonly why: string }[];
}

/** A gateway that has sent an approved call, and what is around it. */
interface Scene {
  readonly house: House;
  readonly database: string;
  readonly redis: TestServer | null;
  /** The gateways that run; the last one is asked. */
  readonly running: GatewayProcess[];
  start(env?: Record<string, string>): Promise<GatewayProcess>;
  /** An approved call that must run. */
  runs(name: string): Promise<void>;
  ready(): Promise<Ready>;
}

interface Case {
  readonly redis: boolean;
  readonly skip?: string | false;
  readonly happens: (scene: Scene) => Promise<void>;
  /** What the alarm says; absent: there is none. */
  readonly alarm?: RegExp;
  /** What may be said of a witness meanwhile. */
  readonly witness?: RegExp;
}

const CASES: Record<string, Case> = {
  'two replicas start at once on a new database': {
    redis: true,
    happens: async (scene) => {
      await stopAll(scene);
      await query(scene.database, 'drop schema holdfast cascade');
      // A new address would be a new place; here the witnesses forget the old one with the database.
      await flush(scene.redis!);
      rmSync(join(scene.house.folder, 'data'), { recursive: true });
      await Promise.all([scene.start(), scene.start({ HOLDFAST_DATA: join(scene.house.folder, 'other') })]);
    },
  },
  'two replicas start at once on a database that has a log': {
    redis: true,
    happens: async (scene) => {
      await stopAll(scene);
      await Promise.all([scene.start(), scene.start({ HOLDFAST_DATA: join(scene.house.folder, 'other') })]);
    },
  },
  'FLUSHALL while it runs': { redis: true, happens: ({ redis }) => flush(redis!) },
  'Redis is started again empty': {
    redis: true,
    happens: async ({ redis }) => {
      await flush(redis!);
      await redis!.kill();
      await redis!.begin();
    },
  },
  'Redis is away for a while, and its memory is lost': {
    redis: true,
    happens: async (scene) => {
      await flush(scene.redis!);
      await scene.redis!.kill();
      await eventually('it is said', async () => (/^Redis/.test((await scene.ready()).parts.witness!) ? true : null));
      await scene.redis!.begin();
    },
  },
  'the data directory is lost, and Redis knows': {
    redis: true,
    happens: async (scene) => {
      await stopAll(scene);
      rmSync(join(scene.house.folder, 'data'), { recursive: true });
      await scene.start();
    },
  },
  'the data directory is lost, and there is no Redis': {
    redis: false,
    happens: async (scene) => {
      await stopAll(scene);
      rmSync(join(scene.house.folder, 'data'), { recursive: true });
      await scene.start();
    },
  },
  'the data directory goes away while it runs': {
    redis: true,
    happens: async ({ house }) => rmSync(join(house.folder, 'data', 'witness'), { recursive: true }),
  },
  'a rolling restart': {
    redis: true,
    happens: async (scene) => {
      for (let turn = 1; turn <= 2; turn += 1) {
        await scene.start({ HOLDFAST_DATA: join(scene.house.folder, `turn${turn}`) });
        await scene.running.shift()!.stop();
        await scene.runs(`turn ${turn}`);
      }
    },
  },
  'it is killed and started again': {
    redis: false,
    happens: async (scene) => {
      await scene.running.shift()!.kill();
      await scene.start();
    },
  },
  'the database is restarted': {
    redis: false,
    happens: async ({ database }) => {
      const others = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
      await query(database, others);
    },
  },
  'its clock is an hour ahead': {
    redis: true,
    skip: skipWithoutFakeTime(),
    happens: async (scene) => {
      await scene.start({ ...clockAhead(3_600), HOLDFAST_DATA: join(scene.house.folder, 'ahead') });
      await scene.runs('an hour ahead');
    },
  },
  'its clock is an hour behind': {
    redis: true,
    skip: skipWithoutFakeTime(),
    happens: async (scene) => {
      await scene.start({ ...clockAhead(-3_600), HOLDFAST_DATA: join(scene.house.folder, 'behind') });
      await scene.runs('an hour behind');
    },
  },
  'the secret is rotated, and the old one taken out': {
    redis: true,
    happens: async (scene) => {
      await stopAll(scene);
      await scene.start({ HOLDFAST_SECRET: `${NEW_SECRET},${STORE_SECRET}` });
      await scene.runs('with both secrets');
      await new Promise((resolve) => setTimeout(resolve, COMPARED_MS));
      await stopAll(scene);
      await scene.start({ HOLDFAST_SECRET: NEW_SECRET });
    },
  },
  'a backup is restored by the documented steps': {
    redis: true,
    happens: async (scene) => {
      const dump = dumpOf(scene.database);
      await scene.runs('after the backup');
      await stopAll(scene);
      await query(scene.database, 'drop schema holdfast cascade');
      load(scene.database, dump);
      await scene.start();
    },
    alarm: /was sent|the log/,
  },
  'a backup is restored, and only Redis knows': {
    redis: true,
    happens: async (scene) => {
      const dump = dumpOf(scene.database);
      await scene.runs('after the backup');
      await stopAll(scene);
      rmSync(join(scene.house.folder, 'data'), { recursive: true });
      await query(scene.database, 'drop schema holdfast cascade');
      load(scene.database, dump);
      await scene.start();
    },
    alarm: /was sent|the log/,
  },
  'a new database at the same address': {
    redis: true,
    happens: async (scene) => {
      await stopAll(scene);
      await query(scene.database, 'drop schema holdfast cascade');
      await scene.start();
    },
    alarm: /has the log log_\w+, and it had log_\w+/,
  },
  'the data directory of a copy is moved to another place': {
    redis: false,
    happens: async (scene) => {
      await stopAll(scene);
      const moved = join(scene.house.folder, 'moved');
      cpSync(join(scene.house.folder, 'data'), moved, { recursive: true });
      await scene.start({ HOLDFAST_DATA: moved });
    },
  },
};

describe('what looks like a database that went back', {
  skip: skipWithoutBacking('redis and postgres'),
  concurrency: 3,
}, () => {
  let postgres: TestServer;
  let upstream: CountingUpstream;
  before(async () => {
    [postgres, upstream] = await Promise.all([startPostgres(), countingUpstream()]);
  });
  after(async () => {
    await upstream.close();
    await postgres.stop();
  });

  let made = 0;
  for (const [name, one] of Object.entries(CASES)) {
    const what = one.alarm === undefined ? 'nobody is alarmed, and approved calls run' : 'the alarm says what to do';
    test(`P2: ${name}: ${what}`, { skip: one.skip ?? false }, async () => {
      made += 1;
      const database = postgres.url.replace(/\/postgres$/, `/alarm_${made}`);
      await query(postgres.url, `create database alarm_${made}`);
      const redis = one.redis ? await startRedis() : null;
      const scene = await sceneOf(upstream, database, redis);
      try {
        await scene.runs('before');
        await one.happens(scene);
        if (one.alarm === undefined) await silent(scene, one);
        else await alarmed(scene, one.alarm);
        await scene.runs('at the end');
      } finally {
        await scene.house.close();
        await redis?.stop();
      }
    });
  }
});

async function silent(scene: Scene, { witness }: Case): Promise<void> {
  await eventually('it is ready', async () => ((await scene.ready().catch(() => null))?.gated ? true : null), 20_000);
  await new Promise((resolve) => setTimeout(resolve, COMPARED_MS));
  const ready = await scene.ready();
  assert.equal(ready.gated, true, JSON.stringify(ready));
  assert.equal(ready.alarms, undefined, JSON.stringify(ready));
  if (witness === undefined) assert.equal(ready.parts.witness, 'ok');
  else assert.match(ready.parts.witness!, witness);
  for (const gateway of scene.running) assert.doesNotMatch(gateway.log, /went back|counts as missing|count as missing/);
  const types = (await scene.running.at(-1)!.events()).map(({ type }) => type);
  assert.deepEqual(
    types.filter((type) => /log\.went_back|seal\.broken|store\.accepted/.test(type)),
    [],
  );
}

async function alarmed(scene: Scene, why: RegExp): Promise<void> {
  const ready = await eventually(
    'the alarm',
    async () => {
      const now = await scene.ready().catch(() => null);
      return now?.alarms === undefined ? null : now;
    },
    20_000,
  );
  assert.equal(ready.gated, false);
  const text = JSON.stringify(ready.alarms);
  assert.match(text, why);
  assert.match(text, /store accept/, 'it says what to do');
  const gateway = scene.running.at(-1)!;
  assert.match(gateway.log, /went back in time.*store accept/);
  const response = await gateway.api('/api/store/accept', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"reason":"meant so"}',
  });
  assert.equal(response.status, 200, await response.text());
  await eventually('it is over', async () => ((await scene.ready()).gated ? true : null), 20_000);
}

async function sceneOf(upstream: CountingUpstream, database: string, redis: TestServer | null): Promise<Scene> {
  const house = await openHouse({
    servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
    approval: '{ timeout: 10m, hold: { default: 1s, progress: 60s } }',
    databaseUrl: database,
    ...(redis === null ? {} : { redisUrl: redis.url }),
  });
  const running: GatewayProcess[] = [];
  const start: Scene['start'] = async (env = {}) => {
    const gateway = await house.start({ env });
    running.push(gateway);
    return gateway;
  };
  await start();
  return {
    house,
    database,
    redis,
    running,
    start,
    ready: async () => (await (await running.at(-1)!.api('/readyz')).json()) as Ready,
    runs: async (name) => {
      const gateway = running.at(-1)!;
      const args = { name: `${name} ${database}` };
      const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
      const sent = agent.call('create_key', args, { meta: { progressToken: 'p' } });
      const { id } = await gateway.pending('create_key', args);
      const decided = await gateway.api(`/api/approvals/${id}/decisions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"decision":"approve"}',
      });
      assert.equal(decided.status, 200, await decided.text());
      assert.equal(textOf(await sent.answer), 'done');
      assert.equal(upstream.count('create_key', args), 1);
    },
  };
}

async function stopAll({ running }: Scene): Promise<void> {
  for (const gateway of running.splice(0)) await gateway.stop();
}

async function flush({ url }: TestServer): Promise<void> {
  const client = new Redis(url);
  await client.flushall();
  client.disconnect();
}

function dumpOf(url: string): string {
  const most = { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 } as const;
  return execFileSync(serverProgram('pg_dump'), ['--schema=holdfast', url], most);
}

function load(url: string, text: string): void {
  execFileSync(serverProgram('psql'), ['-v', 'ON_ERROR_STOP=1', '-q', url], {
    input: text,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}
