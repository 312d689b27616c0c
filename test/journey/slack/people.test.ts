import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval, approval: { approvers: [security] } }
  charge: { action: require_approval, approval: { approvers: [security], quorum: 2 } }
`;
/** The agent is of U0SAM. */
const APPROVERS = `[U0MIRA, U0ALEX, U0SAM, S0TEAM, admin]
  others: [U0ALEX, U0SAM]`;

for (const kind of ['embedded', 'postgres'] as const) {
  describe(`who may decide, over ${kind}`, { skip: kind === 'postgres' ? skipWithout('postgres') : false }, () => {
    let postgres: TestServer | null = null;
    let upstream: CountingUpstream;
    let house: House;
    let gateway: GatewayProcess;
    let agent: Agent;
    before(async () => {
      [postgres, upstream] = await Promise.all([kind === 'postgres' ? startPostgres() : null, countingUpstream()]);
      house = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
        approvers: APPROVERS,
        approval: '{ timeout: 10m, hold: { default: 200ms, progress: 10m } }',
        ...(postgres === null ? {} : { databaseUrl: postgres.url }),
      });
      house.slack.addUser({ id: 'U0TEAM' });
      house.slack.addUserGroup({ id: 'S0TEAM', users: ['U0TEAM'] });
      await start();
    });
    let original = '';
    beforeEach(() => {
      original = configText();
    });
    afterEach(() => rewrite(() => original));
    after(async () => {
      await house?.close();
      await upstream.close();
      await postgres?.stop();
    });

    async function start(env: Record<string, string> = {}, args: readonly string[] = []): Promise<void> {
      gateway = await house.start({ env, args });
      agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    }
    const path = () => join(house.folder, 'holdfast.yaml');
    const configText = () => readFileSync(path(), 'utf8');
    const loads = () => gateway.log.split('config and policies were read again').length;
    /** Changes the config, and waits until it is in force. */
    async function rewrite(change: (text: string) => string): Promise<void> {
      const [before, seen] = [configText(), loads()];
      const text = change(before);
      if (text === before) return;
      writeFileSync(path(), text);
      process.kill(gateway.pid, 'SIGHUP');
      await eventually('the config is read again', async () => (loads() > seen ? true : null));
    }
    const people = (text: string) => (config: string) => `${config}\npeople: ${text}\n`;
    const without = (member: string) => (config: string) =>
      config.replace(`${member}, `, '').replace(`, ${member}]`, ']');

    /** A call whose agent did not wait. */
    const asked = async (tool: string, name: string): Promise<string> => {
      return noteOf(await agent.call(tool, { name }).answer).id;
    };
    const click = async (id: string, user: string): Promise<string | null> => {
      const { ts } = await house.card(id);
      const told = house.slack.ephemerals(user).length;
      const { revision } = (await (await gateway.api(`/api/approvals/${id}`)).json()) as { revision: number };
      await house.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
      return eventually('the click is told', async () => {
        const now = (await (await gateway.api(`/api/approvals/${id}`)).json()) as { revision: number };
        if (now.revision > revision) return 'recorded';
        return house.slack.ephemerals(user).length > told ? house.slack.ephemerals(user).at(-1)!.text : null;
      });
    };
    const byToken = async (id: string, decision = 'approve') => {
      const response = await gateway.api(`/api/approvals/${id}/decisions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ decision, reason: 'by token' }),
      });
      return { status: response.status, body: (await response.json()) as { error?: string; state?: string } };
    };
    const again = async (tool: string, name: string) => textOf(await agent.call(tool, { name }).answer);

    test('P1: an approver taken out between click and dispatch: the pass lapses, saying why', async () => {
      const id = await asked('create_key', 'taken out');
      assert.equal(await click(id, 'U0MIRA'), 'recorded');
      await gateway.reaches(id, 'approved');
      await rewrite(without('U0MIRA'));
      await again('create_key', 'taken out');
      assert.match((await gateway.reaches(id, 'lapsed')).note!, /U0MIRA is no longer among the approvers/);
      assert.equal(upstream.count('create_key', { name: 'taken out' }), 0);
    });

    test('P1: the same for a user group, for the policy’s approvers, and for the admin token', async () => {
      const changes: [string, string, (id: string) => Promise<unknown>, () => unknown][] = [
        ['group', 'U0TEAM', (id) => click(id, 'U0TEAM'), () => rewrite(without('S0TEAM'))],
        ['admin', 'admin', (id) => byToken(id), () => rewrite(without('admin'))],
        [
          'policy',
          'U0MIRA',
          (id) => click(id, 'U0MIRA'),
          async () => {
            house.writePolicy('tools', POLICY.replaceAll('[security]', '[others]'));
            await rewrite((config) => `${config}# read the policy again\n`);
          },
        ],
      ];
      for (const [name, who, decide, change] of changes) {
        const id = await asked('create_key', name);
        await decide(id);
        await gateway.reaches(id, 'approved');
        await change();
        await again('create_key', name);
        assert.match((await gateway.reaches(id, 'lapsed')).note!, new RegExp(`${who} is no longer among`), name);
        await rewrite(() => original);
      }
      house.writePolicy('tools', POLICY);
      await rewrite((config) => `${config}# and again\n`);
      assert.equal(upstream.count('create_key'), 0);
    });

    test('P1: taken out between two votes: the first is no half of the quorum; taken out before: the click is refused', async () => {
      const id = await asked('charge', 'two votes');
      assert.equal(await click(id, 'U0MIRA'), 'recorded');
      await rewrite(without('U0MIRA'));
      assert.equal(await click(id, 'U0ALEX'), 'recorded');
      assert.equal((await gateway.approval(id)).state, 'pending');
      const next = await asked('create_key', 'before');
      assert.match((await click(next, 'U0MIRA'))!, /not among the approvers/);
      await rewrite(() => original);
      const frozen = await asked('create_key', 'frozen');
      await rewrite((config) => without('U0MIRA')(without('admin')(config)));
      assert.match((await click(frozen, 'U0MIRA'))!, /no longer lists you/);
      assert.deepEqual((await byToken(frozen)).body.error, 'removed');
      assert.equal((await gateway.approval(frozen)).state, 'pending');
    });

    test('P1: a Slack id and the admin token are not two of a quorum, in either order', async () => {
      for (const [name, votes] of [
        ['token last', [(id: string) => click(id, 'U0MIRA'), (id: string) => byToken(id)]],
        ['token first', [(id: string) => byToken(id), (id: string) => click(id, 'U0MIRA')]],
      ] as const) {
        const id = await asked('charge', name);
        for (const vote of votes) await vote(id);
        assert.equal((await gateway.approval(id)).state, 'pending', name);
        assert.equal(await click(id, 'U0ALEX'), 'recorded');
        assert.equal((await gateway.reaches(id, 'approved')).state, 'approved');
      }
    });

    test('P1: a person with two ways is one; the owner is himself by each; known people leave the token no vote', async () => {
      await rewrite(people('{ mira: { slack: U0MIRA, admin_token: true }, sam: { slack: U0SAM } }'));
      const two = await asked('charge', 'two ways');
      assert.equal(await click(two, 'U0MIRA'), 'recorded');
      assert.deepEqual(
        [(await byToken(two)).body.error, (await gateway.approval(two)).state],
        ['already_voted', 'pending'],
      );
      const shown = (await (await gateway.api(`/api/approvals/${two}`)).json()) as {
        decisions: { person: string }[];
        requirement: { names: Record<string, string> };
      };
      assert.deepEqual([shown.decisions[0]!.person, shown.requirement.names.U0SAM], ['mira', 'sam']);
      await house.card(two, /<@U0MIRA> \(`mira`\)/);
      await rewrite(() => original);
      await rewrite(people('{ sam: { slack: U0SAM, admin_token: true } }'));
      const own = await asked('create_key', 'own');
      assert.deepEqual(await byToken(own).then(({ status, body }) => [status, body.error]), [403, 'own_call']);
      await rewrite(() => original);
      await rewrite(people('{ mira: { slack: U0MIRA, login: mira@example.com } }'));
      const known = await asked('create_key', 'known');
      assert.deepEqual(await byToken(known).then(({ status, body }) => [status, body.error]), [403, 'admin_token']);
      assert.deepEqual(await byToken(known, 'deny').then(({ status, body }) => [status, body.state]), [200, 'denied']);
    });

    test('P1: Slack switched off at a restart: the pass waits, agent and /readyz say why, and runs when it is back', async () => {
      const [stays, token] = [await asked('create_key', 'stays'), await asked('create_key', 'token')];
      assert.equal(await click(stays, 'U0MIRA'), 'recorded');
      assert.equal((await byToken(token)).status, 200);
      await gateway.stop();
      const off = { SLACK_BOT_TOKEN: '', SLACK_SIGNING_SECRET: '', SLACK_API_URL: '', HOLDFAST_ADMIN_TOKEN: '' };
      // Nobody can approve anything then, and the start has to be told that this is meant.
      await start(off, ['--allow-undecidable']);
      assert.match(await again('create_key', 'stays'), /Slack is switched off/);
      assert.match(await again('create_key', 'token'), /lapsed|never run|not run/i);
      const ready = (await (await fetch(`${gateway.url}/readyz`)).json()) as { parts: { approvers?: string } };
      assert.match(ready.parts.approvers ?? '', /^1 approved and not run, .*Slack is switched off/);
      assert.equal(upstream.count('create_key'), 0);
      await gateway.stop();
      await start();
      assert.match((await gateway.approval(token)).note!, /admin token, which voted, is no longer set/);
      assert.match(await again('create_key', 'stays'), /done/);
      assert.equal(upstream.count('create_key', { name: 'stays' }), 1);
    });
  });
}
