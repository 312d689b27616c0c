import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { ModernAgent, WITH_TASKS } from '../../support/agent/modern.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval }
`;

/** Somebody who may change every row, and knows the schema, but not HOLDFAST_SECRET: rows that matter by being there. */
describe('rows that a database administrator adds, deletes and puts back', {
  skip: skipWithoutBacking('postgres'),
}, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let database: string;
  let house: House;
  let gateway: GatewayProcess;
  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('postgres'), countingUpstream()]);
  });
  after(async () => {
    await upstream.close();
    await backing.stop();
  });
  beforeEach(async () => {
    database = await backing.database();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 1s, progress: 60s } }',
      operators: '[admin]',
      grants: ['second'],
      databaseUrl: database,
    });
    gateway = await house.start();
  });
  afterEach(() => house?.close());

  const sql = (text: string) => query(database, text);
  const JSON_BODY = { 'content-type': 'application/json' };
  const open = (grant = 'agent') => Agent.open(`${gateway.url}/mcp/tools`, house.tokens[grant]!);
  const ready = async () =>
    (await (await gateway.api('/readyz')).json()) as { gated: boolean; alarms?: { why: string }[] };
  const alarmed = (words: RegExp) =>
    eventually(
      'the alarm',
      async () => {
        const { alarms = [] } = await ready();
        return alarms.some(({ why }) => words.test(why)) ? alarms : null;
      },
      20_000,
    );
  const accept = async () => {
    const body = JSON.stringify({ reason: 'looked at' });
    const response = await gateway.api('/api/store/accept', { method: 'POST', headers: JSON_BODY, body });
    assert.equal(response.status, 200, await response.text());
    await eventually('no alarm', async () => ((await ready()).gated ? true : null), 20_000);
  };
  const freeze = async (scope: unknown) => {
    const body = JSON.stringify({ scope, reason: 'incident 7' });
    const response = await gateway.api('/api/freeze', { method: 'POST', headers: JSON_BODY, body });
    assert.equal(response.status, 201);
    return ((await response.json()) as { id: string }).id;
  };
  const signIn = async (): Promise<string> => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: gateway.url };
    const body = new URLSearchParams({ token: house.adminToken, next: '/' }).toString();
    const response = await fetch(`${gateway.url}/login`, { method: 'POST', headers, body, redirect: 'manual' });
    assert.equal(response.status, 303, await response.text());
    return response.headers.get('set-cookie')!.split(';')[0]!;
  };
  const byCookie = (cookie: string, path: string, init: RequestInit = {}) =>
    fetch(`${gateway.url}${path}`, { redirect: 'manual', ...init, headers: { ...init.headers, cookie } });

  test('P1: a freeze whose row is deleted goes on to stop everything, after a restart too, until an operator accepts', async () => {
    const agent = await open();
    const args = { name: 'under a freeze' };
    const sent = agent.call('create_key', args, { meta: { progressToken: 'p' } });
    const { id } = await gateway.pending('create_key', args);
    await freeze({ server: 'tools' });
    await house.approve(id);
    await sql('delete from holdfast.freezes');
    await alarmed(/freezes/);
    assert.match(textOf(await agent.call('read', {}).answer), /^Frozen: the server tools is frozen by admin/);
    assert.equal(upstream.count('create_key', args), 0);
    const told = (await gateway.events()).find(({ type, data }) => type === 'seal.broken' && data.table === 'freezes');
    assert.equal(told?.data.field, 'set');
    sent.disconnect();
    await gateway.kill();
    gateway = await house.start();
    await alarmed(/freezes/);
    const again = await open();
    assert.match(textOf(await again.call('read', {}).answer), /^Frozen: the server tools/, 'the log tells of it');
    await accept();
    await eventually('it goes on', async () => {
      const answer = textOf(await again.call('read', {}).answer);
      return answer === 'done' ? true : null;
    });
  });

  test('P1: a freeze that is ended by hand in the moment of the yes does not let the call run', async () => {
    const agent = await open();
    const args = { name: 'in the moment' };
    const sent = agent.call('create_key', args, { meta: { progressToken: 'p' } });
    const { id } = await gateway.pending('create_key', args);
    await freeze('all');
    await sql(`update holdfast.freezes set lifted_at = now(), lifted_by = 'admin', lifted_reason = 'forged'`);
    await house.approve(id);
    await alarmed(/freezes/);
    assert.equal(upstream.count('create_key', args), 0);
    assert.equal(upstream.count('create_key', args), 0);
    assert.equal((await gateway.approval(id)).state, 'approved');
    sent.disconnect();
  });

  test('P1: a revocation whose row is deleted makes its token good for nothing, after a restart too', async () => {
    await open('second');
    const cookie = await signIn();
    const headers = { ...JSON_BODY, origin: gateway.url };
    const body = JSON.stringify({ grant: 'second', reason: 'left' });
    assert.equal((await byCookie(cookie, '/console/revoke', { method: 'POST', headers, body })).status, 200);
    const refused = () =>
      eventually('refused', async () => {
        const response = await fetch(`${gateway.url}/mcp/tools`, {
          method: 'POST',
          headers: { ...JSON_BODY, authorization: `Bearer ${house.tokens.second}` },
          body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
        });
        return response.status === 401 ? true : null;
      });
    await refused();
    await sql('delete from holdfast.revocations');
    await alarmed(/revocations/);
    await refused();
    await gateway.stop();
    gateway = await house.start();
    await alarmed(/revocations/);
    await refused();
  });

  test('P1: a login that was signed out, or that is changed, signs nobody in', async () => {
    const cookie = await signIn();
    const isIn = async () => (await byCookie(cookie, '/')).status === 200;
    assert.equal(await isIn(), true);
    await sql('create table before as select * from holdfast.logins');
    await sql(`update holdfast.logins set ends_at = ends_at + interval '1 year'`);
    assert.equal(await isIn(), false);
    await alarmed(/a row of logins/);
    await sql('update holdfast.logins l set ends_at = b.ends_at from before b where b.id = l.id');
    assert.equal(await isIn(), true);
    const origin = { origin: gateway.url, 'content-type': 'application/x-www-form-urlencoded' };
    assert.equal((await byCookie(cookie, '/logout', { method: 'POST', headers: origin })).status, 303);
    await sql('insert into holdfast.logins select * from before');
    assert.equal(await isIn(), false);
    await accept();
  });

  test('P1: a session that is given to another grant is nobody’s', async () => {
    const victim = await open();
    assert.equal(textOf(await victim.call('read', { n: 1 }).answer), 'done');
    await sql(`update holdfast.sessions set grant_name = 'second'`);
    // A process that has read whose it is never asks again.
    await gateway.kill();
    gateway = await house.start();
    const thief = new Agent(`${gateway.url}/mcp/tools`, house.tokens.second!);
    thief.session = victim.session;
    await assert.rejects(thief.call('read', { n: 2 }).answer);
    await alarmed(/a row of sessions/);
    assert.equal(upstream.count('read', { n: 2 }), 0);
    await accept();
    await assert.rejects(thief.call('read', { n: 2 }).answer);
    assert.equal((await ready()).gated, true, 'nobody is told twice');
  });

  test('P1: the answer of a task is not handed to a grant to which somebody gives its row', async () => {
    const agent = new ModernAgent(`${gateway.url}/mcp/tools`, house.tokens.agent!, WITH_TASKS);
    const thief = new ModernAgent(`${gateway.url}/mcp/tools`, house.tokens.second!, WITH_TASKS);
    const args = { name: 'secret' };
    const taskId = String((await agent.call('create_key', args)).result?.taskId);
    await house.approve((await gateway.pending('create_key', args)).id);
    const done = () => agent.send('tasks/get', { taskId });
    await eventually('it is done', async () => ((await done()).result?.status === 'completed' ? true : null));
    await sql(`update holdfast.tasks set grant_name = 'second'`);
    const stolen = await thief.send('tasks/get', { taskId });
    assert.equal(stolen.result, undefined, JSON.stringify(stolen));
    await alarmed(/a row of tasks/);
  });

  test('P1: a stream is not resumed at another grant’s call, to which somebody gives its seat', async () => {
    const victim = await open();
    const [args, own] = [{ name: 'secret' }, { name: 'own' }];
    const sent = victim.call('create_key', args, { meta: { progressToken: 'p' } });
    const { id } = await gateway.pending('create_key', args);
    const thief = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.second!, '2025-11-25');
    const leaving = new AbortController();
    const params = { name: 'create_key', arguments: own, _meta: { progressToken: 'q' } };
    const message = { jsonrpc: '2.0', id: 7, method: 'tools/call', params };
    const stream = (await thief.post(message, { signal: leaving.signal })).body!.getReader();
    let text = '';
    while (!/^id: .*$/m.test(text)) text += Buffer.from((await stream.read()).value ?? []).toString();
    leaving.abort();
    const eventId = /^id: (.*)$/m.exec(text)![1]!;
    const { id: thiefs } = await gateway.pending('create_key', own);
    await sql(`update holdfast.joiners set approval_id = '${id}' where approval_id = '${thiefs}'`);
    await house.approve(id);
    assert.equal(textOf(await sent.answer), 'done');
    for (const set of ['collected_at = null', 'collected_at = now()']) {
      await sql(`update holdfast.joiners set ${set}, left_at = null where request_id = '7'`);
      const resumed = await thief.resume(eventId, AbortSignal.timeout(5_000));
      assert.equal(resumed.status, 405, set);
      assert.doesNotMatch(await resumed.text(), /done/);
    }
  });
});
