import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { ModernAgent, WITH_TASKS } from '../../support/agent/modern.ts';
import { administratorWorld } from '../../support/gateway/administrator.ts';
import { skipWithoutBacking } from '../../support/store/backing.ts';
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
  const at = administratorWorld(POLICY, { operators: '[admin]', grants: ['second'] });
  const sql = (text: string) => at.sql(text);

  test('P1: a freeze whose row is deleted goes on to stop everything, after a restart too, until an operator accepts', async () => {
    const agent = await at.open();
    const args = { name: 'under a freeze' };
    const sent = agent.call('create_key', args, { meta: { progressToken: 'p' } });
    const { id: approval } = await at.gateway.pending('create_key', args);
    const id = await at.freeze({ server: 'tools' });
    await at.house.approve(approval);
    await sql('delete from holdfast.freezes');
    await at.alarmed(/freezes/);
    assert.match(textOf(await agent.call('read', {}).answer), /^Frozen: the server tools is frozen by admin/);
    assert.equal(at.upstream.count('create_key', args), 0);
    const told = (await at.gateway.events()).find(
      ({ type, data }) => type === 'seal.broken' && data.table === 'freezes',
    );
    assert.equal(told?.data.field, 'set');
    sent.disconnect();
    await at.restart(undefined, 'kill');
    await at.alarmed(/freezes/);
    const again = await at.open();
    assert.match(textOf(await again.call('read', {}).answer), /^Frozen: the server tools/, 'the log tells of it');
    const { putBack } = (await at.accept()) as { putBack: { table: string; row: string }[] };
    assert.deepEqual(
      putBack.map(({ table, row }) => [table, row]),
      [['freezes', id]],
    );
    assert.match(
      textOf(await again.call('read', {}).answer),
      /^Frozen: the server tools/,
      'what the log names is put back',
    );
    assert.equal((await at.thaw(id)).status, 200);
    await eventually('it goes on', async () => {
      const answer = textOf(await again.call('read', {}).answer);
      return answer === 'done' ? true : null;
    });
  });

  test('P1: a freeze that is ended by hand in the moment of the yes does not let the call run', async () => {
    const agent = await at.open();
    const args = { name: 'in the moment' };
    const sent = agent.call('create_key', args, { meta: { progressToken: 'p' } });
    const { id } = await at.gateway.pending('create_key', args);
    await at.freeze('all');
    await sql(`update holdfast.freezes set lifted_at = now(), lifted_by = 'admin', lifted_reason = 'forged'`);
    await at.house.approve(id);
    await at.alarmed(/freezes/);
    assert.equal(at.upstream.count('create_key', args), 0);
    assert.equal(at.upstream.count('create_key', args), 0);
    assert.equal((await at.gateway.approval(id)).state, 'approved');
    sent.disconnect();
  });

  test('P1: a revocation whose row is deleted makes its token good for nothing, after a restart too', async () => {
    await at.open('second');
    assert.equal((await at.revoke('second')).status, 200);
    await at.refused('second');
    await sql('delete from holdfast.revocations');
    await at.alarmed(/revocations/);
    await at.refused('second');
    await at.restart();
    await at.alarmed(/revocations/);
    await at.refused('second');
  });

  test('P1: a login that was signed out, or that is changed, signs nobody in', async () => {
    const cookie = await at.signIn();
    const isIn = async () => (await at.byCookie(cookie, '/')).status === 200;
    assert.equal(await isIn(), true);
    await sql('create table before as select * from holdfast.logins');
    await sql(`update holdfast.logins set ends_at = ends_at + interval '1 year'`);
    assert.equal(await isIn(), false);
    await at.alarmed(/a row of logins/);
    await sql('update holdfast.logins l set ends_at = b.ends_at from before b where b.id = l.id');
    assert.equal(await isIn(), true);
    const origin = { origin: at.gateway.url, 'content-type': 'application/x-www-form-urlencoded' };
    assert.equal((await at.byCookie(cookie, '/logout', { method: 'POST', headers: origin })).status, 303);
    await sql('insert into holdfast.logins select * from before');
    assert.equal(await isIn(), false);
    await at.accept();
  });

  test('P1: a session that is given to another grant is nobody’s', async () => {
    const victim = await at.open();
    assert.equal(textOf(await victim.call('read', { n: 1 }).answer), 'done');
    await sql(`update holdfast.sessions set grant_name = 'second'`);
    // A process that has read whose it is never asks again.
    await at.restart(undefined, 'kill');
    const thief = new Agent(`${at.gateway.url}/mcp/tools`, at.house.tokens.second!);
    thief.session = victim.session;
    await assert.rejects(thief.call('read', { n: 2 }).answer);
    await at.alarmed(/a row of sessions/);
    assert.equal(at.upstream.count('read', { n: 2 }), 0);
    await at.accept();
    await assert.rejects(thief.call('read', { n: 2 }).answer);
    assert.equal((await at.ready()).body.gated, true, 'nobody is told twice');
  });

  test('P1: the answer of a task is not handed to a grant to which somebody gives its row', async () => {
    const agent = new ModernAgent(`${at.gateway.url}/mcp/tools`, at.house.tokens.agent!, WITH_TASKS);
    const thief = new ModernAgent(`${at.gateway.url}/mcp/tools`, at.house.tokens.second!, WITH_TASKS);
    const args = { name: 'secret' };
    const taskId = String((await agent.call('create_key', args)).result?.taskId);
    await at.house.approve((await at.gateway.pending('create_key', args)).id);
    const done = () => agent.send('tasks/get', { taskId });
    await eventually('it is done', async () => ((await done()).result?.status === 'completed' ? true : null));
    await sql(`update holdfast.tasks set grant_name = 'second'`);
    const stolen = await thief.send('tasks/get', { taskId });
    assert.equal(stolen.result, undefined, JSON.stringify(stolen));
    await at.alarmed(/a row of tasks/);
  });

  test('P1: a stream is not resumed at another grant’s call, to which somebody gives its seat', async () => {
    const victim = await at.open();
    const [args, own] = [{ name: 'secret' }, { name: 'own' }];
    const sent = victim.call('create_key', args, { meta: { progressToken: 'p' } });
    const { id } = await at.gateway.pending('create_key', args);
    const thief = await Agent.open(`${at.gateway.url}/mcp/tools`, at.house.tokens.second!, '2025-11-25');
    const leaving = new AbortController();
    const params = { name: 'create_key', arguments: own, _meta: { progressToken: 'q' } };
    const message = { jsonrpc: '2.0', id: 7, method: 'tools/call', params };
    const stream = (await thief.post(message, { signal: leaving.signal })).body!.getReader();
    let text = '';
    while (!/^id: .*$/m.test(text)) text += Buffer.from((await stream.read()).value ?? []).toString();
    leaving.abort();
    const eventId = /^id: (.*)$/m.exec(text)![1]!;
    const { id: thiefs } = await at.gateway.pending('create_key', own);
    await sql(`update holdfast.joiners set approval_id = '${id}' where approval_id = '${thiefs}'`);
    await at.house.approve(id);
    assert.equal(textOf(await sent.answer), 'done');
    for (const set of ['collected_at = null', 'collected_at = now()']) {
      await sql(`update holdfast.joiners set ${set}, left_at = null where request_id = '7'`);
      const resumed = await thief.resume(eventId, AbortSignal.timeout(5_000));
      assert.equal(resumed.status, 405, set);
      assert.doesNotMatch(await resumed.text(), /done/);
    }
  });
});
