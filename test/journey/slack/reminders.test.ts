import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type SlackStandIn, startSlackStandIn } from '../../../src/demo/slack/stand-in.ts';
import { handleCall } from '../../../src/gateway/call/handle-call.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import { publishCard } from '../../../src/gateway/publish-card.ts';
import { snooze } from '../../../src/gateway/snooze/snooze.ts';
import { snoozedBy } from '../../../src/gateway/snooze/without-snoozed.ts';
import { sweep } from '../../../src/gateway/sweep.ts';
import { slackCards } from '../../../src/slack/cards.ts';
import { People } from '../../../src/slack/people/people.ts';
import { slackClient } from '../../../src/slack/wire/client.ts';
import { REQUIREMENT } from '../../support/domain/approval.ts';
import { ADMIN, arrivalOf, type ParkedWorld, park, parkedWorld } from '../../support/gateway/parked-world.ts';
import { quiet } from '../../support/log.ts';
import { CHANNEL } from '../../support/slack/door-world.ts';

const MINUTE = 60_000;
const ONCALL = { afterMs: 20 * MINUTE, groups: ['oncall'], people: ['U0SAM'], userGroups: [], admin: false };

let world: ParkedWorld;
let slack: SlackStandIn;
let replicas: [Gateway, Gateway];

before(async () => {
  slack = await startSlackStandIn({ rates: false });
  world = await parkedWorld();
  const api = slackClient({ token: slack.botToken, apiUrl: slack.apiUrl, log: quiet, timeoutMs: 1000 });
  const people = new People({ api, clock: world.clock, team: 'T0MAIN' });
  const cards = slackCards({
    api,
    people: () => people,
    routing: { channel: CHANNEL },
    clock: world.clock,
    log: quiet,
  });
  const replica = (name: string): Gateway => {
    const gateway = world.replica(name, { cards });
    const requirement = () => ({ ...REQUIREMENT, admin: true, escalate: ONCALL });
    return {
      ...gateway,
      rules: { ...gateway.rules, approval: { ...gateway.rules.approval, maxPending: 2 }, requirement },
    };
  };
  replicas = [replica('one'), replica('two')];
});
after(async () => {
  await world.close();
  await slack.close();
});

/** Parks a call at the first replica and posts its card. */
async function waiting(name: string): Promise<{ id: string; ts: string }> {
  const { seat } = await park(replicas[0], { name }, { requestId: `"${name}"` });
  const { id } = seat.approval;
  await publishCard(replicas[0], id);
  return { id, ts: (await world.store.card(id))!.ts! };
}

/** Both replicas sweep at once, twice, as after a flush of the queue; then the cards are updated. */
async function sweepAll(id: string): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await Promise.all(replicas.map((gateway) => sweep(gateway)));
    await Promise.all(replicas.map(({ unqueued }) => unqueued.settled()));
  }
  await publishCard(replicas[1], id);
}

async function eventsOf(id: string): Promise<string[]> {
  const events = await world.store.events({ after: 0, limit: 200, approval: id });
  return events.map((event) => event.type).filter((type) => /reminded|escalated/.test(type));
}

const thread = (ts: string): string[] => slack.replies(CHANNEL, ts).map((message) => message.text);
const endNow = async (id: string): Promise<void> => {
  const word = { choice: 'deny', reason: null, fingerprint: null } as const;
  const { decideApproval } = await import('../../../src/gateway/decision/decide.ts');
  await decideApproval(replicas[0], id, word, ADMIN, { pickupMs: 1 });
};

test('silence for half of the time is answered by one reminder in the thread, whoever sweeps', async () => {
  const { id, ts } = await waiting('reminded');
  await sweepAll(id);
  assert.deepEqual([thread(ts), await eventsOf(id)], [[], []]);
  world.clock.advance(15 * MINUTE);
  await sweepAll(id);
  await sweepAll(id);
  assert.deepEqual(await eventsOf(id), ['approval.reminded']);
  assert.equal(thread(ts).length, 1);
  assert.match(thread(ts)[0]!, /Still waiting for `security` \(<@U0MIRA>, <@U0ALEX>.*0 of 1 approvals/);
  await endNow(id);
});

test('further approvers are asked once when their time has come, and the card names them from then on', async () => {
  const { id, ts } = await waiting('escalated');
  const blocks = () => JSON.stringify(slack.messages(CHANNEL).find((message) => message.ts === ts)!.blocks);
  assert.match(blocks(), /From <.* on also: `oncall`/);
  assert.doesNotMatch(blocks(), /May approve:[^"]*U0SAM>\)\./, 'nobody is called before their time');
  world.clock.advance(21 * MINUTE);
  await sweepAll(id);
  await sweepAll(id);
  assert.deepEqual((await eventsOf(id)).sort(), ['approval.escalated', 'approval.reminded']);
  assert.equal(thread(ts).length, 1, 'one line for both');
  assert.match(thread(ts)[0]!, /`oncall` \(<@U0SAM>\) may decide this now/);
  assert.match(blocks(), /Since <.* also: `oncall` \(<@U0SAM>\)/);
  assert.match(blocks(), /"text":"⏫ Escalated · Approval needed: /);
  await endNow(id);
});

test('what a person snoozed comes back to that person alone, once, while the question waits and all else goes on', async () => {
  const { id, ts } = await waiting('snoozed');
  const { id: decided } = await waiting('snoozed too');
  const mira = { id: 'U0MIRA', via: 'slack', userGroups: [] } as const;
  const card = () => JSON.stringify(slack.messages(CHANNEL).find((message) => message.ts === ts)!.blocks);
  const shown = card();
  assert.equal((await snooze(replicas[0], id, 10, mira)).kind, 'snoozed');
  assert.equal((await snooze(replicas[1], decided, 5, mira)).kind, 'snoozed');
  const refused = async (who: string, minutes: number, what = id) => {
    const end = await snooze(replicas[0], what, minutes, { ...mira, id: who });
    return end.kind === 'not_snoozed' ? end.reason : end.kind;
  };
  assert.equal(await refused('U0STRANGER', 5), 'not_an_approver');
  assert.equal(await refused('U0MIRA', 30), 'expires_before');
  assert.equal(await refused('U0MIRA', 5, 'ap_none'), 'not_found');
  assert.equal(card(), shown, 'nothing of the card changes');
  const ids = async (who: string) => (await snoozedBy(replicas[1], who)).map(({ approval }) => approval);
  assert.deepEqual([await ids('U0MIRA'), await ids('U0ALEX')], [[decided, id], []]);
  await endNow(decided);
  world.clock.advance(9 * MINUTE);
  await sweepAll(id);
  const told = () =>
    slack.requests
      .filter(({ method, args }) => method === 'chat.postMessage' && /You snoozed/.test(String(args.text)))
      .map(({ args }) => String(args.text));
  assert.deepEqual(told(), []);
  world.clock.advance(1 * MINUTE);
  slack.down = true;
  await sweepAll(id);
  slack.down = false;
  world.clock.advance(1 * MINUTE);
  await sweepAll(id);
  world.clock.advance(2 * MINUTE);
  await sweepAll(id);
  assert.equal(told().length, 1, 'once, and not of what is decided');
  assert.match(told()[0]!, /You snoozed the call to .*It still waits, until <!date/);
  world.clock.advance(3 * MINUTE);
  await sweepAll(id);
  assert.deepEqual(await eventsOf(id), ['approval.reminded'], 'reminders go on as ever');
  assert.equal((await world.store.find(id))!.state, 'pending');
  await endNow(id);
  assert.equal(await refused('U0MIRA', 5), 'already_decided');
});

test('P4: what Slack could not take while it was away is said when it is back, once', async () => {
  const { id, ts } = await waiting('outage');
  world.clock.advance(16 * MINUTE);
  slack.down = true;
  await sweepAll(id);
  assert.deepEqual(await eventsOf(id), ['approval.reminded']);
  slack.down = false;
  await sweepAll(id);
  await sweepAll(id);
  assert.equal(thread(ts).length, 1);
  await endNow(id);
});

test('nobody is reminded of what is decided, or over', async () => {
  const { id } = await waiting('decided');
  await endNow(id);
  world.clock.advance(16 * MINUTE);
  await sweepAll(id);
  const { id: late } = await waiting('late');
  world.clock.advance(31 * MINUTE);
  await sweepAll(late);
  assert.equal((await world.store.find(late))!.state, 'expired');
  assert.deepEqual([await eventsOf(id), await eventsOf(late)], [[], []]);
});

test('a crowded grant: the agent is told each time, the channel once, from whichever replica', async () => {
  const { id: a } = await waiting('a');
  const { id: b } = await waiting('b');
  const before = slack.messages(CHANNEL).length;
  for (let round = 0; round < 3; round++) {
    const told = await Promise.all(
      replicas.map((gateway, n) => handleCall(gateway, arrivalOf(gateway, { name: `c${round}${n}` }))),
    );
    assert.deepEqual(
      told.map((one) => one.kind),
      ['crowded', 'crowded'],
    );
  }
  await slack.waitFor(() => slack.messages(CHANNEL).length > before);
  const lines = slack
    .messages(CHANNEL)
    .slice(before)
    .map((message) => message.text);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /has 2 calls waiting for approval, which is its limit/);
  await Promise.all([endNow(a), endNow(b)]);
});
