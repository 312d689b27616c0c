import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type IdentityTerms, LiveIdentity } from '../../../src/slack/people/identity.ts';
import { People } from '../../../src/slack/people/people.ts';
import { slackClient } from '../../../src/slack/wire/client.ts';
import { quiet } from '../../support/log.ts';
import { CHANNEL, type DoorWorld, doorWorld } from '../../support/slack/door-world.ts';

const PATIENCE = 60_000;

describe('a click and the home it is judged by', () => {
  let world: DoorWorld;
  const said: string[] = [];
  const identity = new LiveIdentity({ people: null as unknown as People, app: null });
  before(async () => {
    world = await doorWorld({ deps: { identity } });
  });
  after(() => world.close());

  function terms(app: string | null, team = 'T0MAIN'): IdentityTerms {
    const { botToken: token, apiUrl } = world.slack;
    const api = slackClient({ token, apiUrl, log: quiet });
    const log = { ...quiet, error: (_: object, message: string) => said.push(message) };
    return { people: new People({ api, clock: world.clock, team, log }), app };
  }

  const click = (ts: string) =>
    world.slack.click({
      user: 'U0ALEX',
      channel: CHANNEL,
      ts,
      actionId: 'approve',
      overrides: { api_app_id: 'A0ELSE' },
    });

  test('P1: a click under way when the home changes is judged wholly by the one it began with', async () => {
    identity.become(terms(null));
    const { id, ts } = await world.open();
    const asked = () => world.slack.requests.filter(({ method }) => method === 'users.info').length;
    const before = asked();
    world.slack.failNext('users.info', { kind: 'slow', ms: 300 });
    const clicked = click(ts);
    await world.slack.waitFor(() => asked() > before, PATIENCE);
    identity.become(terms('A0HOLDFAST'));
    await clicked;
    assert.equal(world.stateOf(id), 'approved');
  });

  test('P1: the next click is judged by the new one, from facts of its own', async () => {
    const { id, ts } = await world.open();
    await click(ts);
    assert.equal(world.stateOf(id), 'pending');
    assert.equal(world.refusals.at(-1)?.reason, 'other_app');
  });

  test('P1: a team that nobody could compare at the start lets no click count, and the log says why', async () => {
    identity.become(terms(null, 'T0ELSE'));
    world.slack.addUser({ id: 'U0ALEX', team_id: 'T0ELSE' });
    const { id, ts } = await world.open();
    await click(ts);
    assert.equal(world.stateOf(id), 'pending');
    assert.equal(world.refusals.at(-1)?.reason, 'cannot_tell');
    assert.match(said.join('\n'), /the token is for workspace T0MAIN, the config says T0ELSE: nobody's click counts/);
  });
});
