import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type Freeze, type FreezeScope, MOST_FREEZES, sameScope } from '../../../src/domain/freeze/freeze.ts';
import { renderCard } from '../../../src/slack/card/card.ts';
import type { OperatorTerms } from '../../../src/slack/stop/take-stop.ts';
import { sampleApproval } from '../../support/domain/approval.ts';
import { CHANNEL, type DoorWorld, doorWorld } from '../../support/slack/door-world.ts';

const freezeOf = (scope: FreezeScope, reason = 'incident'): Freeze => ({
  id: `fz_${scope.kind}`,
  scope,
  reason,
  by: 'U0MIRA',
  since: new Date('2026-08-01T10:00:00Z'),
});

for (const transport of ['http', 'socket', 'plain'] as const) {
  describe(`saying stop in Slack, over ${transport}`, () => {
    let world: DoorWorld;
    let freezes: Freeze[] = [];
    const lifted: [string, string, string][] = [];
    const operator: OperatorTerms = {
      isOperator: (user) => user === 'U0MIRA',
      stops: () => ({ servers: ['db', 'prometheus'], grants: ['other', 'release-bot'], freezes }),
      freeze: async (scope, reason, user) => {
        if (user !== 'U0MIRA') return { kind: 'not_an_operator' };
        const same = freezes.find((one) => sameScope(one.scope, scope));
        if (same !== undefined) return { kind: 'exists', freeze: same };
        const freeze = freezeOf(scope, reason);
        freezes.push(freeze);
        return { kind: 'set', freeze };
      },
      thaw: async (id, reason, user) => {
        const freeze = freezes.find((one) => one.id === id);
        if (freeze === undefined) return { kind: 'not_found' };
        lifted.push([id, reason, user]);
        freezes = freezes.filter((one) => one.id !== id);
        return { kind: 'lifted', freeze };
      },
    };
    before(async () => {
      world = await doorWorld({ transport, deps: { operator } });
    });
    beforeEach(() => {
      freezes = [];
      for (const user of ['U0MIRA', 'U0ALEX', 'U0SAM']) {
        while (world.slack.openViews(user).length > 0) void world.slack.closeView({ user, clear: true });
      }
    });
    after(() => world.close());

    const click = (ts: string, actionId: string, user: string) =>
      world.slack.click({ user, channel: CHANNEL, ts, actionId });
    const opened = (user: string) => world.slack.waitFor(() => world.slack.openViews(user).at(-1));
    /** Uses the shortcut and waits for the window of an operator. */
    const operatorWindow = async (): Promise<void> => {
      await world.slack.shortcut({ user: 'U0MIRA', callbackId: 'freeze_anywhere' });
      await world.slack.waitFor(() => world.slack.openViews('U0MIRA').at(-1)?.view.callback_id === 'stop_view');
    };
    const submit = (user: string, words: string) => world.slack.submitView({ user, values: { words: { words } } });
    /** Resolves with what this person alone is told because of `act`. */
    const told = async (user: string, act: () => Promise<unknown>): Promise<string> => {
      const heard = world.slack.ephemerals(user).length;
      await act();
      return (await world.slack.waitFor(() => world.slack.ephemerals(user)[heard])).text;
    };
    const approved = async (different: Parameters<typeof sampleApproval>[0] = {}) => {
      const { id, ts } = await world.open(different);
      await click(ts, 'approve', 'U0MIRA');
      assert.equal(world.stateOf(id), 'approved');
      await world.show(id);
      return { id, ts };
    };
    const shown = (ts: string) => JSON.stringify(world.slack.messages(CHANNEL).find((one) => one.ts === ts)?.blocks);

    test('the owner denies what his own agent asks, and cannot approve it', async () => {
      const { id, ts } = await world.open();
      assert.match(await told('U0SAM', () => click(ts, 'approve', 'U0SAM')), /not among the approvers/);
      await click(ts, 'deny', 'U0SAM');
      await opened('U0SAM');
      await submit('U0SAM', 'that was a mistake');
      const { state, decisions } = world.approvals.get(id)!;
      assert.deepEqual([state, decisions[0]?.approver, decisions[0]?.self], ['denied', 'U0SAM', false]);
      await world.show(id);
      assert.match(shown(ts), /Denied by <@U0SAM>/);
    });

    test('who approved changes to deny, and the thread says so', async () => {
      const { id, ts } = await world.open({ requirement: { quorum: 2 } });
      await click(ts, 'approve', 'U0MIRA');
      await world.show(id);
      await click(ts, 'deny', 'U0MIRA');
      await opened('U0MIRA');
      await submit('U0MIRA', 'looked again');
      assert.equal(world.stateOf(id), 'denied');
      assert.deepEqual(
        world.approvals.get(id)!.decisions.map(({ approver, choice }) => [approver, choice]),
        [['U0MIRA', 'deny']],
      );
      await world.show(id);
      const thread = JSON.stringify(world.slack.replies(CHANNEL, ts).map(({ text, blocks }) => [text, blocks]));
      assert.match(thread, /Denied by <@U0MIRA>/);
      assert.match(thread, /looked again/);
    });

    test('an unused yes is taken back by an approver or the owner, and by nobody else', async () => {
      for (const user of ['U0ALEX', 'U0SAM']) {
        const { id, ts } = await approved();
        assert.match(shown(ts), /Take back approval/);
        await click(ts, 'take_back', user);
        await opened(user);
        const done = await submit(user, 'wrong account');
        assert.equal(done.handled, 'cleared');
        const { state, note } = world.approvals.get(id)!;
        assert.deepEqual([state, note], ['lapsed', `taken back by ${user}: wrong account`]);
        await world.show(id);
        assert.match(shown(ts), new RegExp(`<@${user}> took the yes back`));
        assert.match(shown(ts), /wrong account/);
        assert.doesNotMatch(shown(ts), /Take back approval/);
        const thread = JSON.stringify(world.slack.replies(CHANNEL, ts).map(({ text, blocks }) => [text, blocks]));
        assert.match(thread, /took the yes back/);
      }
      const { id, ts } = await approved();
      world.slack.addUser({ id: 'U0EVE' });
      assert.match(await told('U0EVE', () => click(ts, 'take_back', 'U0EVE')), /Only those who may approve/);
      assert.equal(world.stateOf(id), 'approved');
      assert.deepEqual(world.refusals.at(-1), { id, actor: 'U0EVE', reason: 'not_an_approver', choice: 'take_back' });
    });

    test('who is too late to take it back is told the true state', async () => {
      const { id, ts } = await approved();
      await click(ts, 'take_back', 'U0ALEX');
      await opened('U0ALEX');
      world.approvals.set(id, { ...world.approvals.get(id)!, state: 'dispatched' });
      const done = await submit('U0ALEX', 'stop');
      assert.equal(done.handled, 'updated');
      assert.match(
        JSON.stringify(world.slack.openViews('U0ALEX').at(-1)?.view),
        /no unused approval to take back.*running/,
      );
      assert.match(await told('U0MIRA', () => click(ts, 'take_back', 'U0MIRA')), /no unused approval.*running/);
      assert.equal(world.stateOf(id), 'dispatched');
    });

    test('where policy wants a reason, a yes is not taken back without', async () => {
      const { id, ts } = await approved({ requirement: { denyReason: 'required' } });
      await click(ts, 'take_back', 'U0ALEX');
      await opened('U0ALEX');
      const empty = await world.slack.submitView({ user: 'U0ALEX', values: { words: { words: ' ' } }, force: true });
      assert.equal(empty.handled, 'errors');
      assert.equal(world.stateOf(id), 'approved');
    });

    test('an operator freezes and thaws by a shortcut, from a card or from anywhere', async () => {
      const { ts } = await world.open();
      await world.slack.shortcut({ user: 'U0MIRA', callbackId: 'freeze', channel: CHANNEL, ts });
      const view = JSON.stringify((await opened('U0MIRA')).view);
      assert.ok(view.indexOf('server:prometheus') < view.indexOf('server:db'), 'the card’s own server comes first');
      const values = { what: { what: 'server:prometheus' }, words: { words: 'too much' } };
      assert.equal((await world.slack.submitView({ user: 'U0MIRA', values })).handled, 'updated');
      assert.deepEqual(
        freezes.map(({ scope, reason }) => [scope, reason]),
        [[{ kind: 'server', name: 'prometheus' }, 'too much']],
      );
      assert.match(JSON.stringify(world.slack.openViews('U0MIRA').at(-1)?.view), /Frozen.*too much/);
      void world.slack.closeView({ user: 'U0MIRA', clear: true });

      await world.slack.shortcut({ user: 'U0MIRA', callbackId: 'freeze_anywhere' });
      const thawing = JSON.stringify((await opened('U0MIRA')).view);
      assert.match(thawing, /In force.*prometheus.*too much/);
      assert.doesNotMatch(thawing, /"server:prometheus"/);
      const back = { what: { what: 'thaw:fz_server' }, words: { words: 'all is well' } };
      await world.slack.submitView({ user: 'U0MIRA', values: back });
      assert.deepEqual(lifted.at(-1), ['fz_server', 'all is well', 'U0MIRA']);
      assert.deepEqual(freezes, []);
    });

    test('nobody else does, and nothing without a reason or of another’s making', async () => {
      const { ts } = await world.open();
      const use = () => world.slack.shortcut({ user: 'U0ALEX', callbackId: 'freeze', channel: CHANNEL, ts });
      assert.match(await told('U0ALEX', use), /Only operators/);
      await world.slack.shortcut({ user: 'U0ALEX', callbackId: 'freeze_anywhere' });
      assert.match(JSON.stringify((await opened('U0ALEX')).view), /Only operators/);

      await operatorWindow();
      const values = (what: string, words: string) => ({ what: { what }, words: { words } });
      const blank = await world.slack.submitView({ user: 'U0MIRA', values: values('all', '  '), force: true });
      assert.equal(blank.handled, 'errors');
      const none = await world.slack.submitView({ user: 'U0MIRA', values: { words: { words: 'why' } }, force: true });
      assert.equal(none.handled, 'errors');
      const view = world.slack.openViews('U0MIRA').at(-1)!;
      // Another person sends the modal of an operator; an outsider claims to be one.
      const asAlex = await world.slack.submitView({ user: 'U0ALEX', viewId: view.id, values: values('all', 'mine') });
      assert.match(asAlex.body, /Only operators/);
      assert.deepEqual(freezes, []);
      await operatorWindow();
      const outsider = await world.slack.submitView({
        user: 'U0MIRA',
        values: values('all', 'mine'),
        userTeam: 'T0OTHER',
      });
      assert.match(outsider.body, /Only members of this gateway/);
      await operatorWindow();
      const app = { overrides: { api_app_id: 'A0OTHER' } };
      const foreign = await world.slack.submitView({ user: 'U0MIRA', values: values('all', 'mine'), ...app });
      assert.match(foreign.body, /another app/);
      assert.deepEqual(freezes, []);
    });

    test('however many servers and freezes there are, Slack takes the window', async () => {
      freezes = Array.from({ length: MOST_FREEZES }, (_, n) => ({
        ...freezeOf({ kind: 'server', name: `${'s'.repeat(60)}${n}` }, 'r'.repeat(500)),
        id: `fz_${n}`,
      }));
      await world.slack.shortcut({ user: 'U0MIRA', callbackId: 'freeze_anywhere' });
      const view = JSON.stringify((await opened('U0MIRA')).view);
      assert.match(view, /and 90 more/);
      assert.match(view, /more are in the console/);
    });
  });
}

describe('the card of a frozen call', () => {
  const text = (state: 'approved' | 'denied' | 'pending', freeze: Freeze | null) =>
    JSON.stringify(renderCard(sampleApproval({ state }), { freeze }).blocks);

  test('P10: says what is frozen, by whom, since when and why, while the call has not run', () => {
    const hostile = freezeOf({ kind: 'server', name: 'prometheus' }, '<!channel> *now*\n\u202e');
    for (const state of ['pending', 'approved'] as const) {
      assert.match(text(state, hostile), /The server `prometheus` is frozen\* by <@U0MIRA> since <!date/);
      assert.match(text(state, hostile), /"text":"<!channel> \*now\* ⏎ \\\\u202e"/, 'as data, never as markup');
    }
    assert.match(text('pending', hostile), /You can still decide/);
    assert.match(text('pending', freezeOf({ kind: 'all' })), /Everything is frozen/);
    assert.doesNotMatch(text('denied', hostile), /frozen/);
    assert.doesNotMatch(text('pending', null), /frozen/);
  });

  test('P10: a freeze changes nothing of what else it shows, nor whether it is complete', () => {
    for (const size of [1, 3_000, 9_000, 20_000]) {
      const approval = sampleApproval({ arguments: { text: 'x'.repeat(size) } });
      const [plain, frozen] = [
        renderCard(approval),
        renderCard(approval, { freeze: freezeOf({ kind: 'all' }, 'r'.repeat(500)) }),
      ];
      assert.equal(frozen.complete, plain.complete, String(size));
      assert.equal(frozen.blocks.length, plain.blocks.length + 2);
      assert.ok(frozen.content.length < 12_500, 'Slack takes it');
    }
  });
});
