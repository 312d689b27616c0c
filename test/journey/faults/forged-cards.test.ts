import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { SlackMessage } from '../../../src/demo/slack/state/messages.ts';
import { Agent, type Sent, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  query: { action: require_approval, approval: { approvers: [security], quorum: 2 } }
  create_key: { action: require_approval }
`;

/** What the attacker knows. */
interface Aim {
  /** The call that is asked, with one vote of two, and its card. */
  readonly id: string;
  readonly ts: string;
  /** Another call that waits, with its card. */
  readonly other: string;
  readonly otherTs: string;
  /** A message of another app in the same channel. */
  readonly foreignTs: string;
}

interface Attack {
  /** Before the call comes. */
  readonly early?: readonly string[];
  /** While the call waits for its second vote. */
  readonly sql?: (aim: Aim) => readonly string[];
  /** The second vote comes at once: what this process remembers of the card counts. */
  readonly quiet?: true;
  /** The gateway starts anew, so that it remembers nothing. */
  readonly anew?: true;
  /** False: nothing is believed that was changed, and nothing is told either. */
  readonly told: boolean;
}

const OF = (id: string) => `where approval_id = '${id}'`;
const TO =
  (set: string) =>
  ({ id }: Aim) => [`update holdfast.cards set ${set} ${OF(id)}`];
const DIGEST = `'pending.1..${'ab'.repeat(32)}'`;
/** Holds a row in another table, from which it can be put back as it was. */
const KEEP = `create or replace function public.keep() returns trigger language plpgsql as $$ begin
  insert into public.kept select new.*; return new; end $$`;
const KEPT = [
  'create table public.kept as select * from holdfast.cards limit 0',
  KEEP,
  'create trigger keep after insert or update on holdfast.cards for each row execute function public.keep()',
];
const PUT_BACK =
  (nth: string) =>
  ({ id }: Aim) => [
    'drop trigger keep on holdfast.cards',
    `create table public.one as select * from (select *, row_number() over () as nth from public.kept ${OF(id)}) k where ${nth} limit 1`,
    'alter table public.one drop column nth',
    `update public.one set run = null, run_by = null, run_until = null`,
    `delete from holdfast.cards ${OF(id)}`,
    'insert into holdfast.cards select * from public.one',
  ];

const ATTACKS: Readonly<Record<string, Attack>> = {
  'says that the card shows something else': { sql: TO(`digest = ${DIGEST}`), told: true },
  'the same, and nothing changes until the next click': { sql: TO(`digest = ${DIGEST}`), quiet: true, told: true },
  'the same, to a gateway that starts anew': { sql: TO(`digest = ${DIGEST}`), anew: true, told: true },
  'says that a later revision was shown': { sql: TO('revision = 1000'), told: true },
  'says so in both tables': {
    sql: ({ id }) => [
      `update holdfast.cards set revision = 1000 ${OF(id)}`,
      `update holdfast.approvals set shown = 1000 where id = '${id}'`,
    ],
    told: true,
  },
  'says that it will never be posted': { sql: TO(`digest = 'never posted', revision = 1000, ts = null`), told: true },
  'says that the broken card is shown': { sql: TO(`digest = digest || '.forged'`), told: true },
  'points it at the message of another app': {
    sql: ({ id, foreignTs }) => [`update holdfast.cards set ts = '${foreignTs}' ${OF(id)}`],
    told: true,
  },
  'points it at another channel': { sql: TO(`channel = 'C0ELSEWHERE'`), told: true },
  'points it at the card of another call': {
    sql: ({ id, otherTs }) => [`update holdfast.cards set ts = '${otherTs}' ${OF(id)}`],
    told: true,
  },
  'swaps the cards of two calls': {
    sql: ({ id, other }) => [
      'create table public.two as select * from holdfast.cards',
      `delete from holdfast.cards where approval_id in ('${id}', '${other}')`,
      `update public.two set approval_id = case approval_id when '${id}' then '${other}' else '${id}' end`,
      'insert into holdfast.cards select * from public.two',
    ],
    told: true,
  },
  'copies the card of another call': {
    sql: ({ id, other }) => [
      `update holdfast.cards c set channel = o.channel, ts = o.ts, digest = o.digest, revision = o.revision
        from holdfast.cards o where o.approval_id = '${other}' and c.approval_id = '${id}'`,
    ],
    told: true,
  },
  'puts the row back to an earlier revision': { early: KEPT, sql: PUT_BACK('ts is not null'), told: true },
  'the same, quietly': { early: KEPT, sql: PUT_BACK('ts is not null'), quiet: true, told: true },
  'puts the row back to before the post': { early: KEPT, sql: PUT_BACK('ts is null'), told: true },
  'deletes the row': { sql: ({ id }) => [`delete from holdfast.cards ${OF(id)}`], told: true },
  'deletes the row of a gateway that starts anew': {
    sql: ({ id }) => [`delete from holdfast.cards ${OF(id)}`],
    anew: true,
    told: true,
  },
  'forgets the message': { sql: TO('ts = null'), told: true },
  'says that its channel takes nothing': { sql: TO(`refused = 'the operator is asked to send money'`), told: true },
  'keeps the row from every run': {
    sql: ({ id }) => [
      `update holdfast.cards set run = 'mine', run_by = (select max(id) from holdfast.replicas), run_until = 'infinity' ${OF(id)}`,
    ],
    told: false,
  },
  'says that it is posted before it is': {
    early: [
      `create function public.posted() returns trigger language plpgsql as $$ begin
        insert into holdfast.cards (approval_id, channel, ts, revision, digest, posted_at, look_at)
        values (new.id, '${CHANNEL}', '1700000000.000100', 1000, ${DIGEST}, now(), 'infinity');
        update holdfast.approvals set shown = 1000 where id = new.id; return new; end $$`,
      'create trigger posted after insert on holdfast.approvals for each row execute function public.posted()',
    ],
    told: false,
  },
  'says so once it is claimed': {
    early: [
      `create function public.posted() returns trigger language plpgsql as $$ begin
        if (select tool from holdfast.approvals where id = new.approval_id) <> 'query' then return new; end if;
        new.channel := '${CHANNEL}'; new.ts := '1700000000.000100'; new.revision := 1000; new.digest := ${DIGEST};
        new.posted_at := now(); return new; end $$`,
      'create trigger posted before insert on holdfast.cards for each row when (new.ts is null) execute function public.posted()',
    ],
    told: true,
  },
};

/** Somebody who may change every row, and knows the schema, but not HOLDFAST_SECRET. */
describe('records of cards that a database administrator changes', { skip: skipWithoutBacking('postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let database: string;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
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
      databaseUrl: database,
    });
    await start();
  });
  afterEach(() => house?.close());

  async function start(): Promise<void> {
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  }
  const patient = { meta: { progressToken: 'p' } };
  const run = async (texts: readonly string[]) => {
    for (const text of texts) await query(database, text);
  };
  const alarms = async () =>
    ((await (await gateway.api('/readyz')).json()) as { gated: boolean; alarms?: { why: string }[] }).alarms ?? [];
  const cardsOf = (id: string): SlackMessage[] =>
    house.slack
      .messages(CHANNEL)
      .filter((message) => message.app === null && JSON.stringify(message.metadata).includes(id));
  const cardEvents = async (id: string) =>
    (await gateway.events(id)).filter(
      ({ type, doubt }) => /^card\.(posted|updated)$/.test(type) && doubt === undefined,
    );
  /** Card and log agree on what is shown. */
  const shows = (id: string, says: RegExp) =>
    eventually(
      `the card of ${id} says ${says}`,
      async () => {
        const [card, ...more] = cardsOf(id);
        const told = (await cardEvents(id)).at(-1);
        assert.equal(more.length, 0, 'there is one card');
        return card !== undefined && says.test(JSON.stringify(card.blocks)) && told?.data.ts === card.ts ? card : null;
      },
      20_000,
    );

  async function aimed(name: string): Promise<Aim & { args: Record<string, unknown>; sent: Sent }> {
    const args = { sql: name };
    const foreign = house.slack.postAs({
      ...{ user: 'U0BOT', app: { id: 'A0OTHER', bot: 'B0OTHER' }, channel: CHANNEL },
      ...{ text: 'Deploy finished', blocks: [], metadata: null },
    });
    agent.call('create_key', { name: 'other' }, patient);
    const sent = agent.call('query', args, patient);
    const other = (await gateway.pending('create_key')).id;
    const { id } = await gateway.pending('query');
    const [{ ts }, { ts: otherTs }] = [await shows(id, /query/), await shows(other, /other/)];
    await house.slack.click({ user: 'U0ALEX', channel: CHANNEL, ts, actionId: 'approve' });
    await shows(id, /1 of 2/);
    await eventually('it is saved', async () => ((await cardEvents(id)).at(-1)?.data.revision === 2 ? true : null));
    return { id, ts, other, otherTs, foreignTs: foreign.ts, args, sent };
  }

  for (const [name, { early = [], sql, quiet, anew, told }] of Object.entries(ATTACKS)) {
    test(`P10: a database administrator who ${name}`, async () => {
      await run(early);
      const aim = await aimed(name);
      const { id, ts, other, otherTs, foreignTs, args, sent } = aim;
      const events = (await cardEvents(id)).length;
      if (anew) await gateway.stop();
      if (sql) await run(sql(aim));
      if (anew) await start();
      if (!quiet && sql) {
        // Whatever changes the card; or the sweep, which finds what cannot be believed.
        if (!told) (await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!)).call('query', args, patient);
        await eventually(
          'the card is brought up to date',
          async () => ((await cardEvents(id)).length > events ? true : null),
          20_000,
        );
      }
      const before = (await cardEvents(id)).at(-1)!.data;
      const click = await house.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
      assert.equal(click.status, 200);
      const decided = await eventually(
        'the click is recorded',
        async () =>
          (await gateway.events(id)).find(
            ({ type, actor }) => type === 'approval.decided' && actor === 'slack:U0MIRA',
          ) ?? null,
      );
      const { digest, channel, ts: where, revision } = decided.data.card as Record<string, unknown>;
      assert.deepEqual(
        { digest, channel, ts: where, revision },
        { digest: before.digest, channel: CHANNEL, ts, revision: before.revision },
        'the decision names what was shown, and where',
      );
      if (told) {
        await eventually(
          'the alarm',
          async () => ((await alarms()).some(({ why }) => why.includes('cards')) ? true : null),
          15_000,
        );
        assert.equal(upstream.count('query', args), 0, 'nothing runs meanwhile');
        const accepted = await gateway.api('/api/store/accept', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ reason: 'it is known who did it' }),
        });
        assert.equal(accepted.status, 200, await accepted.clone().text());
      } else assert.deepEqual(await alarms(), []);
      // Nothing gated was taken meanwhile: the caller comes again.
      const end = await (told ? agent.call('query', args, patient) : sent).answer;
      assert.equal(textOf(end), 'done');
      assert.equal(upstream.count('query', args), 1);
      await shows(id, /succeeded|done/i);
      const untouched = await shows(other, /create_key/);
      assert.equal(untouched.ts, otherTs, 'the other call has its own card');
      assert.match(JSON.stringify(untouched.blocks), new RegExp(`${other}:`));
      const foreign = house.slack.messages(CHANNEL).find((message) => message.ts === foreignTs)!;
      assert.deepEqual([foreign.text, foreign.versions.length], ['Deploy finished', 1]);
    });
  }
});
