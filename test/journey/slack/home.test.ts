import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Reconfigure, reconfigure } from '../../support/gateway/reconfigure.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = 'version: "1"\ndefault: deny\ntools: { create_key: { action: require_approval } }\n';
const OTHER = 'C0KEYS';
const OURS = 'A0HOLDFAST';

describe('whose clicks count, while the gateway runs', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  let become: Reconfigure;
  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approvers: '[U0MIRA, U0ALEX, U0LEAVER, U0QUIT, U0GRID, U0MOVED, admin]',
      approval: '{ timeout: 10m, hold: { default: 200ms, progress: 10m } }',
    });
    house.slack.addChannel({ id: OTHER, name: 'keys' });
    for (const id of ['U0LEAVER', 'U0QUIT']) house.slack.addUser({ id });
    const grid = { id: 'W0GRID', enterprise_id: 'E0ORG', enterprise_name: 'Org', teams: ['T0MAIN', 'T0OTHER'] };
    house.slack.addUser({ id: 'U0GRID', team_id: 'T0OTHER', enterprise_user: grid });
    house.slack.addUser({ id: 'U0MOVED', team_id: 'T0NEW' });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    become = reconfigure(house, gateway, 'tools', POLICY);
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  let asked = 0;
  /** Parks a call and waits for its card. */
  async function parked(): Promise<{ id: string; ts: string; name: string }> {
    asked += 1;
    const name = `call ${asked}`;
    const { id } = noteOf(await agent.call('create_key', { name }).answer);
    return { id, ts: (await house.card(id)).ts, name };
  }

  type Disguise = { readonly app?: string; readonly userTeam?: string };
  /** Clicks Approve; returns the state afterwards, or why the click was refused. */
  async function click(id: string, ts: string, user: string, { app = OURS, userTeam }: Disguise = {}): Promise<string> {
    const refusals = async () => (await gateway.events(id)).filter(({ type }) => type === 'approval.refused');
    const before = (await refusals()).length;
    const as = { overrides: { api_app_id: app }, ...(userTeam === undefined ? {} : { userTeam }) };
    await house.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve', ...as });
    return eventually('what became of the click', async () => {
      const refusal = (await refusals())[before];
      if (refusal !== undefined) {
        assert.equal(refusal.data.claimed, id, 'the door names the id that the click claimed');
        return String(refusal.data.reason);
      }
      const { state } = await gateway.approval(id);
      return state === 'pending' ? null : state;
    });
  }

  async function says(user: string, disguise: Disguise = {}): Promise<string> {
    const { id, ts } = await parked();
    return click(id, ts, user, disguise);
  }

  const MISFITS: Record<string, { slack: string; why: RegExp }> = {
    'a workspace': {
      slack: 'team: T0NEW',
      why: /the token is for workspace T0MAIN, the config says T0NEW.*Set slack\.team/,
    },
    'an organisation': { slack: 'team: T0MAIN, enterprise: E0ORG', why: /of no organisation, the config says E0ORG/ },
    'an app': { slack: 'team: T0MAIN, app: A0OTHER', why: /of app A0HOLDFAST, the config says A0OTHER/ },
  };
  for (const [what, { slack, why }] of Object.entries(MISFITS)) {
    test(`P1: ${what} that is not the bot token’s is refused, and with it the whole change`, async () => {
      await become(`channel: ${OTHER}, ${slack}`, why);
      assert.match(gateway.log, why);
      assert.equal(await says('U0MIRA'), 'approved');
      assert.equal(await says('U0MOVED', { userTeam: 'T0NEW' }), 'other_team');
      assert.equal(await says('U0GRID', { userTeam: 'E0ORG' }), 'other_team');
      assert.deepEqual(house.slack.messages(OTHER), []);
    });
  }

  test('P6: while Slack does not answer, no other home is taken: what ran goes on', async () => {
    house.slack.down = true;
    try {
      await become(`channel: ${CHANNEL}, team: T0MAIN, app: ${OURS}`, /Slack does not answer/);
      await become(`channel: ${CHANNEL}, team: T0MAIN`);
    } finally {
      house.slack.down = false;
    }
    assert.equal(await says('U0MIRA', { app: 'A0ELSE' }), 'approved');
  });

  test('an app is taken without a restart: from then on other apps’ buttons are refused', async () => {
    await become(`channel: ${CHANNEL}, team: T0MAIN, app: ${OURS}`);
    assert.equal(await says('U0MIRA', { app: 'A0ELSE' }), 'other_app');
    assert.equal(await says('U0MIRA'), 'approved');
  });

  test('P1: what was known of a person under the old home is not believed under the new one', async () => {
    assert.equal(await says('U0LEAVER'), 'approved');
    house.slack.user('U0LEAVER').deleted = true;
    await become(`channel: ${CHANNEL}, app: ${OURS}`);
    assert.equal(await says('U0LEAVER'), 'deactivated');
  });

  test('P1: nor is it when a pass is spent that was given under the old home', async () => {
    const { id, ts, name } = await parked();
    assert.equal(await click(id, ts, 'U0QUIT'), 'approved');
    house.slack.user('U0QUIT').deleted = true;
    await become(`channel: ${CHANNEL}, team: T0MAIN`);
    assert.equal((await agent.call('create_key', { name }).answer).isError, true);
    assert.match((await gateway.reaches(id, 'lapsed')).note!, /U0QUIT is now deactivated/);
    assert.equal(upstream.count('create_key', { name }), 0);
  });

  test('an organisation that the workspace joined is taken: its people count from then on', async () => {
    assert.equal(await says('U0GRID', { userTeam: 'E0ORG' }), 'other_team');
    house.slack.workspace.enterprise = { id: 'E0ORG', name: 'Org', is_enterprise_install: false };
    await become(`channel: ${CHANNEL}, team: T0MAIN, enterprise: E0ORG`);
    assert.equal(await says('U0GRID', { userTeam: 'E0ORG' }), 'approved');
  });

  test('P1: another workspace is taken once the token is its own; the old one’s people count no more', async () => {
    const early = await parked();
    house.slack.workspace.enterprise = null;
    house.slack.workspace.team.id = 'T0NEW';
    await become(`channel: ${CHANNEL}, team: T0NEW`);
    assert.equal(await click(early.id, early.ts, 'U0MIRA'), 'other_team');
    assert.equal(await click(early.id, early.ts, 'U0MIRA', { userTeam: 'T0NEW' }), 'other_team');
    assert.equal(await click(early.id, early.ts, 'U0MOVED'), 'approved');
    assert.equal(textOf(await agent.call('create_key', { name: early.name }).answer), 'done');
  });
});
