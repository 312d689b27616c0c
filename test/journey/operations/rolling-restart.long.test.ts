import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { Agent as Connections, request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
`;
const ROOT = new URL('../../..', import.meta.url).pathname;

const skip = skipWithoutBacking('redis and postgres');

test('P2, P4: a rolling restart with 200 calls of every waiting kind parked, under load: nothing lost, nothing twice', {
  skip,
}, () => {
  const args = ['test/chaos/run.ts', '--rolling'];
  const ran = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', timeout: 280_000 });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  assert.match(ran.stdout, /invariant breaks +0/);
  assert.match(ran.stdout, /gateways replaced +2/);
});

describe('a gateway that is asked to stop', { skip }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      env: { HOLDFAST_LOG: 'warn' },
      databaseUrl: await backing.database(),
      redisUrl: backing.redis!.url,
      slack: false,
    });
  });
  after(async () => {
    await house?.close();
    await upstream.close();
    await backing.stop();
  });

  test('P4: it refuses connections, tells those it has, and lets a plain call under way finish', async () => {
    const gateway = await house.start();
    const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const release = Promise.withResolvers<{ text: string }>();
    upstream.behave = () => release.promise;
    const running = agent.call('read', { slow: true });
    await eventually('it runs', () => (upstream.count('read', { slow: true }) === 1 ? true : null));
    const kept = new Connections({ keepAlive: true, maxSockets: 1 });
    try {
      assert.deepEqual(await ready(kept, gateway.url), { status: 200, connection: 'keep-alive' });
      const ended = gateway.stop();
      await eventually('nobody listens', () =>
        fetch(`${gateway.url}/healthz`).then(
          () => null,
          () => true,
        ),
      );
      assert.deepEqual(await ready(kept, gateway.url), { status: 503, connection: 'close' });
      release.resolve({ text: 'finished' });
      assert.equal(textOf(await running.answer), 'finished');
      assert.equal(await ended, 0);
    } finally {
      kept.destroy();
      upstream.behave = () => ({ text: 'done' });
    }
  });
});

function ready(agent: Connections, url: string): Promise<{ status: number; connection: string }> {
  return new Promise((resolve, reject) => {
    request(`${url}/readyz`, { agent }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve({ status: answer.statusCode!, connection: answer.headers.connection ?? '' }));
    })
      .on('error', reject)
      .end();
  });
}
