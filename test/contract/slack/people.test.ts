import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CHANNEL, doorWorld } from '../../support/slack/door-world.ts';

describe('facts about people', () => {
  test('P6: when Slack does not answer in time the click is not decided, and the ack is in time', async () => {
    const world = await doorWorld();
    try {
      const { id, ts } = await world.open();
      world.slack.failNext('users.info', { kind: 'slow', ms: 5000 });
      const reaction = await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
      assert.equal(reaction.status, 200);
      assert.ok(reaction.ms < 2900);
      assert.equal(world.stateOf(id), 'pending');
      const told = await world.slack.waitFor(() => world.slack.ephemerals('U0MIRA').at(-1));
      assert.match(told.text, /click again/);
      await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
      assert.equal(world.stateOf(id), 'approved');
    } finally {
      await world.close();
    }
  });

  test('P1: facts are at most a minute old: at the click, and when the pass is spent', async () => {
    const world = await doorWorld();
    try {
      const group = { requirement: { people: [], userGroups: ['S0123ABC'] } };
      const first = await world.open(group);
      await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: first.ts, actionId: 'approve' });
      assert.equal(world.stateOf(first.id), 'approved');
      const now = () => world.cards.person('U0MIRA', ['S0123ABC']);
      assert.deepEqual(await now(), { userGroups: ['S0123ABC'] });

      world.slack.userGroup('S0123ABC').users = ['U0ALEX'];
      world.clock.advance(61_000);
      const second = await world.open(group);
      await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: second.ts, actionId: 'approve' });
      assert.equal(world.stateOf(second.id), 'pending');
      assert.deepEqual(await now(), { userGroups: [] });

      world.slack.userGroup('S0123ABC').users = ['U0MIRA'];
      world.slack.user('U0MIRA').deleted = true;
      world.clock.advance(61_000);
      assert.deepEqual(await now(), { refused: 'deactivated' });

      world.clock.advance(61_000);
      world.slack.down = true;
      await assert.rejects(now(), /Slack did not say/);
    } finally {
      await world.close();
    }
  });

  test('P6: where groups have places each user group matters: one that Slack does not tell decides nothing', async () => {
    const world = await doorWorld();
    try {
      const circle = (userGroup: string) => ({ people: [], userGroups: [userGroup], admin: false });
      const places = [
        { group: 'security', count: 1, ...circle('S0123ABC') },
        { group: 'dba', count: 1, ...circle('S0DBA') },
      ];
      world.slack.addUserGroup({ id: 'S0DBA', users: ['U0MIRA', 'U0ALEX'] });
      world.slack.userGroup('S0123ABC').users = ['U0MIRA'];
      const two = { people: [], userGroups: ['S0123ABC', 'S0DBA'], quorum: 2, places };
      const { id, ts } = await world.open({ requirement: two });
      const click = (user: string) => world.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
      world.slack.failNext('usergroups.users.list', { kind: 'error', error: 'fatal_error' });
      await click('U0MIRA');
      const told = await world.slack.waitFor(() => world.slack.ephemerals('U0MIRA').at(-1));
      assert.match(told.text, /did not answer in time who you are/);
      assert.equal(world.approvals.get(id)!.decisions.length, 0);
      world.clock.advance(61_000);
      await click('U0MIRA');
      const groups = world.approvals.get(id)!.decisions[0]!.rights!.map(({ group, userGroup }) => [group, userGroup]);
      assert.deepEqual(groups, [
        ['security', 'S0123ABC'],
        ['dba', 'S0DBA'],
      ]);
      assert.equal(world.stateOf(id), 'pending');
      await click('U0ALEX');
      assert.equal(world.stateOf(id), 'approved', 'of dba only, so that the first one is of security');

      const now = (each: boolean) => world.cards.person('U0MIRA', ['S0123ABC', 'S0DBA'], each);
      world.clock.advance(61_000);
      world.slack.failNext('usergroups.users.list', { kind: 'error', error: 'fatal_error' });
      await assert.rejects(now(true), /who is in the group/);
      assert.equal(Object.hasOwn(await now(false), 'userGroups'), true);
    } finally {
      await world.close();
    }
  });

  test('on Grid, an app of the whole organisation that the config names counts clicks from each of its workspaces', async () => {
    const enterprise = { id: 'E0ORG', name: 'Org' };
    const world = await doorWorld({
      standIn: { enterprise: { ...enterprise, is_enterprise_install: true } },
      deps: { enterprise: 'E0ORG' },
    });
    try {
      const grid = (id: string, of: string) =>
        world.slack.addUser({
          id,
          team_id: 'T0FAR',
          enterprise_user: { id, enterprise_id: of, enterprise_name: '', teams: ['T0FAR'] },
        });
      grid('U0FAR', 'E0ORG');
      grid('U0FOREIGN', 'E0EVIL');
      const evil = { enterprise: { id: 'E0EVIL', name: 'Evil' } };
      for (const [user, disguise, state] of [
        ['U0FOREIGN', { team: 'T0FAR', userTeam: 'T0FAR' }, 'pending'],
        ['U0FAR', { team: 'T0FAR', userTeam: 'T0FAR', ...evil }, 'pending'],
        ['U0FAR', { team: null, userTeam: 'T0FAR', enterprise: null }, 'pending'],
        ['U0FAR', { team: 'T0FAR', userTeam: 'T0FAR' }, 'approved'],
        ['U0FAR', { team: null, userTeam: 'E0ORG' }, 'approved'],
      ] as const) {
        const { id, ts } = await world.open({ requirement: { people: ['U0FAR', 'U0FOREIGN'] } });
        await world.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve', ...disguise });
        assert.equal(world.stateOf(id), state, JSON.stringify([user, disguise]));
      }
    } finally {
      await world.close();
    }
  });

  test('on Grid a person of the organisation and of our workspace counts, one of another organisation does not', async () => {
    const world = await doorWorld({ standIn: { enterprise: { id: 'E0ORG' } }, deps: { enterprise: 'E0ORG' } });
    try {
      const grid = (id: string, enterprise: string, teams: string[]) =>
        world.slack.addUser({
          id,
          team_id: enterprise,
          enterprise_user: { id, enterprise_id: enterprise, enterprise_name: '', teams },
        });
      grid('U0GRID', 'E0ORG', ['T0MAIN']);
      grid('U0ELSE', 'E0ORG', ['T0FAR']);
      grid('U0FOREIGN', 'E0EVIL', ['T0MAIN']);
      const people = ['U0GRID', 'U0ELSE', 'U0FOREIGN'];
      for (const [user, state] of [
        ['U0ELSE', 'pending'],
        ['U0FOREIGN', 'pending'],
        ['U0GRID', 'approved'],
      ] as const) {
        const { id, ts } = await world.open({ requirement: { people } });
        await world.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
        assert.equal(world.stateOf(id), state, user);
      }
    } finally {
      await world.close();
    }
  });
});
