import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { buttonValue, snoozeValue } from '../../../src/slack/card/button.ts';
import type { SlackDeps } from '../../../src/slack/door.ts';
import { CHANNEL, type DoorWorld, doorWorld } from '../../support/slack/door-world.ts';

describe('what comes in over HTTP', () => {
  let world: DoorWorld;
  before(async () => {
    world = await doorWorld();
  });
  after(() => world.close());

  /** Clicks Approve; returns what this person alone is told. */
  async function told(user: string, ts: string): Promise<string> {
    const heard = world.slack.ephemerals(user).length;
    await world.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
    return (await world.slack.waitFor(() => world.slack.ephemerals(user)[heard])).text;
  }

  const VALUES: Record<string, (value: string) => string> = {
    'another fingerprint': (value) => value.replace(/:.*/, `:${'ab'.repeat(16)}`),
    'a shorter fingerprint': (value) => value.slice(0, -1),
    'a fingerprint in capitals': (value) => value.toUpperCase(),
    'no fingerprint': (value) => value.replace(/:.*/, ''),
    'an approval that does not exist': (value) => value.replace(/^[^:]*/, 'ap_none'),
    'an inherited name': (value) => value.replace(/^[^:]*/, 'constructor'),
    nothing: () => '',
    '2000 characters': () => 'x'.repeat(2000),
  };
  for (const [name, tampered] of Object.entries(VALUES)) {
    test(`P10: a button with ${name} decides nothing`, async () => {
      const { id, ts } = await world.open();
      const value = tampered(buttonValue(world.approvals.get(id)!));
      const heard = world.slack.ephemerals('U0MIRA').length;
      const reaction = await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve', value });
      assert.equal(reaction.status, 200);
      assert.equal(world.stateOf(id), 'pending');
      await world.slack.waitFor(() => world.slack.ephemerals('U0MIRA').length > heard);
      await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'details', value });
      await world.slack.waitFor(() => world.slack.ephemerals('U0MIRA').length > heard + 1);
      assert.equal(world.slack.openViews('U0MIRA').length, 0);
    });
  }

  test('a question is snoozed from the menu of its card, for who chooses alone, and only by what the card offers', async () => {
    const asked: unknown[] = [];
    const until = new Date('2026-12-01T10:00:00Z');
    const snooze: SlackDeps['snooze'] = async (id, minutes, { id: person }) => {
      asked.push([id, minutes, person]);
      return { kind: 'snoozed', approval: snoozing.approvals.get(id)!, until, tells: true };
    };
    const snoozing = await doorWorld({ deps: { snooze } });
    try {
      const { slack } = snoozing;
      const { id, ts } = await snoozing.open();
      const approval = snoozing.approvals.get(id)!;
      const shown = JSON.stringify(slack.messages(CHANNEL).find((message) => message.ts === ts)!.blocks);
      assert.deepEqual(
        [...shown.matchAll(/Snooze for me: ([^"]*)/g)].map(([, words]) => words),
        ['5 minutes', '15 minutes'],
        'it expires after 30 minutes',
      );
      const by = { channel: CHANNEL, ts, actionId: 'snooze' };
      const choose = (user: string, value: string) => slack.click({ user, ...by, value });
      await choose('U0MIRA', snoozeValue(approval, 15));
      const [told] = await slack.waitFor(() => slack.ephemerals('U0MIRA').length > 0 && slack.ephemerals('U0MIRA'));
      assert.match(told!.text, /Snoozed for you until .* Nothing changes for anybody else/);
      assert.deepEqual(asked, [[id, 15, 'U0MIRA']]);
      const forged = [
        `${buttonValue(approval)}:99999`,
        `${buttonValue(approval)}:0`,
        `ap_1:${'ab'.repeat(16)}:5`,
        '::5',
        '',
      ];
      for (const [n, value] of forged.entries()) {
        const overrides = {
          actions: [
            { action_id: 'snooze', block_id: 'b', type: 'overflow', selected_option: { value }, action_ts: '1.1' },
          ],
        };
        assert.equal((await slack.click({ user: 'U0MIRA', ...by, overrides })).status, 200);
        await slack.waitFor(() => slack.ephemerals('U0MIRA').length > n + 1);
      }
      assert.equal(asked.length, 1);
      assert.equal(snoozing.stateOf(id), 'pending');
      assert.deepEqual(slack.ephemerals('U0ALEX'), []);
    } finally {
      await snoozing.close();
    }
  });

  test('P3: the second click is told the true state', async () => {
    const { id, ts } = await world.open();
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    assert.match(await told('U0ALEX', ts), /Too late.*Approved by <@U0MIRA>/);
    assert.equal(world.approvals.get(id)!.decisions.length, 1);
  });

  test('P10: a card as remembered refuses nobody, and lets nobody skip the full view', async () => {
    const { id, ts } = await world.open();
    const approval = world.approvals.get(id)!;
    const card = world.records.get(id)!;
    world.remembered.set(id, { approval, card: { ...card, ts: '1.000001' } });
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    assert.equal(world.stateOf(id), 'approved', 'the card has moved since');

    const long = await world.open({ arguments: { text: 'long '.repeat(4_000) } });
    const whole = { ...world.approvals.get(long.id)!, arguments: {} };
    world.remembered.set(long.id, { approval: whole, card: { ...world.records.get(long.id)!, ts: '1.000001' } });
    const value = buttonValue(whole);
    const approve = { actions: [{ action_id: 'approve', block_id: 'b', type: 'button', value, action_ts: '1.1' }] };
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: long.ts, actionId: 'review', overrides: approve });
    assert.equal(world.stateOf(long.id), 'pending', 'the full view comes first');
    assert.deepEqual(
      world.refusals.filter((one) => one.id === id || one.id === long.id),
      [],
    );
  });

  test('P3: two approvers at once are two votes, one person twice is one', async () => {
    const { id, ts } = await world.open({ requirement: { quorum: 3 } });
    const click = (user: string) => world.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
    await Promise.all([click('U0MIRA'), click('U0ALEX'), click('U0MIRA'), click('U0MIRA')]);
    assert.deepEqual(
      world.approvals
        .get(id)!
        .decisions.map((d) => d.approver)
        .sort(),
      ['U0ALEX', 'U0MIRA'],
    );
  });

  test('a click after the deadline is told so, whether or not the expiry job ran', async () => {
    const { id, ts } = await world.open({ expiresAt: new Date(Date.now() - 1000) });
    assert.match(await told('U0MIRA', ts), /expired/);
    assert.equal(world.stateOf(id), 'pending');
  });

  test('P6: a store that cannot answer is told, and nothing is pretended', async () => {
    const { id, ts } = await world.open();
    world.broken = new Error('the store cannot answer');
    assert.match(await told('U0MIRA', ts), /could not be recorded/);
    world.broken = null;
    assert.equal(world.stateOf(id), 'pending');
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    assert.equal(world.stateOf(id), 'approved');
  });

  test('P4: a click is acknowledged only when it is recorded, or its person knows that it is not', async () => {
    const { id, ts } = await world.open();
    const heard = world.slack.ephemerals('U0MIRA').length;
    const overrides = { response_url: 'http://127.0.0.1:9/gone' };
    const click = () => world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve', overrides });
    world.broken = new Error('the store cannot answer');
    world.slack.failNext('chat.postEphemeral', { kind: 'refuse-connection' });
    const unheard = await click();
    assert.notEqual(unheard.status, 200, 'Slack itself tells the person');
    assert.equal(world.slack.ephemerals('U0MIRA').length, heard);
    const told = await click();
    assert.equal(told.status, 200);
    assert.equal(world.slack.ephemerals('U0MIRA').length, heard + 1, 'before the acknowledgement');
    world.broken = null;
    assert.equal(world.stateOf(id), 'pending');
  });

  test('P3: a reply that Slack does not take is tried again', async () => {
    const { ts } = await world.open({ requirement: { people: ['U0ALEX'] } });
    const heard = world.slack.ephemerals('U0MIRA').length;
    const overrides = { response_url: 'http://127.0.0.1:9/gone' };
    world.slack.failNext('chat.postEphemeral', { kind: 'http-500' });
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve', overrides });
    const told = await world.slack.waitFor(() => world.slack.ephemerals('U0MIRA')[heard], 20_000);
    assert.match(told.text, /not among the approvers/);
  });

  test('P4: a click on a card whose post was never answered is taken, and its place is learnt', async () => {
    const { id, ts } = await world.open();
    world.records.set(id, { ...world.records.get(id)!, channel: '', ts: null });
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    assert.equal(world.stateOf(id), 'approved');
    assert.equal(world.records.get(id)!.ts, ts);
  });

  test('the answer comes as an ephemeral post when the response_url does not work', async () => {
    const { ts } = await world.open({ requirement: { people: ['U0ALEX'] } });
    const overrides = { response_url: 'http://127.0.0.1:9/gone' };
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve', overrides });
    await world.slack.waitFor(() => world.slack.requests.some((r) => r.method === 'chat.postEphemeral'));
  });
});
