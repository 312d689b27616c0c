import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { SlackView } from '../../../src/demo/slack/state/views.ts';
import { buttonValue } from '../../../src/slack/card/button.ts';
import { CHANNEL, type DoorWorld, doorWorld } from '../../support/slack/door-world.ts';

const LONG = { body: Array.from({ length: 200 }, (_, i) => `${i}:${'x'.repeat(900)}`), target: 'production' };

for (const transport of ['http', 'socket', 'plain'] as const) {
  describe(`deciding in a window, over ${transport}`, () => {
    let world: DoorWorld;
    before(async () => {
      world = await doorWorld({ transport });
    });
    after(() => world.close());

    const click = (ts: string, actionId: string, user = 'U0MIRA') =>
      world.slack.click({ user, channel: CHANNEL, ts, actionId });
    /** Waits for the modal that this person's click opens. */
    const opened = (user = 'U0MIRA'): Promise<SlackView> =>
      world.slack.waitFor(() => world.slack.openViews(user).at(-1));
    const typed = (words: string) => ({ words: { words } });
    const shown = async (wanted: RegExp, user = 'U0MIRA') =>
      world.slack.waitFor(() => wanted.test(JSON.stringify(world.slack.openViews(user).at(-1)?.view)));
    const allClosed = () => {
      for (const user of ['U0MIRA', 'U0ALEX', 'U0SAM']) {
        while (world.slack.openViews(user).length > 0) void world.slack.closeView({ user, clear: true });
      }
    };

    test('a denial carries its reason', async () => {
      allClosed();
      const { id, ts } = await world.open();
      await click(ts, 'deny');
      await opened();
      const done = await world.slack.submitView({ user: 'U0MIRA', values: typed('  not on a Friday ') });
      assert.equal(done.handled, 'cleared');
      const { state, decisions } = world.approvals.get(id)!;
      assert.deepEqual([state, decisions[0]!.choice, decisions[0]!.reason], ['denied', 'deny', 'not on a Friday']);
    });

    test('where policy wants a reason, none is no denial', async () => {
      allClosed();
      const { id, ts } = await world.open({ requirement: { denyReason: 'required' } });
      await click(ts, 'deny');
      await opened();
      const empty = await world.slack.submitView({ user: 'U0MIRA', values: typed('   '), force: true });
      assert.equal(empty.handled, 'errors');
      assert.equal(world.stateOf(id), 'pending');
      await world.slack.submitView({ user: 'U0MIRA', values: typed('wrong account') });
      assert.equal(world.stateOf(id), 'denied');
    });

    test('an approval may carry a note, from the full view', async () => {
      allClosed();
      const { id, ts } = await world.open();
      await click(ts, 'details');
      await opened();
      const done = await world.slack.submitView({ user: 'U0MIRA', values: typed('rotate it by Monday') });
      assert.equal(done.handled, 'cleared');
      assert.equal(world.stateOf(id), 'approved');
      assert.equal(world.approvals.get(id)!.decisions[0]!.reason, 'rotate it by Monday');
    });

    test('P10: a card that could not show everything is approved in the full view, on its last page', async () => {
      allClosed();
      const { id, ts } = await world.open({ arguments: LONG });
      await world.slack.click({
        user: 'U0MIRA',
        channel: CHANNEL,
        ts,
        actionId: 'review',
        overrides: {
          actions: [{ action_id: 'approve', type: 'button', value: buttonValue(world.approvals.get(id)!) }],
        },
      });
      await opened();
      assert.equal(world.stateOf(id), 'pending');
      allClosed();
      await click(ts, 'review');
      let view = await opened();
      for (let page = 2; view.view.submit === undefined; page++) {
        await world.slack.clickView({ user: 'U0MIRA', actionId: 'next_page' });
        await shown(new RegExp(`page ${page} of`));
        view = await opened();
        assert.equal(world.stateOf(id), 'pending');
      }
      await world.slack.clickView({ user: 'U0MIRA', actionId: 'previous_page' });
      await world.slack.waitFor(() => world.slack.openViews('U0MIRA').at(-1)?.view.submit === undefined);
      await world.slack.clickView({ user: 'U0MIRA', actionId: 'next_page' });
      await world.slack.waitFor(() => world.slack.openViews('U0MIRA').at(-1)?.view.submit !== undefined);
      await world.slack.submitView({ user: 'U0MIRA' });
      assert.equal(world.stateOf(id), 'approved');
    });

    test('P10: where only names hide values, a click on Approve, forged or not, opens the full view', async () => {
      allClosed();
      const args = { name: 'ci', token: '[redacted]' };
      const { id, ts } = await world.open({ arguments: args, hidden: { byPolicy: 0, byName: 1 } });
      await world.slack.click({
        user: 'U0MIRA',
        channel: CHANNEL,
        ts,
        actionId: 'review',
        overrides: {
          actions: [{ action_id: 'approve', type: 'button', value: buttonValue(world.approvals.get(id)!) }],
        },
      });
      await shown(/1 value is hidden because its name looks secret/);
      assert.equal(world.stateOf(id), 'pending');
      await world.slack.submitView({ user: 'U0MIRA' });
      assert.equal(world.stateOf(id), 'approved');
    });

    test('a call can be denied from its full view', async () => {
      allClosed();
      const { id, ts } = await world.open({ arguments: LONG });
      await click(ts, 'review');
      await opened();
      await world.slack.clickView({ user: 'U0MIRA', actionId: 'deny' });
      await shown(/deny_view/);
      await world.slack.submitView({ user: 'U0MIRA', values: typed('too much') });
      assert.equal(world.stateOf(id), 'denied');
    });

    test('who may not decide sees the details and no way to decide', async () => {
      allClosed();
      const { ts } = await world.open();
      await click(ts, 'details', 'U0SAM');
      const { view } = await opened('U0SAM');
      assert.equal(view.submit, undefined);
    });

    test('P1: a submission is judged anew: the owner, the outsider and the deactivated decide nothing', async () => {
      allClosed();
      const { id, ts } = await world.open({ requirement: { denyReason: 'optional' } });
      for (const by of [
        { user: 'U0SAM' },
        { user: 'U0MIRA', userTeam: 'T0OTHER' },
        { user: 'U0MIRA', overrides: { api_app_id: 'A0OTHER' } },
      ]) {
        await click(ts, 'details');
        const { id: viewId } = await opened();
        const answer = await world.slack.submitView({ ...by, viewId, values: typed('') });
        assert.equal(answer.handled, 'updated');
        assert.match(answer.body, /Nothing was decided/);
        assert.equal(world.stateOf(id), 'pending');
        allClosed();
      }
    });

    test('P10: a window of another call, of another message, or of nothing decides nothing', async () => {
      allClosed();
      const { id, ts } = await world.open();
      const fingerprint = world.approvals.get(id)!.fingerprint.slice(0, 32);
      const memories = [
        '',
        'null',
        '{"approval":1}',
        JSON.stringify([id, 'ab'.repeat(16), 0, CHANNEL, ts]),
        JSON.stringify([id, fingerprint, 0, CHANNEL, '1.000001']),
        JSON.stringify([id, fingerprint, 0, 'C0OTHER', ts]),
        JSON.stringify([id, fingerprint.slice(0, 8), 0, CHANNEL, ts]),
        JSON.stringify(['ap_none', fingerprint, 0, CHANNEL, ts]),
        JSON.stringify([id, fingerprint, -1, CHANNEL, ts]),
      ];
      for (const private_metadata of memories) {
        await click(ts, 'details');
        await opened();
        const answer = await world.slack.submitView({ user: 'U0MIRA', overrides: { view: { private_metadata } } });
        assert.equal(answer.handled, 'updated', private_metadata);
        assert.equal(world.stateOf(id), 'pending');
        allClosed();
      }
    });

    test('P3: approve in one window and deny in another at once: one counts, the other is told', async () => {
      allClosed();
      const { id, ts } = await world.open();
      await click(ts, 'details', 'U0MIRA');
      await click(ts, 'deny', 'U0ALEX');
      await Promise.all([opened('U0MIRA'), opened('U0ALEX')]);
      const [approved, denied] = await Promise.all([
        world.slack.submitView({ user: 'U0MIRA' }),
        world.slack.submitView({ user: 'U0ALEX', values: typed('no') }),
      ]);
      assert.equal(world.approvals.get(id)!.decisions.length, 1);
      assert.deepEqual([approved.handled, denied.handled].sort(), ['cleared', 'updated']);
      assert.match(approved.handled === 'updated' ? approved.body : denied.body, /Too late/);
    });

    test('a late Deny is told the state instead of being asked for a reason', async () => {
      allClosed();
      const { id, ts } = await world.open();
      await click(ts, 'approve');
      const heard = world.slack.ephemerals('U0ALEX').length;
      await click(ts, 'deny', 'U0ALEX');
      const told = await world.slack.waitFor(() => world.slack.ephemerals('U0ALEX')[heard]);
      assert.match(told.text, /Too late/);
      assert.equal(world.slack.openViews('U0ALEX').length, 0);
      assert.ok(world.refusals.some((r) => r.id === id && r.reason === 'already_decided' && r.choice === 'deny'));
    });

    test('a person is told when Slack does not open a window in time', async () => {
      allClosed();
      const { ts } = await world.open();
      const heard = world.slack.ephemerals('U0MIRA').length;
      world.slack.failNext('views.open', { kind: 'error', error: 'expired_trigger_id' });
      await click(ts, 'deny');
      const told = await world.slack.waitFor(() => world.slack.ephemerals('U0MIRA')[heard]);
      assert.match(told.text, /click again/);
    });

    test('P6: a store that cannot answer leaves the window with the truth', async () => {
      allClosed();
      const { id, ts } = await world.open();
      await click(ts, 'deny');
      await opened();
      world.broken = new Error('the store cannot answer');
      const answer = await world.slack.submitView({ user: 'U0MIRA', values: typed('no') });
      world.broken = null;
      assert.match(answer.body, /could not be recorded/);
      assert.equal(world.stateOf(id), 'pending');
    });
  });
}
