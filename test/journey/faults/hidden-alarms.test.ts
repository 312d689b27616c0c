import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { textOf } from '../../support/agent/agent.ts';
import { administratorWorld } from '../../support/gateway/administrator.ts';
import { skipWithoutBacking } from '../../support/store/backing.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval }
`;

/** What keeps the gateway from telling, or from knowing after a restart: triggers, notices, and many rows. */
describe('what a database administrator does so that nothing is told', {
  skip: skipWithoutBacking('postgres'),
}, () => {
  const at = administratorWorld(POLICY, { operators: '[admin]', grants: ['second'] });
  const sql = (text: string) => at.sql(text);
  const patient = { meta: { progressToken: 'p' } };
  const trigger = async (on: string, when: string, body: string) => {
    await sql(`create or replace function dba() returns trigger language plpgsql as $$ begin ${body} end $$`);
    await sql(`create trigger dba ${when} on holdfast.${on} for each row execute function dba()`);
  };
  const isFrozen = async (words: RegExp) => {
    const agent = await at.open();
    await eventually('it is frozen', async () =>
      words.test(textOf(await agent.call('read', {}).answer)) ? true : null,
    );
  };

  test('P1: a freeze that a trigger swallows is refused to the operator with words, and an alarm stands', async () => {
    await trigger('freezes', 'before insert', 'return null;');
    const response = await at.post('/api/freeze', { scope: 'all', reason: 'incident' });
    assert.equal(response.status, 503);
    assert.match(await response.text(), /took 0 of 1 rows of holdfast\.freezes: a trigger, a rule or a policy there/);
    await at.alarmed(/holdfast\.freezes/);
    await sql('drop trigger dba on holdfast.freezes');
    await at.freeze('all');
    await isFrozen(/^Frozen: everything/);
  });

  test('P7: a yes whose event a trigger swallows lets nothing run; one whose event is deleted at once is told', async () => {
    const agent = await at.open();
    const [args, other] = [{ name: 'swallowed' }, { name: 'deleted' }];
    const sent = agent.call('create_key', args, patient);
    const { id } = await at.gateway.pending('create_key', args);
    const { ts } = await at.house.card(id);
    await trigger('events', 'before insert', `if new.type = 'approval.decided' then return null; end if; return new;`);
    await at.house.slack.click({ user: 'U0MIRA', channel: 'C0APPROVALS', ts, actionId: 'approve' });
    await at.alarmed(/took 0 of|took 1 of 2/);
    assert.equal((await at.gateway.approval(id)).state, 'pending');
    assert.equal(at.upstream.count('create_key', args), 0);
    await sql('drop trigger dba on holdfast.events');
    sent.disconnect();
    await at.accept();
    await trigger(
      'events',
      'after insert',
      `if new.type = 'approval.requested' then
      delete from holdfast.events where n = new.n; end if; return null;`,
    );
    const parked = agent.call('create_key', other, patient);
    await at.alarmed(/an event that this process wrote is gone/);
    const told = await at.broken(({ field }) => field === 'missing');
    assert.equal(told.data.table, 'events');
    parked.disconnect();
  });

  test('P7: alarms are logged although their notices are claimed, one for each row, and beyond a hundred', async () => {
    await sql(
      `insert into holdfast.notices select 'seal event ' || n, now() + interval '1 year' from generate_series(1, 2000) n`,
    );
    await sql(`insert into holdfast.events (body, type, at, actor)
      select '{"forged":' || n || '}', 'call.allowed', now(), 'grant:agent' from generate_series(1, 150) n`);
    const rows = async () => {
      const told = await sql(`select distinct body::json -> 'data' ->> 'row' as row from holdfast.events
        where type = 'seal.broken' and body::json -> 'data' ->> 'table' = 'events'`);
      return told.length;
    };
    await eventually('each is told', async () => ((await rows()) >= 150 ? true : null), 30_000);
    const { alarms } = (await at.ready()).body;
    assert.equal(alarms?.length, 100);
    await sql(`insert into holdfast.events (body, type, at, actor) values ('no event', 'call.allowed', now(), 'x')`);
    assert.equal(
      (await at.gateway.events()).length > 150,
      true,
      'what is no event keeps nobody from reading the others',
    );
    assert.match(await (await at.gateway.api('/metrics')).text(), /^holdfast_alarms 15\d/m);
  });

  test('P7: beyond a thousand, an event says how many more there are', async () => {
    await sql(`insert into holdfast.events (body, type, at, actor)
      select '{"forged":' || n || '}', 'call.allowed', now(), 'grant:agent' from generate_series(1, 1100) n`);
    const more = await eventually(
      'the event that counts',
      async () => {
        const found = await sql(`select body::json -> 'data' as data from holdfast.events
          where type = 'seal.broken' and body::json -> 'data' ->> 'field' = 'more'`);
        return (found[0]?.data as { more: number; found: string[] } | undefined) ?? null;
      },
      30_000,
    );
    assert.ok(more.more >= 50, JSON.stringify(more));
    assert.ok(
      more.found.every((one) => /^events \d+ body$/.test(one)),
      JSON.stringify(more),
    );
  });

  test('P7: neither rows of acceptances nor a flood of events keep an operator from the way down, or true events from the chain', async () => {
    const bogus = (from: number) =>
      sql(`insert into holdfast.acceptances (number, log, at, head, last_event, seal)
        select n, (select log from holdfast.epoch), now(), 0, 0, '1' || repeat('a', 40) from generate_series(${from}, ${from + 80}) n`);
    await bogus(1);
    await sql(`insert into holdfast.events (n, body, type, at, actor) overriding system value
      select -n, '{"forged":' || n || '}', 'call.allowed', now(), 'grant:agent' from generate_series(1, 15000) n`);
    await at.alarmed(/was not written by a gateway/);
    await at.accept();
    await bogus(100);
    await sql(
      `insert into holdfast.events (body, type, at, actor) values ('{"one":"more"}', 'call.allowed', now(), 'x')`,
    );
    // Whose number is higher than any that an event of a gateway will have.
    await sql(`insert into holdfast.events (n, body, type, at, actor) overriding system value
      values (9223372036854775807, '{"last":"of all"}', 'call.allowed', now(), 'x')`);
    await at.alarmed(/was not written by a gateway/);
    await at.accept();
    const agent = await at.open();
    const args = { name: 'after all' };
    const sent = agent.call('create_key', args, patient);
    const { id } = await at.gateway.pending('create_key', args);
    const { ts } = await at.house.card(id);
    await at.house.slack.click({ user: 'U0MIRA', channel: 'C0APPROVALS', ts, actionId: 'approve' });
    await sent.answer;
    assert.equal(at.upstream.count('create_key', args), 1);
    await eventually('all of its events are chained', async () => {
      const [open] = await sql(`select count(*) filter (where seq is null) as open, count(*) as all
        from holdfast.events where approval_id = '${id}'`);
      return Number(open!.open) === 0 && Number(open!.all) >= 4 ? true : null;
    });
    await eventually(
      'the log is signed as far as that',
      async () => {
        const [found] = await sql(`select (select max(seq) from holdfast.checkpoints) >=
        (select max(seq) from holdfast.events where approval_id = '${id}' and type = 'approval.decided') as signed`);
        return found!.signed === true ? true : null;
      },
      60_000,
    );
    assert.equal((await at.ready()).body.gated, true);
    await trigger(
      'events',
      'after insert',
      `if new.type = 'approval.requested' then delete from holdfast.events where n = new.n; end if; return null;`,
    );
    const parked = agent.call('create_key', { name: 'deleted' }, patient);
    await at.alarmed(/an event that this process wrote is gone/);
    parked.disconnect();
  });

  test('P7: a chained event that is rewritten without a seal is not shown as one from before there were seals', async () => {
    const agent = await at.open();
    await agent.call('read', {}).answer;
    const rewritten = await eventually('it is chained', async () => {
      const found =
        await sql(`update holdfast.events set seal = null, body = replace(body, '"tool":"read"', '"tool":"rEad"'), tool = 'rEad'
        where type = 'call.allowed' and seq is not null returning n`);
      return found[0]?.n ?? null;
    });
    await at.gateway.events();
    await at.alarmed(new RegExp(`event ${rewritten} of the log was not written by a gateway`));
  });

  test('P1: after a restart, a freeze and a revocation that are hidden in every column still stop plain calls', async () => {
    await at.freeze({ server: 'tools' });
    assert.equal((await at.revoke('second')).status, 200);
    await at.refused('second');
    const open = 'select count(*)::int as open from holdfast.events where seq is null';
    await eventually('all is chained', async () => ((await sql(open))[0]!.open === 0 ? true : null));
    await at.restart(async () => {
      await sql('delete from holdfast.freezes');
      await sql('delete from holdfast.revocations');
      await sql(`update holdfast.events set type = 'call.allowed', server = null, grant_name = null
        where type in ('freeze.set', 'grant.revoked')`);
      // An end that nobody sealed, of a secret that never was.
      await sql(`insert into holdfast.events (body, type, at, actor, seal)
        select replace(replace(body, 'freeze.set', 'freeze.lifted'), '"incident 7"', '"over"'), 'freeze.lifted', at, actor,
          '1' || repeat('a', 56) from holdfast.events where body like '%"type":"freeze.set"}'`);
    }, 'kill');
    await at.alarmed(/freezes/);
    await at.alarmed(/revocations/);
    await isFrozen(/^Frozen: the server tools/);
    await at.refused('second');
  });

  test('P1: what is accepted is said before and after: freezes and revocations come back, what is lost has a name', async () => {
    const [first, second] = [await at.freeze({ server: 'tools' }), await at.freeze({ grant: 'second' })];
    assert.equal((await at.revoke('second')).status, 200);
    await sql(`delete from holdfast.freezes where id = '${first}'`);
    await sql(`update holdfast.freezes set lifted_at = now(), lifted_by = 'admin' where id = '${second}'`);
    await sql('delete from holdfast.revocations');
    await at.alarmed(/freezes/);
    const before = (await (await at.gateway.api('/api/store/accept')).json()) as Record<string, unknown>;
    assert.deepEqual([before.accepted, before.dryRun], [null, true]);
    const tables = (said: Record<string, unknown>) =>
      (said.putBack as { table: string }[]).map(({ table }) => table).sort();
    assert.deepEqual(tables(before), ['freezes', 'freezes', 'revocations']);
    const inForce = 'select id, name from holdfast.freezes where lifted_at is null order by name';
    assert.deepEqual(await sql(inForce), [], 'nothing was changed');
    assert.equal((await at.ready()).body.gated, false);
    const after = await at.accept();
    assert.deepEqual([after.dryRun, tables(after), after.lost], [false, tables(before), []]);
    const rows = await sql(inForce);
    assert.deepEqual(
      rows.map(({ name }) => name),
      ['second', 'tools'],
    );
    assert.equal(rows[1]!.id, first);
    assert.notEqual(rows[0]!.id, second, 'what was ended by hand is set again under an id of its own');
    await isFrozen(/^Frozen: the server tools/);
    await at.refused('second');
    await at.restart();
    await isFrozen(/^Frozen: the server tools/);
    await at.refused('second');
    for (const { id } of rows) assert.equal((await at.thaw(String(id))).status, 200);
    await eventually('it goes on', async () => {
      const answer = textOf(await (await at.open()).call('read', {}).answer);
      return answer === 'done' ? true : null;
    });
    assert.equal((await at.ready()).body.gated, true);
  });
});
