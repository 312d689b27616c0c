import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
`;

describe('a log that hangs', { skip: skipWithout('postgres') }, () => {
  let postgres: TestServer;
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  let other: pg.Client;
  before(async () => {
    [postgres, upstream] = await Promise.all([startPostgres(), countingUpstream()]);
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approvers: '[U0MIRA, admin]',
      databaseUrl: postgres.url,
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    other = new pg.Client({ connectionString: postgres.url });
    await other.connect();
  });
  after(async () => {
    await other?.end();
    await house?.close();
    await upstream.close();
    await postgres.stop();
  });

  const ready = async (): Promise<number> => (await fetch(`${gateway.url}/readyz`)).status;

  /** Locks the log's table; returns once a call's event has waited for it too long. */
  async function hang(): Promise<void> {
    await other.query('begin; lock table holdfast.events in access exclusive mode');
    assert.equal(textOf(await agent.call('read', {}).answer), 'done', 'nothing is known of it yet');
    await eventually('the log is slow', async () => ((await ready()) === 503 ? true : null));
  }

  test('P7: holds calls up, and lets them go once what came before them is written', async () => {
    await hang();
    const before = upstream.count('read');
    const calls = [1, 2, 3].map((n) => agent.call('read', { n }).answer);
    let answered = 0;
    for (const one of calls) void one.then(() => (answered += 1));
    // By then the gateway has received them all, and it answers others meanwhile.
    for (let n = 0; n < 5; n += 1) await fetch(`${gateway.url}/healthz`);
    assert.deepEqual([answered, upstream.count('read')], [0, before]);
    await other.query('commit');
    assert.deepEqual((await Promise.all(calls)).map(textOf), ['done', 'done', 'done']);
    assert.equal(upstream.count('read'), before + 3);
  });

  test('P6: refuses them when it does not come back, and takes them again when it does', async () => {
    await hang();
    const before = upstream.count('read');
    assert.match(textOf(await agent.call('read', { n: 4 }).answer), /the audit log cannot be written/);
    assert.equal(upstream.count('read'), before);
    await other.query('commit');
    await eventually('the log is written', async () => ((await ready()) === 200 ? true : null));
    assert.equal(textOf(await agent.call('read', { n: 5 }).answer), 'done');
  });
});
