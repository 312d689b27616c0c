import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import {
  type Backing,
  type BackingKind,
  query,
  skipWithoutBacking,
  startBacking,
} from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval }
  redacted: { action: require_approval }
`;

for (const kind of ['redis and postgres', 'postgres'] as const) suite(kind);

function suite(kind: BackingKind): void {
  describe(`two gateways on ${kind}`, { skip: skipWithoutBacking(kind) }, () => {
    let backing: Backing;
    let databaseUrl: string;
    let upstream: CountingUpstream;
    let house: House;
    let a: GatewayProcess;
    let b: GatewayProcess;
    const patient = { meta: { progressToken: 'p' } };
    const at = (gateway: GatewayProcess) => Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const clicksGoTo = (gateway: GatewayProcess): void => {
      house.slack.interactivityUrl = `${gateway.url}/slack/events`;
    };

    before(async () => {
      [backing, upstream] = await Promise.all([startBacking(kind), countingUpstream()]);
      databaseUrl = await backing.database();
      house = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
        approval: '{ timeout: 10m, hold: { default: 1s, progress: 60s } }',
        databaseUrl,
        ...(backing.redis ? { redisUrl: backing.redis.url } : {}),
      });
      [a, b] = await Promise.all([house.start(), house.start()]);
    });
    after(async () => {
      await house?.close();
      await upstream.close();
      await backing.stop();
    });

    test('P4: held by one, clicked at the other: the agent gets its result', async () => {
      const agent = await at(a);
      const sent = agent.call('create_key', { name: 'across' }, patient);
      const { id } = await b.pending('create_key', { name: 'across' });
      clicksGoTo(b);
      await house.card(id);
      const clicked = performance.now();
      await house.approve(id);
      assert.equal(textOf(await sent.answer), 'done');
      assert.ok(performance.now() - clicked < 5_000, 'woken, not found by chance');
      assert.equal(upstream.count('create_key', { name: 'across' }), 1);
      assert.equal((await a.approval(id)).state, 'succeeded');
    });

    test('P2: ten identical calls over both are one approval and one dispatch, with ten answers', async () => {
      const agents = await Promise.all([at(a), at(b)]);
      const args = { name: 'ten' };
      const sent = Array.from({ length: 10 }, (_, n) => agents[n % 2]!.call('create_key', args, patient));
      const { id } = await a.pending('create_key', args);
      await eventually('all ten wait', async () => ((await b.approval(id)).callers === 10 ? true : null));
      assert.equal((await a.approvals('pending')).length, 1);
      await house.approve(id);
      const answers = await Promise.all(sent.map((one) => one.answer));
      assert.deepEqual(new Set(answers.map(textOf)), new Set(['done']));
      assert.equal(answers.filter((answer) => noteOf(answer).joined === true).length, 9);
      assert.equal(upstream.count('create_key', args), 1);
    });

    test('P2: two clicks at two gateways at once are one decision', async () => {
      for (const round of [1, 2, 3]) {
        const args = { name: 'contest', round };
        const sent = (await at(a)).call('create_key', args, patient);
        const { id, fingerprint } = await b.pending('create_key', args);
        const decide = (gateway: GatewayProcess, decision: string) =>
          gateway.api(`/api/approvals/${id}/decisions`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ decision, fingerprint }),
          });
        const answers = await Promise.all([decide(a, 'approve'), decide(b, 'deny')]);
        assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 409]);
        const approved = answers[0]!.status === 200;
        assert.match(textOf(await sent.answer), approved ? /^done/ : /^Denied by/);
        assert.equal(upstream.count('create_key', args), approved ? 1 : 0);
      }
    });

    test('P9: a session opened at one is known at the other, and to no other grant', async () => {
      const agent = await at(a);
      agent.url = `${b.url}/mcp/tools`;
      assert.equal(textOf(await agent.call('read', {}).answer), 'done');
      assert.equal(upstream.calls.at(-1)!.session, agent.session);
    });

    test('P3: a cancellation that arrives at the other gateway withdraws the call', async () => {
      const agent = await at(a);
      const sent = agent.call('create_key', { name: 'cancel-across' }, patient);
      const { id } = await b.pending('create_key', { name: 'cancel-across' });
      // What ends before its card was posted never gets one.
      await house.card(id);
      agent.url = `${b.url}/mcp/tools`;
      await agent.cancel(sent.id);
      await b.reaches(id, 'withdrawn');
      await house.card(id, /ithdrawn/);
    });

    test('P4: the gateway that holds the call is killed: the other one takes the click and hands over the result', async () => {
      const args = { name: 'survivor' };
      const agent = await at(a);
      const lost = agent.call('create_key', args, patient);
      const { id } = await b.pending('create_key', args);
      const { ts } = await house.card(id);
      await a.kill();
      await assert.rejects(lost.answer);
      agent.url = `${b.url}/mcp/tools`;
      await house.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
      await b.reaches(id, 'approved');
      const answer = await eventually('the result', async () => {
        const tried = await agent.call('create_key', args).answer;
        return textOf(tried).startsWith('Waiting') ? null : tried;
      });
      assert.equal(textOf(answer), 'done');
      assert.equal(upstream.count('create_key', args), 1);
      a = await house.start();
    });

    if (kind === 'redis and postgres') redisGone();
    postgresGone();

    test('P8: no argument that is redacted, no token and no result is in the database in the clear', async () => {
      upstream.behave = () => ({ text: 'MARKER-result' });
      const agent = await at(a);
      const sent = agent.call('redacted', { name: 'swept', token: 'MARKER-argument' }, patient);
      const { id } = await b.pending('redacted');
      const witness = agent.call('redacted', { name: 'swept', token: 'MARKER-argument' });
      assert.match(textOf(await witness.answer), /^Waiting/);
      await house.approve(id);
      await sent.answer;
      upstream.behave = () => ({ text: 'done' });
      const dump = await dumpOf(databaseUrl);
      assert.ok(dump.includes('swept') && dump.length > 10_000, 'the sweep looked at what is there');
      const secrets = ['MARKER-', house.tokens.agent!, house.adminToken, house.slack.botToken, agent.session!];
      for (const secret of secrets) {
        assert.ok(!dump.includes(secret), `${secret} is in the database`);
        assert.ok(!(a.log + b.log + house.slackTraffic()).includes(secret), `${secret} is in Slack or a log`);
      }
    });

    function redisGone(): void {
      test('P4: Redis is flushed while calls are parked: they are decided and held agents wake', async () => {
        const agent = await at(a);
        const sent = agent.call('create_key', { name: 'flushed' }, patient);
        const { id } = await b.pending('create_key', { name: 'flushed' });
        await house.card(id);
        await flush(backing.redis!.port);
        await house.approve(id);
        assert.equal(textOf(await sent.answer), 'done');
        await house.card(id, /went through|ucceeded/);
      });

      test('P6: Redis is gone: what is parked is safe, /readyz names it, decisions still count, and all goes on when it is back', async () => {
        const agent = await at(a);
        const sent = agent.call('create_key', { name: 'redis-gone' }, patient);
        const { id, fingerprint } = await b.pending('create_key', { name: 'redis-gone' });
        await house.card(id);
        await backing.redis!.kill();
        const unready = await eventually('/readyz says so', async () => {
          const response = await a.api('/readyz');
          return response.status === 503 ? ((await response.json()) as { parts: Record<string, string> }) : null;
        });
        assert.notEqual(unready.parts.queue, 'ok');
        assert.equal(unready.parts.store, 'ok');
        const told = await agent.call('create_key', { name: 'while-gone' }).answer;
        assert.match(textOf(told), /^Waiting for approval/);
        // Where the gateway has posted the card past its queue by then, the agent has nothing to be told of.
        if (!/queue does not answer/.test(textOf(told))) {
          await house.card((await a.pending('create_key', { name: 'while-gone' })).id);
        }
        assert.equal(upstream.count('create_key', { name: 'while-gone' }), 0);
        const decided = await b.api(`/api/approvals/${id}/decisions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ decision: 'approve', fingerprint }),
        });
        assert.equal(decided.status, 200);
        assert.equal(textOf(await sent.answer), 'done');
        await backing.redis!.begin();
        await eventually('it is ready again', async () => ((await a.api('/readyz')).status === 200 ? true : null));
        const late = await a.pending('create_key', { name: 'while-gone' });
        await house.approve(late.id);
        await eventually('the late one runs', async () => {
          const tried = await agent.call('create_key', { name: 'while-gone' }).answer;
          return textOf(tried) === 'done' ? true : null;
        });
        assert.equal(upstream.count('create_key', { name: 'while-gone' }), 1);
        await house.card(id, /went through|ucceeded/);
      });
    }

    function postgresGone(): void {
      test('P6: Postgres is gone: nothing is forwarded, the answer names it, /readyz too, and all goes on when it is back', async () => {
        const agent = await at(a);
        const sent = agent.call('create_key', { name: 'sql-gone' }, patient);
        const { id } = await b.pending('create_key', { name: 'sql-gone' });
        await house.card(id);
        const before = upstream.calls.length;
        await backing.postgres.kill();
        const response = await agent.post({
          jsonrpc: '2.0',
          id: 91,
          method: 'tools/call',
          params: { name: 'create_key', arguments: { name: 'never' } },
        });
        assert.match(await response.text(), /store cannot answer|database does not answer/);
        assert.equal(upstream.calls.length, before);
        const unready = await a.api('/readyz');
        assert.equal(unready.status, 503);
        assert.notEqual(((await unready.json()) as { parts: Record<string, string> }).parts.store, 'ok');
        await backing.postgres.begin();
        // docs/operations.md, "How soon it is caught up": 45 s.
        await eventually(
          'both are ready again',
          async () =>
            (await a.api('/readyz')).status === 200 && (await b.api('/readyz')).status === 200 ? true : null,
          60_000,
        );
        assert.equal((await b.approval(id)).state, 'pending');
        await house.approve(id);
        const answer = await sent.answer.catch(() => null);
        if (answer === null || textOf(answer).startsWith('Waiting')) {
          await eventually('the identical call collects', async () => {
            const tried = await agent.call('create_key', { name: 'sql-gone' }).answer;
            return textOf(tried) === 'done' ? true : null;
          });
        } else assert.equal(textOf(answer), 'done');
        assert.equal(upstream.count('create_key', { name: 'sql-gone' }), 1);
      });
    }
  });
}

async function flush(port: number): Promise<void> {
  const { Redis } = await import('ioredis');
  const redis = new Redis(port, '127.0.0.1');
  await redis.flushall();
  await redis.quit();
}

async function dumpOf(url: string): Promise<string> {
  const tables = await query(
    url,
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema')`,
  );
  const rows = await Promise.all(tables.map(({ name }) => query(url, `select t::text as row from ${name} t`)));
  // Postgres prints bytes as hex, so text inside them has to be searched for as bytes.
  return rows
    .flat()
    .map(({ row }) => String(row))
    .map((row) => row.replace(/\\\\x([0-9a-f]+)/g, (_, hex: string) => Buffer.from(hex, 'hex').toString('latin1')))
    .join('\n');
}
