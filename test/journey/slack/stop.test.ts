import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runCommandLine } from '../../../src/cli/command-line.ts';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { keptTerminal } from '../../support/terminal.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval }
  charge: { action: require_approval, approval: { quorum: 2 } }
`;
const JSON_BODY = { 'content-type': 'application/json' };
const patient = { meta: { progressToken: 'p' } };

describe('saying stop, with the whole program', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;

  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      operators: '[U0MIRA, admin]',
      approval: '{ timeout: 10m, hold: { default: 500ms, progress: 60s } }',
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house?.close();
    await upstream.close();
  });

  const post = (path: string, body: object) =>
    gateway.api(path, { method: 'POST', headers: JSON_BODY, body: JSON.stringify(body) });
  const click = (ts: string, actionId: string, user: string) =>
    house.slack.click({ user, channel: CHANNEL, ts, actionId });
  const inWindow = async (user: string, words: string) => {
    await house.slack.waitFor(() => house.slack.openViews(user).length > 0, 10_000);
    return house.slack.submitView({ user, values: { words: { words } } });
  };
  /** An approved pass that nobody waits for. */
  const unspent = async (name: string): Promise<string> => {
    const pending = await agent.call('create_key', { name }).answer;
    const { id } = noteOf(pending);
    await house.approve(id);
    await gateway.reaches(id, 'approved');
    return id;
  };

  test('the owner denies the call of their own agent, which is told by whom and why', async () => {
    const sent = agent.call('create_key', { name: 'mine' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'mine' });
    await house.deny(id, 'I did not ask for this', 'U0SAM');
    assert.match(textOf(await sent.answer), /^Denied by U0SAM: I did not ask for this/);
    const decided = (await gateway.events(id)).find(({ type }) => type === 'approval.decided');
    assert.deepEqual(
      [decided?.actor, decided?.data.choice, decided?.data.owner, decided?.data.self],
      ['slack:U0SAM', 'deny', true, false],
    );
    assert.equal(upstream.count('create_key', { name: 'mine' }), 0);
  });

  test('P3: who approved changes to deny in Slack and over the API; the change is an event of its own', async () => {
    const sent = agent.call('charge', { name: 'one' }, patient);
    const { id } = await gateway.pending('charge', { name: 'one' });
    await house.approve(id);
    await eventually('the vote', async () => ((await gateway.approval(id)).decisions.length === 1 ? true : null));
    await house.deny(id, 'looked again', 'U0MIRA');
    assert.match(textOf(await sent.answer), /^Denied by U0MIRA: looked again/);
    const types = (await gateway.events(id)).map(({ type }) => type).filter((type) => type.startsWith('approval.'));
    assert.deepEqual(
      types.filter((type) => type === 'approval.decided' || type === 'approval.changed'),
      ['approval.decided', 'approval.changed'],
    );
    const changed = (await gateway.events(id)).find(({ type }) => type === 'approval.changed');
    assert.deepEqual([changed?.data.instead, changed?.data.choice, changed?.data.state], ['approve', 'deny', 'denied']);

    const second = agent.call('charge', { name: 'two' }, patient);
    const { id: other } = await gateway.pending('charge', { name: 'two' });
    assert.equal((await post(`/api/approvals/${other}/decisions`, { decision: 'approve' })).status, 200);
    assert.equal(
      (await post(`/api/approvals/${other}/decisions`, { decision: 'approve' })).status,
      403,
      'one vote a name',
    );
    assert.equal((await post(`/api/approvals/${other}/decisions`, { decision: 'deny', reason: 'no' })).status, 200);
    assert.equal(
      (await post(`/api/approvals/${other}/decisions`, { decision: 'approve' })).status,
      409,
      'a denial is final',
    );
    assert.match(textOf(await second.answer), /^Denied by admin: no/);
    assert.deepEqual(
      (await gateway.approval(other)).decisions.map(({ approver, decision }) => [approver, decision]),
      [['admin', 'deny']],
    );
  });

  test('P2: an unused yes is taken back over the API, on the command line and in Slack; the call never runs', async () => {
    const byApi = await unspent('api');
    const took = await post(`/api/approvals/${byApi}/take-back`, { reason: 'wrong region' });
    assert.equal(took.status, 200);
    assert.deepEqual(
      ((await took.json()) as { state: string; note: string }).note,
      'taken back by admin: wrong region',
    );
    const again = await post(`/api/approvals/${byApi}/take-back`, { reason: null });
    assert.equal(again.status, 409);
    assert.equal(((await again.json()) as { state: string }).state, 'lapsed');
    assert.match(
      textOf(await agent.call('create_key', { name: 'api' }).answer),
      /^Approval lapsed: taken back by admin: wrong region/,
    );
    await house.card(byApi, /the admin took the yes back/, 15_000);
    const event = (await gateway.events(byApi)).find(({ type }) => type === 'approval.taken_back');
    assert.deepEqual([event?.actor, event?.data.reason, event?.data.via], ['admin', 'wrong region', 'api']);

    let said = '';
    const run = async (...argv: string[]): Promise<number> => {
      const kept = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: house.adminToken }, cwd: house.folder });
      const code = await runCommandLine([...argv, '--url', gateway.url], kept.terminal);
      said = kept.said();
      return code;
    };
    const byCommand = await unspent('command');
    assert.equal(await run('approvals', 'take-back', byCommand, '--reason', 'no'), 0, said);
    assert.match(said, /is now lapsed: it will not run/);
    assert.equal(await run('approvals', 'take-back', byCommand), 1);
    assert.match(said, /There is no unused approval to take back/);

    for (const user of ['U0SAM', 'U0ALEX']) {
      const id = await unspent(user);
      const { ts } = await house.card(id, /Take back approval/, 15_000);
      await click(ts, 'take_back', user);
      await inWindow(user, 'changed my mind');
      const { note } = await gateway.reaches(id, 'lapsed');
      assert.equal(note, `taken back by ${user}: changed my mind`);
      await house.card(id, new RegExp(`<@${user}> took the yes back`), 15_000);
    }
    for (const name of ['api', 'command', 'U0SAM', 'U0ALEX']) assert.equal(upstream.count('create_key', { name }), 0);
    assert.equal((await post('/api/approvals/ap_none/take-back', {})).status, 404);
    assert.equal((await post(`/api/approvals/${byApi}/take-back`, { reason: 7 })).status, 400);
    assert.equal((await gateway.api(`/api/approvals/${byApi}/take-back`)).status, 404, 'a GET takes nothing back');
  });

  test('P2: of taking back and running, however close, one is true, and everybody is told which', async () => {
    let [ran, back] = [0, 0];
    for (let round = 0; round < 12; round += 1) {
      const args = { name: `race ${round}` };
      const id = await unspent(args.name);
      const call = agent.call('create_key', args, patient);
      if (round % 3 > 0) await new Promise((resolve) => setTimeout(resolve, (round % 3) * 8));
      const took = await post(`/api/approvals/${id}/take-back`, { reason: 'race' });
      const answer = textOf(await call.answer);
      const { state } = await gateway.approval(id);
      const runs = upstream.count('create_key', args);
      if (took.status === 200) {
        assert.deepEqual([state, runs], ['lapsed', 0]);
        assert.match(answer, /^Approval lapsed: taken back by admin: race/);
        back += 1;
      } else {
        assert.deepEqual([took.status, state, runs, answer], [409, 'succeeded', 1, 'done']);
        ran += 1;
      }
    }
    assert.equal(ran + back, 12);
  });

  test('P1: an operator freezes from a card and thaws from anywhere; who is none cannot, and is logged', async () => {
    const sent = agent.call('create_key', { name: 'cold' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'cold' });
    const { ts } = await house.card(id);
    await house.slack.shortcut({ user: 'U0MIRA', callbackId: 'freeze', channel: CHANNEL, ts });
    await house.slack.waitFor(() => house.slack.openViews('U0MIRA').length > 0, 10_000);
    const submit = (user: string, what: string, words: string, viewId?: string) =>
      house.slack.submitView({ user, values: { what: { what }, words: { words } }, ...(viewId && { viewId }) });
    const view = house.slack.openViews('U0MIRA').at(-1)!;
    assert.match((await submit('U0ALEX', 'all', 'not mine', view.id)).body, /Only operators/);
    await house.slack.shortcut({ user: 'U0MIRA', callbackId: 'freeze', channel: CHANNEL, ts });
    await eventually('the window', () => (house.slack.openViews('U0MIRA').at(-1)?.id !== view.id ? true : null));
    await submit('U0MIRA', 'grant:agent', 'something is odd');
    const { items } = (await (await gateway.api('/api/freeze')).json()) as {
      items: { id: string; by: string; scope: unknown; reason: string }[];
    };
    assert.deepEqual(
      items.map(({ by, scope, reason }) => [by, scope, reason]),
      [['U0MIRA', { grant: 'agent' }, 'something is odd']],
    );
    const other = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    assert.match(
      textOf(await other.call('read', {}).answer),
      /^Frozen: the grant agent is frozen by U0MIRA since .*: something is odd/,
    );
    await house.card(id, /The grant `agent` is frozen/, 15_000);
    await house.approve(id);
    await gateway.reaches(id, 'approved');
    assert.equal(upstream.count('create_key', { name: 'cold' }), 0);

    const { ts: now } = await house.card(id, /Take back approval/, 15_000);
    await click(now, 'take_back', 'U0ALEX');
    await inWindow('U0ALEX', 'not while it is cold');
    assert.match(
      textOf(await sent.answer),
      /^Approval lapsed: taken back by U0ALEX: not while it is cold/,
      'the waiting agent is told',
    );

    await house.slack.shortcut({ user: 'U0MIRA', callbackId: 'freeze_anywhere' });
    await eventually('the window', () =>
      JSON.stringify(house.slack.openViews('U0MIRA').at(-1)?.view).includes('In force') ? true : null,
    );
    await submit('U0MIRA', `thaw:${items[0]!.id}`, 'it was nothing');
    assert.equal(textOf(await other.call('read', {}).answer), 'done');
    const events = (await gateway.events()).filter(
      ({ type }) => type.startsWith('freeze.') || type === 'admin.refused',
    );
    assert.deepEqual(
      events.map(({ type, actor }) => [type, actor]),
      [
        ['admin.refused', 'slack:U0ALEX'],
        ['freeze.set', 'slack:U0MIRA'],
        ['freeze.lifted', 'slack:U0MIRA'],
      ],
    );
  });
});
