import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { newGrant } from '../../../src/config/grants.ts';
import { vault } from '../../../src/vault/vault.ts';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { verifyLines } from '../../support/audit/world.ts';
import { visitor } from '../../support/console/visitor.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = 'version: "1"\ndefault: deny\ntools:\n  create_key: { action: require_approval }\n';
const OLD = 'old-secret-for-tests-9Qw4zKp1xVd7Lm2s';
const NEW = 'new-secret-for-tests-7Rb3yHt5cNf8Gj6k';

describe('HOLDFAST_SECRET rotates while replicas run', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ hold: { default: 1s, progress: 60s } }',
      databaseUrl: await backing.database(),
      redisUrl: backing.redis!.url,
      grants: ['other'],
      slack: false,
    });
  });
  after(async () => {
    await house?.close();
    await upstream.close();
    await backing.stop();
  });

  /** What the metric says of what lives under older secrets, by kind. */
  async function olderSealed(gateway: GatewayProcess): Promise<[string, number][]> {
    const text = await (await gateway.api('/metrics')).text();
    const lines = [...text.matchAll(/^holdfast_sealed_by_older_secret\{what="(\w+)"\} (\d+)$/gm)];
    assert.equal(lines.length, 2, 'the metric is there');
    return lines.map(([, what, count]) => [what!, Number(count)]);
  }
  const page = async (gateway: GatewayProcess, id: string): Promise<Response> => {
    const { cookie } = await visitor(gateway.url, house.adminToken);
    return fetch(`${gateway.url}/approvals/${id}`, { headers: { cookie } });
  };
  const run = (secret: string): Promise<GatewayProcess> => house.start({ env: { HOLDFAST_SECRET: secret } });
  const at = (gateway: GatewayProcess): Promise<Agent> => Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  const ask = async (agent: Agent, name: string) => agent.call('create_key', { name }).answer;
  async function approve(gateway: GatewayProcess, id: string): Promise<void> {
    const response = await gateway.api(`/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve' }),
    });
    assert.equal(response.status, 200, await response.text());
  }

  test('P4: step by step, calls parked, approved and answered under either secret go on at every replica', async () => {
    const first = await run(OLD);
    const agent = await at(first);
    const parked = noteOf(await ask(agent, 'parked')).id;
    const decided = noteOf(await ask(agent, 'decided')).id;
    await approve(first, decided);
    // A second caller of the same call goes away, so its result is kept.
    const held = agent.call('create_key', { name: 'answered' }, { meta: { progressToken: 'p' } });
    const { id: answered } = await first.pending('create_key', { name: 'answered' });
    assert.match(textOf(await ask(await at(first), 'answered')), /^Waiting/);
    upstream.behave = () => ({ text: 'kept under the old secret' });
    await approve(first, answered);
    assert.equal(textOf(await held.answer), 'kept under the old secret');
    upstream.behave = () => ({ text: 'done' });

    // 1. Replicas can read the new secret. 2. Replicas seal with it, while one of step 1 still runs.
    const reading = await run(`${OLD},${NEW}`);
    await first.stop();
    const sealing = await run(`${NEW},${OLD}`);
    const there = await at(sealing);
    assert.equal(textOf(await ask(there, 'answered')), 'kept under the old secret');
    assert.equal(textOf(await ask(there, 'decided')), 'done');
    assert.equal(noteOf(await ask(there, 'parked')).id, parked, 'the same call is the same approval');
    const fresh = noteOf(await ask(there, 'fresh')).id;
    const here = await at(reading);
    assert.equal(noteOf(await ask(here, 'fresh')).id, fresh, 'what is sealed with the new one is known to the other');
    await approve(reading, fresh);
    assert.equal(textOf(await ask(here, 'fresh')), 'done');
    await approve(sealing, parked);
    await reading.stop();
    assert.equal(textOf(await ask(there, 'parked')), 'done');

    // 3. Nothing is left that was sealed with the old secret: the metric says so.
    const after = noteOf(await ask(there, 'after')).id;
    await eventually('nothing live of the old secret', async () => {
      const left = (await olderSealed(sealing)).filter(([, count]) => count > 0);
      return left.length === 0 || null;
    });
    await sealing.stop();
    const last = await run(NEW);
    assert.deepEqual(((await (await last.api('/readyz')).json()) as { gated: boolean }).gated, true);
    await approve(last, after);
    assert.equal(textOf(await ask(await at(last), 'after')), 'done');
    for (const name of ['parked', 'decided', 'fresh', 'after'])
      assert.equal(upstream.count('create_key', { name }), 1, name);

    // What ended under the old secret is marked, and raises no alarm.
    const finished = (await (await last.api(`/api/approvals/${decided}`)).json()) as { state: string; broken: string };
    assert.deepEqual([finished.state, finished.broken], ['succeeded', 'secret']);
    assert.match(await (await page(last, decided)).text(), /sealed by a secret that HOLDFAST_SECRET no longer lists/);
    assert.deepEqual(
      (await last.events()).filter(({ type }) => type === 'seal.broken'),
      [],
    );
    assert.equal(((await (await last.api('/readyz')).json()) as { gated: boolean }).gated, true);
    await last.stop();
    // The export of it all is followed over the change, from either key.
    const verifying = await run(NEW);
    const lines = (await (await verifying.api('/api/events/export')).text()).trimEnd().split('\n');
    for (const secret of [OLD, NEW]) {
      const keys = vault([secret]).publicKeys;
      const { report, problems } = await verifyLines(lines, { keys, elsewhere: [] });
      assert.deepEqual([report.faults, problems, report.covered > 0], [[], [], true], secret);
    }
    await verifying.stop();
  });

  test('P4: an open MCP session, and a reviewer’s login, go on under old,new and new,old, and end with the last of their secret', async () => {
    const first = await run(OLD);
    const agent = await at(first);
    const { cookie } = await visitor(first.url, house.adminToken);
    const look = async (there: GatewayProcess): Promise<number> =>
      (await fetch(`${there.url}/audit`, { headers: { cookie }, redirect: 'manual' })).status;
    assert.equal(await look(first), 200);
    const move = (to: GatewayProcess): void => {
      agent.url = `${to.url}/mcp/tools`;
    };
    const reading = await run(`${OLD},${NEW}`);
    await first.stop();
    move(reading);
    assert.match(textOf(await ask(agent, 'session 1')), /^Waiting/);
    const sealing = await run(`${NEW},${OLD}`);
    assert.deepEqual([await look(reading), await look(sealing)], [200, 200]);
    const young = await at(sealing);
    move(sealing);
    assert.match(textOf(await ask(agent, 'session 2')), /^Waiting/);
    const held = agent.call('create_key', { name: 'taken back' }, { meta: { progressToken: 'p' } });
    const { id } = await sealing.pending('create_key', { name: 'taken back' });
    assert.equal(await agent.cancel(held.id), 202);
    await sealing.reaches(id, 'withdrawn');
    young.url = `${reading.url}/mcp/tools`;
    assert.match(
      textOf(await ask(young, 'session 3')),
      /^Waiting/,
      'a session of the new secret, at the other replica',
    );
    // The session belongs to its grant alone, whichever secret it is looked up with.
    const thief = new Agent(`${sealing.url}/mcp/tools`, house.tokens.other!);
    thief.session = agent.session;
    await assert.rejects(ask(thief, 'stolen'), /^Error: 404 /);
    await reading.stop();
    await sealing.stop();
    const last = await run(NEW);
    young.url = `${last.url}/mcp/tools`;
    assert.match(textOf(await ask(young, 'session 4')), /^Waiting/);
    move(last);
    await assert.rejects(ask(agent, 'session 5'), /^Error: 404 /);
    assert.equal(await look(last), 303, 'to sign in again');
    await last.stop();
  });

  test('P8: a grant’s older token is taken until it is out of the config', async () => {
    const path = `${house.folder}/holdfast.yaml`;
    const text = readFileSync(path, 'utf8');
    const old = /token_sha256: "([0-9a-f]{64})"/.exec(text)![1]!;
    const fresh = newGrant({ name: 'agent', servers: [], owner: null });
    const listing = (tokens: string): void => writeFileSync(path, text.replace(`"${old}"`, tokens));
    listing(`["${fresh.tokenSha256}", "${old}"]`);
    const gateway = await run(NEW);
    const opened = (token: string) => Agent.open(`${gateway.url}/mcp/tools`, token);
    const before = await opened(house.tokens.agent!);
    const moved = await opened(fresh.token);
    const waiting = noteOf(await ask(before, 'rotating')).id;
    assert.equal(noteOf(await ask(moved, 'rotating')).id, waiting, 'both are the same agent');
    listing(`"${fresh.tokenSha256}"`);
    await eventually('the old token is refused', () =>
      opened(house.tokens.agent!).then(
        () => null,
        (e) => /^initialize: 401/.test((e as Error).message) || null,
      ),
    );
    assert.equal(noteOf(await ask(moved, 'rotating')).id, waiting);
  });
});
