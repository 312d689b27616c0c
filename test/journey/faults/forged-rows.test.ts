import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { type Agent, textOf } from '../../support/agent/agent.ts';
import { administratorWorld } from '../../support/gateway/administrator.ts';
import { CHANNEL } from '../../support/gateway/program.ts';
import { skipWithoutBacking } from '../../support/store/backing.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  query: { action: require_approval, approval: { approvers: [security], quorum: 2 } }
  create_key: { action: require_approval }
`;

/** Somebody who may change every row, and knows the schema, but not HOLDFAST_SECRET. */
describe('rows that a database administrator changes', { skip: skipWithoutBacking('postgres') }, () => {
  const at = administratorWorld(POLICY);
  let agent: Agent;
  beforeEach(async () => {
    agent = await at.open();
  });

  const patient = { meta: { progressToken: 'p' } };
  const sql = (text: string) => at.sql(text);
  const alarmed = async () => {
    await at.alarmed();
    return at.ready();
  };

  test('P1: one UPDATE that approves a call with a quorum of two runs nothing, and everybody is told', async () => {
    const sent = agent.call('query', { sql: 'drop table users' }, patient);
    const { id } = await at.gateway.pending('query');
    await at.house.card(id);
    await sql(`update holdfast.approvals set state = 'approved', revision = revision + 1,
      pickup_until = now() + interval '1 hour' where id = '${id}'`);
    const { body } = await alarmed();
    assert.match(body.alarms![0]!.why, new RegExp(`approval ${id} has a state that no gateway gave it`));
    assert.equal((await at.ready('/readyz?gated=1')).status, 503);
    assert.equal((await at.ready()).status, 200, 'operators still reach it');
    assert.deepEqual((await at.broken(({ row }) => row === id)).data.field, 'state');
    assert.match(textOf(await sent.answer), /^Cannot decide: .*changed outside it/);
    await at.house.card(id, /Holdfast will not run this/);
    assert.match(
      textOf(await agent.call('create_key', { name: 'another' }).answer),
      /^Cannot decide/,
      'nothing gated runs',
    );
    assert.equal(textOf(await agent.call('read', {}).answer), 'done', 'what needs no approval goes on');
    assert.deepEqual(
      [at.upstream.count('query', { sql: 'drop table users' }), at.upstream.count('create_key', { name: 'another' })],
      [0, 0],
    );
    const metrics = await (await at.gateway.api('/metrics')).text();
    assert.match(metrics, /^holdfast_alarms [1-9]/m);
  });

  test('P1: forged votes and events do not make up a quorum, and the log does not take them in', async () => {
    const sent = agent.call('query', { sql: 'forged' }, patient);
    const { id } = await at.gateway.pending('query');
    await at.house.card(id);
    await sql(`insert into holdfast.decisions (approval_id, approver, choice, via, self, at) values
      ('${id}', 'U0MIRA', 'approve', 'slack', false, now()), ('${id}', 'U0ALEX', 'approve', 'slack', false, now())`);
    await sql(`insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor)
      select replace(replace(body, 'approval.requested', 'approval.decided'), '"grant:agent"', '"slack:U0MIRA"'), 'approval.decided', at,
        approval_id, server, tool, grant_name, 'slack:U0MIRA' from holdfast.events where approval_id = '${id}' and type = 'approval.requested'`);
    await sql(`update holdfast.approvals set state = 'approved', revision = revision + 1,
      pickup_until = now() + interval '1 hour' where id = '${id}'`);
    await alarmed();
    assert.match(textOf(await sent.answer), /^Cannot decide/);
    assert.equal(at.upstream.count('query', { sql: 'forged' }), 0);
    await eventually(
      'the foreign event is named',
      async () =>
        (await at.gateway.events()).find(({ type, data }) => type === 'seal.broken' && data.table === 'events') ?? null,
    );
    const rows = await sql(`select seq from holdfast.events where actor = 'slack:U0MIRA'`);
    assert.deepEqual(
      rows.map(({ seq }) => seq),
      [null],
      'it is not chained',
    );
  });

  test('P10: with other arguments and another requirement in the row, nothing is shown and a stranger cannot decide', async () => {
    const sent = agent.call('query', { sql: 'delete from users' }, patient);
    const { id } = await at.gateway.pending('query');
    const { ts } = await at.house.card(id);
    await sql(`update holdfast.approvals set revision = revision + 1, arguments = '{"sql":"select 1"}',
      requirement = '{"groups":[],"people":["U0EVE"],"userGroups":[],"admin":true,"quorum":1,"denyReason":"optional","remindMs":null,"escalate":null}'
      where id = '${id}'`);
    for (const user of ['U0EVE', 'U0MIRA']) {
      await at.house.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
    }
    const card = await at.house.card(id, /Holdfast will not run this/);
    assert.doesNotMatch(JSON.stringify(card.blocks), /select 1/);
    const decided = await at.gateway.api(`/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve' }),
    });
    assert.equal(decided.status, 403);
    assert.match(await decided.text(), /changed outside Holdfast/);
    await alarmed();
    assert.equal(
      at.upstream.calls
        .filter(({ tool }) => tool === 'query')
        .some(({ args }) => JSON.stringify(args).includes('delete from users')),
      false,
    );
    await agent.cancel(sent.id);
  });

  test('P2: a true row that is put back after its call ran does not run again', async () => {
    const args = { name: 'once' };
    const sent = agent.call('create_key', args, patient);
    const { id } = await at.gateway.pending('create_key', args);
    await sql(`create table before as select * from holdfast.approvals where id = '${id}'`);
    await at.house.approve(id);
    assert.equal(textOf(await sent.answer), 'done');
    await at.gateway.reaches(id, 'succeeded');
    await sql(`delete from holdfast.decisions where approval_id = '${id}'`);
    await sql(`update holdfast.approvals a set state = b.state, revision = b.revision, state_revision = b.state_revision,
      state_seal = b.state_seal, pickup_until = b.pickup_until, request = b.request, dispatcher = null, lease_until = null,
      result = null, expires_at = b.expires_at from before b where a.id = b.id`);
    const again = agent.call('create_key', args, patient);
    await at.house.slack.waitFor(() => at.house.slack.messages(CHANNEL).length > 0);
    await at.gateway.api(`/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve' }),
    });
    const card = await at.house.card(id);
    await at.house.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: card.ts, actionId: 'approve' });
    await alarmed();
    // Nobody could decide it, so that whoever calls again waits, or is told of the alarm.
    assert.match(textOf(await again.answer), /^(Cannot decide|Waiting for approval)/);
    assert.equal((await at.gateway.approval(id)).state, 'pending');
    assert.equal(at.upstream.count('create_key', args), 1);
  });

  test('P1: a true row that is put back to before a no is nothing that anybody can still decide', async () => {
    const args = { name: 'refused' };
    const sent = agent.call('create_key', args, patient);
    const { id } = await at.gateway.pending('create_key', args);
    await sql(`create table before as select * from holdfast.approvals where id = '${id}'`);
    await at.house.deny(id);
    assert.match(textOf(await sent.answer), /^Denied/);
    await sql(`delete from holdfast.decisions where approval_id = '${id}'`);
    await sql(`update holdfast.approvals a set state = b.state, revision = a.revision + 1, state_revision = b.state_revision,
      state_seal = b.state_seal, pickup_until = b.pickup_until, request = b.request, result_until = null
      from before b where a.id = b.id`);
    const again = agent.call('create_key', args, patient);
    await eventually('it is pending again', async () => ((await at.gateway.approval(id)).callers > 0 ? true : null));
    const decided = await at.gateway.api(`/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve' }),
    });
    assert.equal(decided.status, 403);
    await alarmed();
    assert.equal(at.upstream.count('create_key', args), 0);
    await agent.cancel(again.id);
  });

  test('P7: a log with a forged event in its chain is not signed', async () => {
    await agent.call('read', {}).answer;
    await at.restart();
    await sql(`insert into holdfast.events (body, type, at, actor, seq, hash)
      select b.body, 'call.allowed', now(), 'grant:agent', h.seq + 1,
        encode(sha256(convert_to(h.hash || E'\\n' || (h.seq + 1) || E'\\n' || b.body, 'UTF8')), 'hex')
      from (select seq, hash from holdfast.events where seq is not null order by seq desc limit 1) h,
        (select body from holdfast.events where type = 'call.allowed' limit 1) b`);
    await at.restart();
    // Other alarms may come before it.
    const isTold = ({ why }: { readonly why: string }): boolean => /was not written by a gateway/.test(why);
    const { body } = await eventually(
      'the alarm',
      async () => {
        const now = await at.ready();
        return now.body.alarms?.some(isTold) ? now : null;
      },
      60_000,
    );
    assert.equal(body.gated, false);
  });
});
