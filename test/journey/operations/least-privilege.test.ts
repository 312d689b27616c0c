import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
const script = (name: string): string => readFileSync(`${ROOT}deploy/sql/${name}`, 'utf8');
const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval, limits: [{ counter: keys, window: hour, max: 100 }] }
  rotate_key: { action: require_approval, approval: { quorum: 2 } }
  list_keys: { action: allow, limits: [{ counter: lists, window: hour, max: 100 }] }
`;

describe('A gateway whose database user may do only what it needs', { skip: skipWithoutBacking('postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  /** URLs of the database, by who opens it. */
  let as: { readonly superuser: string; readonly owner: string; readonly gateway: string };

  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('postgres'), countingUpstream()]);
    const superuser = await backing.database({ empty: true });
    const by = (user: string): string => {
      const url = new URL(superuser);
      url.username = user;
      return url.href;
    };
    as = { superuser, owner: by('holdfast_owner'), gateway: by('holdfast_gateway') };
    await query(superuser, script('roles.sql'));
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ hold: { default: 1s, progress: 60s } }',
      databaseUrl: as.gateway,
      slack: false,
      operators: '[admin, U0ALEX]',
      audit: '{ erasable: true }',
    });
  });
  after(async () => {
    await house?.close();
    await upstream?.close();
    await backing?.stop();
  });

  function holdfast(words: readonly string[], env: Record<string, string>): Promise<{ code: number; said: string }> {
    return new Promise((resolve) => {
      const set = { PATH: process.env.PATH ?? '', ...env };
      execFile(process.execPath, ['src/cli/cli.ts', ...words], { cwd: ROOT, env: set }, (error, out, err) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, said: out + err }),
      );
    });
  }
  async function decide(id: string, decision: 'approve' | 'deny'): Promise<void> {
    const answer = await gateway.api(`/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision, reason: 'looked at' }),
    });
    assert.equal(answer.status, 200, await answer.text());
  }

  test('does not migrate, and says who does', async () => {
    const failed = await house.startFails();
    assert.equal(failed.code, 1);
    assert.match(
      failed.said,
      /this user may not make it\. Run: holdfast migrate, then deploy\/sql\/gateway-rights\.sql/,
    );
    assert.deepEqual(
      await query(as.superuser, `select nspname from pg_namespace where nspname in ('holdfast', 'bullmq')`),
      [],
    );
    const made = await holdfast(['migrate'], { DATABASE_URL: as.owner });
    assert.equal(made.code, 0, made.said);
    assert.match(made.said, /Applied: 0001-foundation, /);
    const again = await holdfast(['migrate'], { DATABASE_URL: as.owner });
    assert.match(again.said, /up to date/);
    const unready = await house.startFails();
    assert.match(unready.said, /Run.*gateway-rights\.sql/);
    const gatewayMigrates = await holdfast(['migrate'], { DATABASE_URL: as.gateway });
    assert.equal(gatewayMigrates.code, 1, gatewayMigrates.said);
  });

  test('has rights on every table of the schema, and may run the script again', async () => {
    for (let times = 0; times < 2; times += 1) await query(as.owner, script('gateway-rights.sql'));
    const missing = await query(
      as.gateway,
      `select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where nspname = 'holdfast' and relkind = 'r' and relname <> 'kysely_migration_lock' and not has_table_privilege(c.oid, 'select')`,
    );
    assert.deepEqual(missing, [], 'name them in deploy/sql/gateway-rights.sql');
    const writable = await query(
      as.gateway,
      `select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where nspname = 'holdfast' and relkind = 'r' and relname !~ 'kysely' and not has_table_privilege(c.oid, 'insert')`,
    );
    assert.deepEqual(writable, []);
  });

  test('the whole flow runs', async () => {
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    assert.equal(textOf(await agent.call('list_keys', { n: 1 }).answer), 'done');
    const ask = async (name: string, tool = 'create_key'): Promise<string> =>
      noteOf(await agent.call(tool, { name }).answer).id;
    const approved = await ask('approved');
    await decide(approved, 'approve');
    assert.equal(textOf(await agent.call('create_key', { name: 'approved' }).answer), 'done');
    assert.equal(upstream.count('create_key', { name: 'approved' }), 1);
    const denied = await ask('denied');
    await decide(denied, 'deny');
    assert.match(textOf(await agent.call('create_key', { name: 'denied' }).answer), /^Denied by/);
    // A yes that becomes a no: the only change of a vote.
    const changed = await ask('changed', 'rotate_key');
    await decide(changed, 'approve');
    await decide(changed, 'deny');
    await gateway.reaches(changed, 'denied');
    const held = agent.call('create_key', { name: 'held' }, { meta: { progressToken: 'p' } });
    const { id } = await gateway.pending('create_key', { name: 'held' });
    await decide(id, 'approve');
    assert.equal(textOf(await held.answer), 'done');
    const withdrawn = agent.call('create_key', { name: 'withdrawn' }, { meta: { progressToken: 'q' } });
    const { id: left } = await gateway.pending('create_key', { name: 'withdrawn' });
    await agent.cancel(withdrawn.id);
    await gateway.reaches(left, 'withdrawn');
    const erased = await gateway.api(`/api/approvals/${approved}/erase`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'asked for' }),
    });
    assert.equal(erased.status, 200, await erased.text());
    assert.equal((await gateway.approval(approved)).broken, null);
    await agent.end();
    await eventually('everything is chained', async () => {
      const [row] = await query(as.gateway, 'select count(*)::int as open from holdfast.events where seq is null');
      return row!.open === 0 ? true : null;
    });
    assert.ok((await gateway.events()).some(({ type }) => type === 'call.succeeded'));
    assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200);
  });

  test('the log cannot be changed, nor anything made or dropped', async () => {
    const pending = `insert into holdfast.events (body, type, at, actor) values ('{}', 'x', now(), 'x')`;
    const attacks = [
      `update holdfast.events set body = '{}'`,
      `update holdfast.events set type = 'x'`,
      `update holdfast.events set actor = 'x', at = now()`,
      `update holdfast.events set hash = repeat('0', 64) where seq = 1`,
      'update holdfast.events set seq = seq + 100000',
      'update holdfast.events set seq = null, hash = null where seq = 2',
      'delete from holdfast.events',
      'delete from holdfast.events where seq is null',
      'truncate holdfast.events',
      'select holdfast.cut_events(1, 1, 0, 10)',
      'select holdfast.cut_events((select max(n) from holdfast.events), 1, 0, 10)',
      `select holdfast.remove_approvals(array(select id from holdfast.approvals), now() - interval '1 day')`,
      'delete from holdfast.links',
      'update holdfast.links set kept = false',
      'update holdfast.checkpoints set hash = hash',
      'delete from holdfast.checkpoints',
      `update holdfast.decisions set choice = 'approve'`,
      `update holdfast.decisions set choice = 'approve', rights = '[]', signature = 'x'`,
      'delete from holdfast.decisions',
      'delete from holdfast.approvals',
      `update holdfast.approvals set arguments = '{}'`,
      `update holdfast.approvals set requirement = '{}'`,
      `update holdfast.approvals set fingerprint = 'x'`,
      `update holdfast.approvals set frozen_seal = 'x', shown_digest = 'x'`,
      `update holdfast.events set seal = 'x'`,
      `update holdfast.decisions set seal = 'x'`,
      `update holdfast.epoch set log = 'x'`,
      'delete from holdfast.epoch',
      `update holdfast.approvals set sent = '{}', hidden = '{}'`,
      `update holdfast.approvals set owner = null, grant_name = 'x'`,
      `update holdfast.approvals set expires_at = now() + interval '1 year', created_at = now()`,
      `update holdfast.approvals set request = 'x'::bytea`,
      'delete from holdfast.revocations',
      'delete from holdfast.joiners',
      'delete from holdfast.card_contents',
      // A record of an erasure, of another call or of none, frees nothing else.
      `insert into holdfast.card_contents (digest, approval_id, content, kept_at) select 'd', id, 'c', now() from holdfast.approvals limit 1;
        insert into holdfast.erasable_keys values ('x', null, 'x', 'x'); delete from holdfast.card_contents`,
      `insert into holdfast.erasable_keys values ('x', null, 'x', 'x'); update holdfast.approvals set arguments = '{}', request = null, result = null where state = 'succeeded'`,
      'delete from holdfast.erasable_keys',
      `update holdfast.approvals set trace = '{}', asked = null where state = 'succeeded'`,
      `update holdfast.approvals set stated_reason = 'x', counter_of = null`,
      `update holdfast.phrases set words = 'x'`,
      'delete from holdfast.kysely_migration',
      'drop table holdfast.events',
      'drop schema holdfast cascade',
      'drop trigger frozen_place on holdfast.events',
      'drop function holdfast.refuse_change() cascade',
      'alter table holdfast.events disable trigger all',
      'alter table holdfast.events add column x text',
      'create table holdfast.x (a int)',
      'create table public.x (a int)',
      'create temporary table x (a int)',
      'create schema x',
      `create function holdfast.x() returns int language sql as 'select 1'`,
      'create index on holdfast.events (body)',
      'create role x',
      'create extension pgcrypto',
      'set role holdfast_owner',
      'set session_replication_role = replica',
      'create table bullmq.x (a int)',
      'delete from bullmq.migration',
      `copy holdfast.events to program 'cat'`,
    ];
    const client = new pg.Client({ connectionString: as.gateway });
    await client.connect();
    try {
      for (const attack of attacks) {
        await client.query('begin');
        await client.query(pending);
        await assert.rejects(client.query(attack), { code: /^(42501|42809)$/ }, attack);
        await client.query('rollback');
      }
      // What it must be able to do: to give an event its place, once.
      await client.query('begin');
      await client.query(pending);
      await client.query(`update holdfast.events set seq = 1000000, hash = 'x' where seq is null`);
      await assert.rejects(
        client.query('update holdfast.events set seq = 1000001 where seq = 1000000'),
        /place in the chain .* is frozen/,
      );
      await client.query('rollback');
    } finally {
      await client.end();
    }
  });

  test('a call’s bytes stay until it is over', async () => {
    const again = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const { id } = noteOf(await again.call('create_key', { name: 'kept' }).answer);
    const drop = query(as.gateway, `update holdfast.approvals set request = null where id = '${id}'`);
    await assert.rejects(drop, /the request of approvals is frozen/);
    await decide(id, 'deny');
    const [row] = await query(as.owner, `select request is null as gone from holdfast.approvals where id = '${id}'`);
    assert.equal(row!.gone, true);
    await again.end();
  });

  test('a store is accepted: freezes come back; another log’s record is the owner’s to take out, which is said', async () => {
    const json = { 'content-type': 'application/json' };
    const accept = async () => {
      const body = JSON.stringify({ reason: 'looked at' });
      const response = await gateway.api('/api/store/accept', { method: 'POST', headers: json, body });
      assert.equal(response.status, 200, await response.clone().text());
      return (await response.json()) as { putBack: { table: string }[]; lost: { table: string; about: string }[] };
    };
    for (const scope of ['all', { server: 'tools' }]) {
      const body = JSON.stringify({ scope, reason: 'incident' });
      assert.equal((await gateway.api('/api/freeze', { method: 'POST', headers: json, body })).status, 201);
    }
    await query(as.superuser, `delete from holdfast.freezes where scope = 'all'`);
    await query(as.superuser, 'create table epoch_before as select * from holdfast.epoch');
    await query(as.superuser, `update holdfast.epoch set log = 'log_other', seal = 'x'`);
    const first = await accept();
    assert.deepEqual(
      first.putBack.map(({ table }) => table),
      ['freezes'],
    );
    assert.match(first.lost.find(({ table }) => table === 'epoch')?.about ?? '', /run "delete from holdfast\.epoch"/);
    await query(as.owner, 'delete from holdfast.epoch');
    assert.deepEqual((await accept()).lost, []);
    const logs = await query(as.superuser, 'select e.log = b.log as same from holdfast.epoch e, epoch_before b');
    assert.deepEqual(logs, [{ same: true }]);
    const freezes = (await (await gateway.api('/api/freeze')).json()) as { items: { id: string }[] };
    assert.equal(freezes.items.length, 2);
    for (const { id } of freezes.items) {
      const body = JSON.stringify({ reason: 'over' });
      assert.equal((await gateway.api(`/api/freeze/${id}`, { method: 'DELETE', headers: json, body })).status, 200);
    }
  });

  test('the log still fits', async () => {
    await gateway.stop();
    const env = { DATABASE_URL: as.gateway, HOLDFAST_SECRET: 'for-tests-only-9Qw4zKp1xVd7Lm2sRb8T' };
    const verified = await holdfast(['audit', 'verify', '--database'], env);
    assert.equal(verified.code, 0, verified.said);
  });
});
