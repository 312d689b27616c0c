import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { SlackMessage } from '../../../src/demo/slack/state/messages.ts';
import type { SlackView } from '../../../src/demo/slack/state/views.ts';
import { Agent, noteOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
  charge: { action: require_approval, approval: { quorum: 2 } }
  burst: { action: require_approval }
`;
const MIRA = 'U0MIRA';
const PATIENCE = 30_000;

for (const transport of ['http', 'socket'] as const) {
  describe(`a burst is told together, over ${transport}`, () => {
    let upstream: CountingUpstream;
    let house: House;
    let gateway: GatewayProcess;
    let agent: Agent;
    const other = 'second';

    before(async () => {
      upstream = await countingUpstream();
      house = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
        approval: '{ timeout: 10m, hold: { default: 200ms, progress: 60s }, max_pending: 60 }',
        slackMore: ', digest: { over: 3, within: 1m }',
        grants: [other],
        env: transport === 'socket' ? { SLACK_APP_TOKEN: 'xapp-stand-in' } : {},
      });
      gateway = await house.start(transport === 'socket' ? { env: { SLACK_APP_TOKEN: house.slack.appToken } } : {});
      agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    });
    after(async () => {
      await house?.close();
      await upstream.close();
    });

    const ask = async (tool: string, args: Record<string, unknown>, by = agent): Promise<string> =>
      noteOf(await by.call(tool, args).answer).id;
    const digests = (): SlackMessage[] =>
      house.slack.messages(CHANNEL).filter(({ blocks }) => JSON.stringify(blocks).includes('approve_these'));
    const text = (message: SlackMessage): string => JSON.stringify(message.blocks);
    /** The digest that has all of these, each with its button. */
    const digestWith = (ids: readonly string[]): Promise<SlackMessage> =>
      house.slack.waitFor(
        () =>
          house.slack.messages(CHANNEL).find((message) => ids.every((id) => text(message).includes(`${id}:`))) ?? null,
        PATIENCE,
      );
    const view = (has: RegExp, user = MIRA): Promise<SlackView> =>
      house.slack.waitFor(() => {
        const top = house.slack.openViews(user).at(-1);
        return top !== undefined && has.test(JSON.stringify(top.view)) ? top : null;
      }, PATIENCE);
    const boxes = (of: SlackView): Map<string, string> =>
      new Map(
        ((of.view.blocks ?? []) as { block_id?: string; element?: { options?: { value: string }[] } }[])
          .filter(({ block_id }) => block_id?.startsWith('tick:'))
          .map(({ block_id, element }) => [block_id!.slice('tick:'.length), element!.options![0]!.value]),
      );
    const ticked = (of: SlackView, ids: readonly string[]) =>
      Object.fromEntries(ids.map((id) => [`tick:${id}`, { tick: boxes(of).get(id)! }]));
    const closeAll = () => {
      while (house.slack.openViews(MIRA).length > 0) void house.slack.closeView({ user: MIRA, clear: true });
    };
    const open = async (ts: string, action = 'approve_these', user = MIRA) => {
      closeAll();
      const { status } = await house.slack.click({ user, channel: CHANNEL, ts, actionId: action });
      assert.equal(status, 200);
    };

    test('P10: beyond three of one agent the calls come in one message; all are shown in full, and all or none of those ticked are approved', async () => {
      const ids: string[] = [];
      for (let n = 0; n < 8; n += 1) ids.push(await ask('create_key', { name: `key-${n}`, role: 'viewer' }));
      const [own, burst] = [ids.slice(0, 3), ids.slice(3)];
      for (const id of own)
        assert.match(text(await house.card(id)), /"action_id":"approve"/, 'the first three have cards');
      const digest = await digestWith(burst);
      assert.equal(digests().length, 1);
      assert.equal(house.slack.messages(CHANNEL).length, 4, 'three cards and one digest');
      assert.doesNotMatch(text(digest), /"action_id":"approve"/, 'nothing is approved on it with one click');
      for (const id of burst) {
        const { card } = (await (await gateway.api(`/api/approvals/${id}`)).json()) as { card: object };
        assert.deepEqual(card, { channel: CHANNEL, ts: digest.ts });
      }

      // One click with a forged action opens the full view, and decides nothing.
      const value = (JSON.stringify(digest.blocks).match(new RegExp(`${burst[1]}:[0-9a-f]{32}`)) ?? [])[0];
      await house.slack.click({
        user: MIRA,
        channel: CHANNEL,
        ts: digest.ts,
        actionId: 'approve_these',
        overrides: { actions: [{ action_id: 'approve', type: 'button', value }] },
      });
      await view(/Approve this call/);
      assert.equal((await gateway.approval(burst[1]!)).state, 'pending');

      await open(digest.ts);
      const shown = await view(/Approve these calls/);
      assert.deepEqual([...boxes(shown).keys()].sort(), [...burst].sort());
      for (const n of [3, 7]) assert.match(JSON.stringify(shown.view), new RegExp(`key-${n}`));
      // One is decided meanwhile: none is committed, and the view says which.
      await gateway.api(`/api/approvals/${burst[0]}/decisions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ decision: 'deny' }),
      });
      const late = await house.slack.submitView({ user: MIRA, viewId: shown.id, values: ticked(shown, burst) });
      assert.equal(late.handled, 'updated');
      const again = await view(/None of them was decided/);
      assert.match(JSON.stringify(again.view), new RegExp(`${burst[0]}.{0,40}denied`));
      for (const id of burst.slice(1)) assert.equal((await gateway.approval(id)).state, 'pending');
      const rest = burst.slice(1, 4);
      const done = await house.slack.submitView({ user: MIRA, viewId: again.id, values: ticked(again, rest) });
      assert.equal(done.handled, 'cleared');
      for (const id of rest) assert.equal((await gateway.approval(id)).state, 'approved');
      assert.equal((await gateway.approval(burst[4]!)).state, 'pending', 'what was not ticked waits');
      await house.slack.waitFor(() => {
        const now = house.slack.messages(CHANNEL).find(({ ts }) => ts === digest.ts)!;
        return (text(now).match(/Approved, not run yet/g) ?? []).length === 3 && /Denied/.test(text(now));
      }, PATIENCE);
      const decided = (await gateway.events()).filter(
        ({ type, approval }) => type === 'approval.decided' && rest.includes(approval!),
      );
      assert.equal(new Set(decided.map(({ data }) => (data.batch as { id: string }).id)).size, 1);
      assert.deepEqual((decided[0]!.data.saw as { surface: string }).surface, 'batch_view');
    });

    test('P1: forged boxes and views decide nothing: another digest’s call, another fingerprint, an older revision, a stranger', async () => {
      const ids: string[] = [];
      for (let n = 0; n < 3; n += 1) ids.push(await ask('charge', { amount: n }));
      const digest = await digestWith(ids);
      const [outside] = (await gateway.approvals('pending')).filter(({ tool }) => tool === 'create_key');
      await open(digest.ts);
      const shown = await view(/Approve these calls/);
      const own = boxes(shown);
      const forge = async (id: string, value: string) => {
        const { status, body } = await house.slack.send({
          ...(await house.slack.payloadOf({ user: MIRA, channel: CHANNEL, ts: digest.ts, actionId: 'approve_these' })),
          type: 'view_submission',
          view: {
            id: shown.id,
            callback_id: 'approve_these_view',
            private_metadata: shown.view.private_metadata as string,
            state: { values: { [`tick:${id}`]: { tick: { selected_options: [{ value }] } } } },
          },
        });
        assert.ok(status === 200, `${status} ${body}`);
        return body;
      };
      const [first, second] = ids as [string, string];
      assert.match(
        await forge(outside!.id, `${2}:${outside!.fingerprint.slice(0, 32)}`),
        /not the card of that approval|None of them/,
      );
      assert.match(await forge(first, own.get(second)!), /None of them was decided/);
      const [revision, fingerprint] = own.get(first)!.split(':');
      assert.match(await forge(first, `${Number(revision) - 1}:${fingerprint}`), /None of them was decided/);
      assert.match(await forge(first, `${revision}`), /Nothing was ticked/);
      for (const id of [...ids, outside!.id]) assert.equal((await gateway.approval(id)).state, 'pending');
      for (const id of ids) assert.equal((await gateway.approval(id)).decisions.length, 0);
      // Two people, one after the other, make the quorum; a box that was shown before the first vote counts no more.
      const done = await house.slack.submitView({ user: MIRA, viewId: shown.id, values: ticked(shown, ids) });
      assert.equal(done.handled, 'cleared');
      assert.equal((await gateway.approval(first)).decisions.length, 1);
      assert.match(await forge(first, own.get(first)!), /None of them was decided/);
      await open(digest.ts, 'deny_these', 'U0ALEX');
      const deny = await view(/Deny these calls/, 'U0ALEX');
      const said = { ...ticked(deny, ids), words: { words: 'too much at once' } };
      const denied = await house.slack.submitView({ user: 'U0ALEX', viewId: deny.id, values: said });
      assert.equal(denied.handled, 'cleared');
      for (const id of ids) assert.equal((await gateway.approval(id)).state, 'denied');
    });

    test('P10: a person’s Home has what waits for them, oldest first, opened in full by each button, and follows what is decided', async () => {
      const homeText = (user: string) => JSON.stringify(house.slack.home(user).view.blocks ?? []);
      const [first, second] = [
        await ask('create_key', { name: 'home-1' }),
        await ask('create_key', { name: 'home-2' }),
      ];
      const wait = (await gateway.approvals('pending')).length;
      await house.slack.openHome({ user: MIRA });
      await house.slack.waitFor(() => homeText(MIRA).includes(`${second}:`), PATIENCE);
      assert.match(homeText(MIRA), new RegExp(`${wait} calls wait for you`));
      assert.ok(homeText(MIRA).indexOf(`${first}:`) < homeText(MIRA).indexOf(`${second}:`), 'oldest first');
      // An outsider, and the owner of the agent, see none of it.
      house.slack.addUser({ id: 'U0ELSE', is_stranger: true });
      for (const user of ['U0ELSE', 'U0SAM']) {
        await house.slack.openHome({ user });
        await house.slack.waitFor(() => homeText(user) !== '[]', PATIENCE);
        assert.doesNotMatch(homeText(user), /ap_|create_key/, user);
      }
      assert.match(homeText('U0ELSE'), /Only members/);
      closeAll();
      await house.slack.waitFor(
        () => house.slack.messages(CHANNEL).some((message) => text(message).includes(`${second}:`)),
        PATIENCE,
      );
      await house.slack.clickHome({ user: MIRA, actionId: 'review', value: `${second}:` });
      const full = await view(/Approve this call/);
      assert.match(JSON.stringify(full.view), /home-2/);
      assert.equal((await gateway.approval(second!)).state, 'pending', 'a button of Home decides nothing');
      await house.slack.submitView({ user: MIRA, viewId: full.id });
      assert.equal((await gateway.approval(second!)).state, 'approved');
      await house.slack.waitFor(() => !homeText(MIRA).includes(`${second}:`), PATIENCE);
      assert.ok(homeText(MIRA).includes(`${first}:`));
      closeAll();
      await house.slack.clickHome({ user: MIRA, actionId: 'deny', value: `${first}:` });
      const deny = await view(/Deny this call/);
      await house.slack.submitView({ user: MIRA, viewId: deny.id, values: { words: { words: 'not from Home' } } });
      assert.equal((await gateway.approval(first!)).state, 'denied');
    });

    test('P4: killed and started again, in the midst of a burst and of an outage, every call is in a message', async () => {
      const ids: string[] = [];
      house.slack.down = true;
      for (let n = 0; n < 12; n += 1) ids.push(await ask('burst', { n }));
      await gateway.kill();
      house.slack.down = false;
      gateway = await house.start(transport === 'socket' ? { env: { SLACK_APP_TOKEN: house.slack.appToken } } : {});
      agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
      await eventually(
        'every call is where its record says',
        async () => {
          for (const id of ids) {
            const { card } = (await (await gateway.api(`/api/approvals/${id}`)).json()) as {
              card: { ts: string | null } | null;
            };
            const message = house.slack.messages(CHANNEL).find(({ ts }) => ts === card?.ts);
            if (message === undefined || !text(message).includes(`${id}:`)) return null;
          }
          return true;
        },
        60_000,
      );
      const posted = house.slack
        .messages(CHANNEL)
        .filter((message) => ids.some((id) => text(message).includes(`${id}:`)));
      assert.ok(posted.length <= 3, `${posted.length} messages for ${ids.length} calls`);
    });
  });
}
