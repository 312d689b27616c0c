import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Agent, sdkClient, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { shiftingUpstream } from '../../support/upstream/shifting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key:
    action: require_approval
    risk: write
    approval: { allowance: { max_minutes: 30, max_calls: 50, may_vary: [args.n] } }
`;

const TOOLS = [{ name: 'create_key', description: 'Creates a key.', inputSchema: { type: 'object' } }];

interface Given {
  readonly id: string;
  readonly state: string;
  readonly used: number;
  readonly approval: string;
}

describe('allowances over two gateways', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let shifting: Awaited<ReturnType<typeof shiftingUpstream>>;
  let house: House;
  let gateways: GatewayProcess[];
  let agents: Agent[];
  const patient = { meta: { progressToken: 'p' } };

  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
    house = await openHouse({
      servers: {
        tools: { at: `url: "${upstream.url}"`, policy: POLICY },
        shifts: { at: 'url: "http://127.0.0.1:1/mcp"', policy: POLICY },
      },
      approval: '{ timeout: 10m, hold: { default: 400ms, progress: 30s }, max_pending: 200 }',
      databaseUrl: await backing.database(),
      redisUrl: backing.redis!.url,
    });
    const list = join(house.folder, 'tools.json');
    writeFileSync(list, JSON.stringify(TOOLS));
    shifting = await shiftingUpstream(list);
    const config = join(house.folder, 'holdfast.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace('http://127.0.0.1:1/mcp', shifting.url));
    gateways = await Promise.all([house.start(), house.start()]);
    agents = await Promise.all(gateways.map(({ url }) => Agent.open(`${url}/mcp/tools`, house.tokens.agent!)));
  });
  after(async () => {
    await house?.close();
    await upstream?.close();
    await shifting?.close();
    await backing?.stop();
  });

  const post = (body: object): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  /** An allowance that was given with this agent's call. */
  async function allowed(agent: Agent, args: Record<string, unknown>, calls: number): Promise<Given> {
    const sent = agent.call('create_key', args, patient);
    const { id } = await gateways[0]!.pending('create_key', args);
    const body = { decision: 'approve', allowance: { minutes: 30, calls } };
    const answer = await gateways[0]!.api(`/api/approvals/${id}/decisions`, post(body));
    const decided = (await answer.json()) as { gave: { allowance: Given } };
    assert.equal(answer.status, 200, JSON.stringify(decided));
    await sent.answer;
    return decided.gave.allowance;
  }
  async function listed(id: string): Promise<Given> {
    const { items } = (await (await gateways[1]!.api('/api/allowances?limit=500')).json()) as { items: Given[] };
    return items.find((one) => one.id === id)!;
  }
  /** Every replica knows of it: a call of each has run under it. */
  const ran = async (agent: Agent, args: Record<string, unknown>): Promise<boolean> =>
    !/^Waiting/.test(textOf(await agent.call('create_key', args).answer));

  test('P1: of many calls over both at once exactly as many run as were allowed', async () => {
    const given = await allowed(agents[0]!, { n: 0, of: 'last' }, 9);
    assert.equal(await ran(agents[1]!, { n: 1, of: 'last' }), true, 'at once, also at the other gateway');
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) => agents[n % 2]!.call('create_key', { n: n + 100, of: 'last' }).answer),
    );
    assert.equal(answers.filter((answer) => textOf(answer) === 'done').length, 8);
    assert.equal(
      upstream.calls.filter(({ args }) => args.of === 'last').length,
      10,
      'nine, and the call that was approved',
    );
    assert.equal((await listed(given.id)).used, 9);
  });

  test('P1: what is revoked at one gateway lets nothing through at the other, however busy it is', async () => {
    const given = await allowed(agents[0]!, { n: 0, of: 'busy' }, 50);
    let revokedAt = Number.POSITIVE_INFINITY;
    const begun: number[] = [];
    const run = async (agent: Agent, first: number): Promise<void> => {
      for (let n = first; n < first + 25; n += 1) {
        const at = performance.now();
        if (await ran(agent, { n, of: 'busy' })) begun.push(at);
        else if (at > revokedAt) return;
      }
    };
    const busy = [run(agents[0]!, 1_000), run(agents[1]!, 2_000)];
    await eventually('some have run', async () => (begun.length >= 4 ? true : null));
    const answer = await gateways[1]!.api(`/api/allowances/${given.id}`, { method: 'DELETE' });
    revokedAt = performance.now();
    assert.equal(answer.status, 200);
    await Promise.all(busy);
    assert.deepEqual(
      begun.filter((at) => at > revokedAt),
      [],
      'none that began after it',
    );
    assert.equal((await listed(given.id)).state, 'revoked');
  });

  test('P1: a list of tools that changes ends it, and nothing runs afterwards', async () => {
    const shifters = await Promise.all(gateways.map(({ url }) => Agent.open(`${url}/mcp/shifts`, house.tokens.agent!)));
    const clients = await Promise.all(gateways.map(({ url }) => sdkClient(`${url}/mcp/shifts`, house.tokens.agent!)));
    for (const client of clients) await client.listTools();
    const given = await allowed(shifters[0]!, { n: 0 }, 50);
    assert.deepEqual(await Promise.all(shifters.map((shifter, n) => ran(shifter, { n: n + 10 }))), [true, true]);
    const changed = [{ ...TOOLS[0], description: 'Creates a key, and sends it to a friend.' }];
    writeFileSync(join(house.folder, 'tools.json'), JSON.stringify(changed));
    await clients[1]!.listTools();
    assert.equal(await ran(shifters[1]!, { n: 20 }), false, 'at once where the list passed');
    await eventually('it has ended', async () => ((await listed(given.id)).state === 'drift' ? true : null), 2_000);
    assert.equal(await ran(shifters[0]!, { n: 21 }), false, 'nor at the other');
    const ended = (await gateways[0]!.events(given.approval)).find(({ type }) => type === 'allowance.ended');
    assert.equal(ended?.data.why, 'drift');
    await Promise.all(clients.map((client) => client.close()));
  });

  test('P1: it survives a killed gateway, with its count', async () => {
    const given = await allowed(agents[0]!, { n: 0, of: 'killed' }, 4);
    assert.equal(await ran(agents[0]!, { n: 1, of: 'killed' }), true);
    await gateways[0]!.kill();
    gateways[0] = await house.start();
    agents[0] = await Agent.open(`${gateways[0].url}/mcp/tools`, house.tokens.agent!);
    assert.equal((await listed(given.id)).used, 1);
    assert.equal(await ran(agents[0], { n: 2, of: 'killed' }), true);
    assert.equal((await listed(given.id)).used, 2);
  });

  test('P1: an approver who is taken out of the config ends it', async () => {
    const given = await allowed(agents[0]!, { n: 0, of: 'left' }, 50);
    const config = join(house.folder, 'holdfast.yaml');
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, text.replace('[U0MIRA, U0ALEX, admin]', '[U0MIRA, U0ALEX]'));
    for (const { pid } of gateways) process.kill(pid, 'SIGHUP');
    await eventually('it has ended', async () => ((await listed(given.id)).state === 'approver' ? true : null));
    assert.equal(await ran(agents[1]!, { n: 1, of: 'left' }), false);
    writeFileSync(config, text);
    for (const { pid } of gateways) process.kill(pid, 'SIGHUP');
  });

  test('P1: a revoked grant ends it', async () => {
    // What was asked before the config is read again has not got the admin among its approvers.
    let tries = 0;
    const given = await eventually('the admin may approve again', async () => {
      tries += 1;
      return allowed(agents[0]!, { n: 0, of: `grant ${tries}` }, 50).catch(() => null);
    });
    const answer = await gateways[0]!.api('/api/grants/agent', {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'it leaked' }),
    });
    assert.equal(answer.status, 200);
    await eventually('it has ended', async () => ((await listed(given.id)).state === 'grant' ? true : null));
  });
});
