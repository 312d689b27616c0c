import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import { Agent, type Sent } from '../../support/agent/agent.ts';
import { ModernAgent } from '../../support/agent/modern.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type BareUpstream, bareUpstream } from '../../support/upstream/bare.ts';
import { type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  read: { action: require_approval, severity: medium }
`;
const STRICT = `version: "1"
default: allow
tools:
  wipe: { action: require_approval, severity: high }
`;
const LOOSE = `version: "1"
default: allow
tools:
  wipe: { action: require_approval, severity: high, approval: { answers: allow } }
`;
const ASKED = { who: { method: 'elicitation/create', params: { message: 'Really?' } } };

/** Somebody who may change every row and add triggers, in league with the agent. */
describe('answers to what a server asked, and a database administrator who is quick', {
  skip: skipWithoutBacking('postgres'),
}, () => {
  let backing: Backing;
  let database: string;
  let house: House;
  let gateway: GatewayProcess;
  const sql = (text: string) => query(database, text);
  const gatedIs = (value: boolean) =>
    eventually(
      `gated is ${value}`,
      async () => {
        const { gated } = (await (await gateway.api('/readyz')).json()) as { gated: boolean };
        return gated === value ? true : null;
      },
      20_000,
    );
  before(async () => {
    backing = await startBacking('postgres');
  });
  after(() => backing.stop());
  afterEach(() => house?.close());

  describe('that need no yes (2026-07-28)', () => {
    let upstream: ErasUpstream;
    beforeEach(async () => {
      upstream = await erasUpstream();
      database = await backing.database();
      house = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
        approval: '{ timeout: 10m, hold: { leg: 2s, default: 1s, progress: 3s } }',
        databaseUrl: database,
      });
      gateway = await house.start();
    });
    afterEach(() => upstream.close());

    const TRIGGERS = {
      // What is read after the commit names another round than the one that was judged.
      'counts a question more while the answer is sent': `if old.awaits = 'input' and new.awaits is null then
        new.questions := old.questions + 40 + (random() * 1000000)::int; end if; return new;`,
      'swaps the seal of the state': `if old.awaits = 'input' and new.awaits is null then
        new.state_seal := old.state_seal; end if; return new;`,
    };
    for (const [name, body] of Object.entries(TRIGGERS)) {
      test(`P2: a trigger that ${name} does not have it sent twice`, async () => {
        const agent = new ModernAgent(`${gateway.url}/mcp/tools`, house.tokens.agent!);
        const args: JsonObject = { name };
        let answered = 0;
        upstream.behave = ({ params }) => {
          if (params.inputResponses === undefined) {
            return { resultType: 'input_required', requestState: 'theirs', inputRequests: ASKED };
          }
          answered += 1;
          return saying('gone on');
        };
        const open = agent.call('read', args);
        const { id } = await gateway.pending('read', args as Record<string, unknown>);
        await house.approve(id);
        assert.equal((await open).result?.requestState, 'theirs');
        await sql(`create table before as select * from holdfast.approvals where id = '${id}'`);
        await sql('create table conts as select * from holdfast.continuations');
        await sql(`create function meddle() returns trigger language plpgsql as $$ begin ${body} end $$`);
        await sql(`create trigger meddle before update on holdfast.approvals for each row execute function meddle()`);
        const going = { requestState: 'theirs', inputResponses: { who: { action: 'accept', content: { n: '1' } } } };
        await agent.call('read', args, going);
        await sql('drop trigger meddle on holdfast.approvals');
        // The call as it was before the answer, and nothing in the log of what was sent since.
        await sql(`delete from holdfast.events where approval_id = '${id}' and (body like '%"continues"%'
          or type in ('call.succeeded', 'call.failed', 'call.unknown'))`);
        await sql(`update holdfast.approvals a set state = b.state, revision = b.revision, awaits = b.awaits,
          questions = b.questions, state_revision = b.state_revision, state_seal = b.state_seal, request = b.request,
          lease_until = now() + interval '1 hour', dispatcher = null, note = null from before b where a.id = b.id`);
        await sql('insert into holdfast.continuations select * from conts on conflict do nothing');
        await agent.call('read', args, going);
        assert.ok(answered <= 1, `the answer was sent ${answered} times`);
      });
    }
  });

  describe('with ids of requests (2025-06-18)', () => {
    let upstream: BareUpstream;
    beforeEach(async () => {
      upstream = await bareUpstream();
      database = await backing.database();
    });
    afterEach(() => upstream.close());
    const start = async (policy: string) => {
      house = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy } },
        approval: '{ timeout: 10m, pickup: 1h }',
        databaseUrl: database,
      });
      gateway = await house.start();
    };
    const agent = () => new Agent(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const reply = (id: number, said: string): object => ({ jsonrpc: '2.0', id, result: { action: 'accept', said } });
    const times = (said: string): number =>
      upstream.answers.filter((answer) => JSON.stringify(answer).includes(said)).length;
    const questionOf = (sent: Sent, says: string): Promise<number> =>
      eventually('a question', async () => {
        const asked = sent.messages.find((message) => JSON.stringify(message).includes(says));
        return typeof asked?.id === 'number' ? asked.id : null;
      });
    /** An approved call whose server has asked. */
    const wiping = async (question: string) => {
      const sent = agent().call('wipe', { question });
      const { id } = await gateway.pending('wipe', { question });
      await house.approve(id);
      return { id, n: await questionOf(sent, question), sent };
    };

    for (const [name, hide] of [
      ['deleted', 'delete from holdfast.asked_requests'],
      ['marked as answered', 'update holdfast.asked_requests set answered_at = now()'],
      ['given to another grant', `update holdfast.asked_requests set grant_name = 'other'`],
    ] as const) {
      test(`P1: an answer that needs a yes is not sent without one while its request is ${name} and its call looks as if it waited`, async () => {
        await start(STRICT);
        const { id, n } = await wiping('hidden?');
        await sql(hide);
        await sql(`update holdfast.approvals set awaits = 'input', requirement = '{}' where id = '${id}'`);
        const answer = await agent().post(reply(n, 'without a yes'));
        assert.equal(answer.status, 409, await answer.text());
        assert.equal(times('without a yes'), 0);
        await gatedIs(false);
      });
    }

    test('P1: what its server asks on another stream in that moment is not taken for plain', async () => {
      await start(STRICT);
      const { id } = await wiping('first?');
      await sql(`update holdfast.approvals set awaits = 'input' where id = '${id}'`);
      const plain = agent().call('look', { question: 'beside it?' });
      const n = await questionOf(plain, 'beside it?');
      await gatedIs(false);
      // The call's row says nothing that may be believed, so there is nobody to be asked for a yes.
      const answer = await agent().post(reply(n, 'beside'));
      assert.notEqual(answer.status, 202);
      assert.equal(times('"said":"beside"'), 0);
      plain.disconnect();
    });

    test('P2: an answer that needs no yes is not sent again when its request is opened again', async () => {
      await start(LOOSE);
      const { n, sent } = await wiping('once?');
      await sql(`create function reopen() returns trigger language plpgsql as $$ begin
        if new.answered_at is not null then update holdfast.asked_requests set answered_at = null where n = new.n; end if;
        return null; end $$`);
      await sql('create trigger reopen after update on holdfast.asked_requests for each row execute function reopen()');
      assert.equal((await agent().post(reply(n, 'once'))).status, 202);
      await sent.answer;
      await sql(`update holdfast.asked_requests set answered_at = null`);
      assert.equal((await agent().post(reply(n, 'once'))).status, 409);
      assert.equal(times('once'), 1);
      await gatedIs(false);
    });
  });
});
