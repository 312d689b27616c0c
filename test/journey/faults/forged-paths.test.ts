import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import { ModernAgent, WITH_TASKS } from '../../support/agent/modern.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type Arrived, type ErasAnswer, type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  read: { action: require_approval, severity: medium }
  wipe: { action: require_approval, severity: medium, approval: { approvers: [security], quorum: 2 } }
`;
const ASKED = { who: { method: 'elicitation/create', params: { message: 'Really for production?' } } };

/** Asks once; then goes on. */
function asksFirst({ params }: Arrived): ErasAnswer {
  return params.inputResponses === undefined
    ? { resultType: 'input_required', requestState: 'theirs', inputRequests: ASKED }
    : saying('gone on');
}

/** A database administrator who is in league with the agent: calls that go on need no vote of their own. */
describe('ways of a call past its first yes, with rows that a database administrator changes', {
  skip: skipWithoutBacking('postgres'),
}, () => {
  let backing: Backing;
  let upstream: ErasUpstream;
  let database: string;
  let house: House;
  let gateway: GatewayProcess;
  let agent: ModernAgent;
  before(async () => {
    backing = await startBacking('postgres');
  });
  after(() => backing.stop());
  beforeEach(async () => {
    upstream = await erasUpstream();
    upstream.behave = asksFirst;
    database = await backing.database();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { leg: 30s, default: 1s, progress: 3s } }',
      databaseUrl: database,
    });
    gateway = await house.start();
    agent = new ModernAgent(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  afterEach(async () => {
    await house?.close();
    await upstream?.close();
  });

  const sql = (text: string) => query(database, text);
  const alarmed = () =>
    eventually('the alarm', async () => {
      const { gated } = (await (await gateway.api('/readyz')).json()) as { gated: boolean };
      return gated ? null : true;
    });
  const answers: JsonObject = { who: { action: 'accept', content: { text: 'yes' } } };
  const going = { requestState: 'theirs', inputResponses: answers };

  /** An approved call whose server asks back. */
  async function asked(args: JsonObject): Promise<string> {
    const open = agent.call('read', args);
    const { id } = await gateway.pending('read', args as Record<string, unknown>);
    await house.approve(id);
    assert.equal((await open).result?.requestState, 'theirs');
    return id;
  }
  /** The state that the server gave to one call goes on with another. */
  const leadState = (from: string, to: string) => [
    `insert into holdfast.continuations (digest, grant_name, server, fingerprint, approval_id, expires_at)
      select digest, grant_name, server, (select fingerprint from holdfast.approvals where id = '${to}'), '${to}', expires_at
      from holdfast.continuations where approval_id = '${from}'`,
    'delete from holdfast.issued_states',
  ];

  for (const [name, seals] of [
    ['its seals as they were', ''],
    ['no seals', ', frozen_seal = null, state_seal = null, reasons_seal = null, shown_digest = null'],
  ] as const) {
    test(`P1: a pending call that is made one that waits for an answer, with ${name}, does not go on without its votes`, async () => {
      const harmless = await asked({ name: 'harmless' });
      const args = { name: 'everything' };
      const open = agent.call('wipe', args);
      const { id } = await gateway.pending('wipe', args);
      await sql(`update holdfast.approvals set state = 'dispatched', awaits = 'input', questions = 1, revision = revision + 1,
        lease_until = now() + interval '1 hour' ${seals} where id = '${id}'`);
      for (const text of leadState(harmless, id)) await sql(text);
      await agent.call('wipe', args, going);
      assert.equal(upstream.count('wipe', args), 0);
      await open;
      await alarmed();
    });
  }

  test('P2: a call that runs is not sent a second time by making it one that waits for an answer', async () => {
    const harmless = await asked({ name: 'harmless' });
    const args = { name: 'slow' };
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    upstream.behave = async () => {
      await ended;
      return saying('done');
    };
    const open = agent.call('read', args);
    const { id } = await gateway.pending('read', args);
    await house.approve(id);
    await eventually('it runs', async () => (upstream.count('read', args) === 1 ? true : null));
    await sql(`update holdfast.approvals set awaits = 'input', questions = 1, revision = revision + 1,
      lease_until = now() + interval '1 hour' where id = '${id}'`);
    for (const text of leadState(harmless, id)) await sql(text);
    const second = agent.call('read', args, going);
    await alarmed();
    end();
    await Promise.all([open, second]);
    assert.equal(upstream.count('read', args), 1);
  });

  test('P1: the request of one task is not sent under the pass of another', async () => {
    const tasker = new ModernAgent(`${gateway.url}/mcp/tools`, house.tokens.agent!, WITH_TASKS);
    upstream.behave = () => saying('done');
    const danger = { name: 'everything' };
    await tasker.call('wipe', danger);
    const { id: wipe } = await gateway.pending('wipe', danger);
    const args = { name: 'harmless' };
    await tasker.call('read', args);
    const { id: read } = await gateway.pending('read', args);
    await sql(`delete from holdfast.tasks where approval_id = '${read}'`);
    await sql(`update holdfast.tasks set approval_id = '${read}',
      joiner_id = (select id from holdfast.joiners where approval_id = '${read}') where approval_id = '${wipe}'`);
    await house.approve(read);
    await alarmed();
    const told = await eventually(
      'the event',
      async () => (await gateway.events()).find(({ type }) => type === 'seal.broken') ?? null,
    );
    assert.deepEqual([told.data.table, told.data.field], ['tasks', 'row']);
    const accepted = await gateway.api('/api/store/accept', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'the row is known' }),
    });
    assert.equal(accepted.status, 200, await accepted.clone().text());
    // A task that has nothing to hide is sent then: the store's tasks were looked at again.
    const other = { name: 'another' };
    await tasker.call('read', other);
    await house.approve((await gateway.pending('read', other)).id);
    await eventually('the other task is sent', async () => (upstream.count('read', other) === 1 ? true : null));
    assert.deepEqual([upstream.count('wipe', danger), upstream.count('read', args)], [0, 0]);
  });
});
