import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Reaction } from '../../../src/demo/slack/interactivity/delivery.ts';
import { buttonValue } from '../../../src/slack/card/button.ts';
import { Agent, type Sent, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import {
  type Aim,
  type Attack,
  type AttackTarget,
  NAMED,
  populate,
  WHAT,
  WHERE,
  WHO,
  WINDOWS,
  WIRE,
} from '../../support/slack/attacks.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { risk: write, action: require_approval }
  charge: { risk: financial, action: require_approval, approval: { quorum: 2, approvers: [two] } }
  burst: { action: require_approval, approval: { timeout: 1s } }
`;
const PATIENT = { meta: { progressToken: 1 } };
/** More than a card can show. */
const LONG = { name: 'long', lines: Array.from({ length: 60 }, (_, n) => `${n}:${'x'.repeat(600)}`) };

for (const transport of ['http', 'socket'] as const) {
  describe(`what is tried over ${transport}`, () => {
    let upstream: CountingUpstream;
    let house: House;
    let gateway: GatewayProcess;
    let agent: Agent;
    const held = new Map<string, Sent>();
    let aim: Aim;

    before(async () => {
      upstream = await countingUpstream();
      house = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
        approvers: `[U0MIRA, U0ALEX, S0EX, S0OFF, ${NAMED.join(', ')}]\n  two: [U0MIRA, U0ALEX]`,
        slackMore: ', app: A0HOLDFAST',
        approval: '{ timeout: 10m, max_pending: 100, approvers: [security], hold: { default: 50s, progress: 10m } }',
      });
      populate(house.slack);
      gateway = await house.start(transport === 'socket' ? { env: { SLACK_APP_TOKEN: house.slack.appToken } } : {});
      agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
      const target = await open('create_key', { name: 'target' });
      const other = await open('create_key', { name: 'other' });
      aim = { slack: house.slack, target, other, long: await open('create_key', LONG) };
    });
    after(async () => {
      await house?.close();
      await upstream.close();
    });

    async function open(tool: string, args: Record<string, unknown>): Promise<AttackTarget> {
      const sent = agent.call(tool, args, PATIENT);
      const { id, fingerprint } = await gateway.pending(tool, { name: args.name });
      held.set(id, sent);
      const { ts } = await house.card(id);
      return { id, ts, value: buttonValue({ id, fingerprint }) };
    }
    const click = (ts: string, user = 'U0MIRA', actionId = 'approve') =>
      house.slack.click({ user, channel: CHANNEL, ts, actionId });
    const refusals = async (id: string) =>
      (await gateway.events(id)).filter((event) => event.type === 'approval.refused').map((event) => event.data.reason);
    const answerOf = async ({ id }: AttackTarget) => textOf(await held.get(id)!.answer);

    async function unharmed(): Promise<void> {
      assert.deepEqual(upstream.calls, [], 'nothing went to the server');
      const states = await Promise.all([aim.target, aim.other, aim.long].map(({ id }) => gateway.approval(id)));
      for (const { state, decisions } of states) assert.deepEqual([state, decisions], ['pending', []]);
    }

    /** Over a socket the stand-in waits 3 s for an ack that never comes, so these attacks are tried all at once. */
    const isSilent = ({ status = 200 }: Attack) => transport === 'socket' && status !== 200;
    const all: [string, Attack][] = Object.entries({ ...WHO, ...WHERE, ...WHAT, ...WINDOWS, ...WIRE });
    const tried = all.filter(([, attack]) => transport === 'http' || !attack.http);
    for (const [name, attack] of tried.filter(([, attack]) => !isSilent(attack))) {
      test(`P1: ${name} decides nothing`, async () => {
        const before = (await refusals(aim.target.id)).length;
        const reaction = (await attack.try(aim)) as Reaction;
        if (transport === 'http') assert.equal(reaction.status, attack.status ?? 200);
        while (house.slack.openViews('U0MIRA').length > 0) {
          await house.slack.closeView({ user: 'U0MIRA', clear: true });
        }
        await unharmed();
        const said = (await refusals(aim.target.id)).slice(before);
        assert.deepEqual(said, attack.reason === undefined ? [] : [attack.reason]);
      });
    }
    if (transport === 'socket') {
      test('P1: what no card of ours can have sent is not acknowledged and decides nothing', async () => {
        const silent = tried.filter(([, attack]) => isSilent(attack));
        const reactions = await Promise.all(silent.map(([, attack]) => attack.try(aim) as Promise<Reaction>));
        assert.deepEqual(
          reactions.map(({ status }) => status),
          silent.map(() => 0),
        );
        await unharmed();
      });
    }

    test('P1: and the right click still counts, for exactly the one call', async () => {
      assert.equal((await click(aim.target.ts)).status, 200);
      assert.equal(await answerOf(aim.target), 'done');
      assert.deepEqual(
        upstream.calls.map((call) => call.args),
        [{ name: 'target' }],
      );
      assert.equal((await gateway.approval(aim.other.id)).state, 'pending');
    });

    test('P3: clicks on what is over are told so, whatever they say', async () => {
      const { ts, id } = aim.target;
      const heard = house.slack.ephemerals('U0ALEX').length;
      for (const actionId of ['approve', 'deny']) assert.equal((await click(ts, 'U0ALEX', actionId)).status, 200);
      await house.slack.waitFor(() => house.slack.ephemerals('U0ALEX').length === heard + 2, 10_000);
      for (const { text } of house.slack.ephemerals('U0ALEX').slice(heard)) assert.match(text, /Too late/);
      assert.equal((await gateway.approval(id)).decisions.length, 1);
      assert.equal(upstream.count('create_key', { name: 'target' }), 1);
    });

    test('P1: one person who clicks five times is one of two', async () => {
      const target = await open('charge', { name: 'twice' });
      await Promise.all(Array.from({ length: 5 }, () => click(target.ts)));
      assert.deepEqual([(await gateway.approval(target.id)).state, upstream.count('charge')], ['pending', 0]);
      assert.ok((await refusals(target.id)).every((reason) => reason === 'already_voted'));
      await click(target.ts, 'U0ALEX');
      assert.equal(await answerOf(target), 'done');
      assert.equal(upstream.count('charge'), 1);
    });

    test('P2: two approvers at once are two votes and one call', async () => {
      const target = await open('charge', { name: 'at once' });
      await Promise.all([click(target.ts), click(target.ts, 'U0ALEX'), click(target.ts), click(target.ts, 'U0ALEX')]);
      assert.equal(await answerOf(target), 'done');
      assert.equal(upstream.count('charge', { name: 'at once' }), 1);
      assert.equal((await gateway.approval(target.id)).decisions.length, 2);
    });

    test('P1: a click after the deadline decides nothing', async () => {
      const target = await open('burst', { name: 'late' });
      await gateway.reaches(target.id, 'expired');
      assert.equal((await click(target.ts)).status, 200);
      assert.equal(upstream.count('burst'), 0);
      assert.match(await answerOf(target), /expired|Nobody decided/i);
    });

    test('P1: a window that was open when time ran out decides nothing', async () => {
      const target = await open('burst', { name: 'open' });
      await click(target.ts, 'U0MIRA', 'details');
      await house.slack.waitFor(() => house.slack.openViews('U0MIRA').length > 0, 10_000);
      await gateway.reaches(target.id, 'expired');
      const answer = await house.slack.submitView({ user: 'U0MIRA' });
      assert.match(answer.body, /Nothing was decided.*Too late/s);
      assert.equal(upstream.count('burst'), 0);
    });

    test('a trigger that has expired opens nothing, and the person is told', async () => {
      const heard = house.slack.ephemerals('U0ALEX').length;
      house.slack.failNext('views.open', { kind: 'error', error: 'expired_trigger_id' });
      await click(aim.other.ts, 'U0ALEX', 'deny');
      const told = await house.slack.waitFor(() => house.slack.ephemerals('U0ALEX')[heard], 10_000);
      assert.match(told.text, /click again/);
      assert.equal((await gateway.approval(aim.other.id)).state, 'pending');
    });

    test('words longer than Slack lets people type are cut, and what SQL cannot hold is left out', async () => {
      await click(aim.other.ts, 'U0ALEX', 'deny');
      await house.slack.waitFor(() => house.slack.openViews('U0ALEX').length > 0, 10_000);
      const words = `no\0\ud800${'!'.repeat(100_000)}`;
      await house.slack.submitView({ user: 'U0ALEX', values: { words: { words } }, force: true });
      assert.match(await answerOf(aim.other), /^Denied by/);
      const [denial] = (await gateway.events(aim.other.id)).filter((event) => event.type === 'approval.decided');
      assert.equal(String(denial!.data.reason).length, 999);
      assert.equal(upstream.count('create_key', { name: 'other' }), 0);
    });

    test('the process came through all of it', async () => {
      assert.equal((await fetch(`${gateway.url}/healthz`)).status, 200);
      assert.doesNotMatch(gateway.log, /"level":60|uncaught|unhandled/i);
    });
  });
}
