import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runCommandLine } from '../../../src/cli/command-line.ts';
import type { SlackMessage } from '../../../src/demo/slack/state/messages.ts';
import { Agent, noteOf, type Sent, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';
import { keptTerminal } from '../../support/terminal.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { risk: write, action: require_approval, reason: It outlives the session. }
  charge: { risk: financial, severity: high, action: require_approval, approval: { quorum: 2 } }
  burst: { action: require_approval, approval: { timeout: 1s } }
`;

/** One way for a call to end, and what its card, thread and agent then say. */
interface Path {
  readonly tool?: string;
  /** Whether the agent waits only for the short hold, or as long as it takes. */
  readonly impatient?: boolean;
  readonly act: (id: string, sent: Sent, ts: string) => unknown;
  readonly state: string;
  readonly header: RegExp;
  /** The thread's lines, in order. */
  readonly thread: readonly RegExp[];
  /** What the agent is told; null: it has left. */
  readonly answer: RegExp | null;
  /** How often the server saw the call. */
  readonly runs: number;
}

describe('the card tells the end of it, on every path', { skip: skipWithout('postgres') }, () => {
  let postgres: TestServer;
  let upstream: CountingUpstream;
  let house: House;
  /** The agent's calls wait at `here`; clicks arrive at `there`. */
  let here: GatewayProcess;
  let there: GatewayProcess;

  before(async () => {
    [postgres, upstream] = await Promise.all([startPostgres(), countingUpstream()]);
    upstream.behave = ({ args }) =>
      args.mode === 'reset' ? 'reset' : { text: `ran ${args.name}`, isError: args.mode === 'error' };
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, pickup: 3s, hold: { default: 300ms, progress: 60s } }',
      databaseUrl: postgres.url,
    });
    here = await house.start();
    there = await house.start();
  });
  after(async () => {
    await house?.close();
    await upstream.close();
    await postgres.stop();
  });

  const click = (ts: string, actionId: string, user = 'U0MIRA') =>
    house.slack.click({ user, channel: CHANNEL, ts, actionId });
  const deny = async (ts: string, reason: string, user = 'U0ALEX') => {
    await click(ts, 'deny', user);
    await house.slack.waitFor(() => house.slack.openViews(user).length > 0, 10_000);
    return house.slack.submitView({ user, values: { words: { words: reason } } });
  };
  const overHttp = async (id: string, decision: string, reason: string) => {
    const body = JSON.stringify({ decision, reason });
    const headers = { 'content-type': 'application/json' };
    const response = await there.api(`/api/approvals/${id}/decisions`, { method: 'POST', headers, body });
    assert.equal(response.status, 200, await response.text());
  };
  const onTheCommandLine = async (words: readonly string[]) => {
    const { terminal, said } = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: house.adminToken } });
    const code = await runCommandLine(['approvals', ...words, '--url', there.url], terminal);
    assert.equal(code, 0, said());
  };

  const PATHS: Record<string, Path> = {
    'a click, at another replica than the one that holds the call': {
      act: (_, __, ts) => click(ts, 'approve'),
      state: 'succeeded',
      header: /Approved and done/,
      thread: [/Approved by <@U0MIRA>\. The call went through/],
      answer: /^ran /,
      runs: 1,
    },
    'two approvers, one after the other': {
      tool: 'charge',
      act: async (_, __, ts) => {
        await click(ts, 'approve');
        await eventually('the first vote is told', () => (house.slack.replies(CHANNEL, ts).length > 0 ? true : null));
        await click(ts, 'approve', 'U0ALEX');
      },
      state: 'succeeded',
      header: /Approved and done/,
      // The first vote's update may still be under way, so the second vote and the end get a line each.
      thread: [
        /<@U0MIRA> approved this call\.\n1 of 2 approvals/,
        /<@U0ALEX> approved this call\.\n/,
        /Approved by .*\. The call went through/,
      ],
      answer: /^ran /,
      runs: 1,
    },
    'a denial with its reason': {
      act: (_, __, ts) => deny(ts, 'not on a Friday'),
      state: 'denied',
      header: /Denied/,
      thread: [/Denied by <@U0ALEX>\. Nothing has run/],
      answer: /^Denied by .*not on a Friday/s,
      runs: 0,
    },
    'the API': {
      act: (id) => overHttp(id, 'approve', 'looks right'),
      state: 'succeeded',
      header: /Approved and done/,
      thread: [/Approved by the admin\. The call went through/],
      answer: /^ran /,
      runs: 1,
    },
    'the command line': {
      act: (id) => onTheCommandLine(['deny', id, '--reason', 'wrong account']),
      state: 'denied',
      header: /Denied/,
      thread: [/Denied by the admin/],
      answer: /^Denied by .*wrong account/s,
      runs: 0,
    },
    'time alone': {
      tool: 'burst',
      act: () => undefined,
      state: 'expired',
      header: /Expired/,
      thread: [/Nobody decided in time \(0 of 1 approvals\)\. Nothing has run/],
      answer: /expired|Nobody decided/i,
      runs: 0,
    },
    'the agent’s own change of mind': {
      act: async (_, sent) => assert.equal(await agent.cancel(sent.id), 202),
      state: 'withdrawn',
      header: /Withdrawn by the agent/,
      thread: [/The agent cancelled the call/],
      answer: null,
      runs: 0,
    },
    'a server that says no': {
      act: (_, __, ts) => click(ts, 'approve'),
      state: 'failed',
      header: /Approved, but the call failed/,
      thread: [/The call ran and failed/],
      answer: /^ran /,
      runs: 1,
    },
    'a server that breaks off': {
      act: (_, __, ts) => click(ts, 'approve'),
      state: 'unknown',
      header: /Outcome unknown/,
      thread: [/Check the system before repeating it/],
      answer: /^Outcome unknown/,
      runs: 1,
    },
    'an agent that never comes back for it': {
      impatient: true,
      act: (_, __, ts) => click(ts, 'approve'),
      state: 'lapsed',
      header: /Approved, but never run/,
      thread: [/Waiting for the agent to collect it/, /did not run, and cannot run any more/],
      answer: /^Waiting for approval/,
      runs: 0,
    },
  };
  const MODES: Record<string, string> = { 'a server that says no': 'error', 'a server that breaks off': 'reset' };
  let agent: Agent;

  for (const [name, path] of Object.entries(PATHS)) {
    test(name, async () => {
      const tool = path.tool ?? 'create_key';
      const args = { name, ...(MODES[name] ? { mode: MODES[name] } : {}) };
      agent = await Agent.open(`${here.url}/mcp/tools`, house.tokens.agent!);
      const sent = agent.call(tool, args, path.impatient ? {} : { meta: { progressToken: 1 } });
      const { id } = path.impatient ? noteOf(await sent.answer) : await here.pending(tool, { name });
      const { ts } = await house.card(id);
      await path.act(id, sent, ts);
      await here.reaches(id, path.state, 20_000);

      const card = await house.card(id, path.header);
      assert.doesNotMatch(actionsOf(card), /approve|review|deny/, 'the buttons are gone');
      const thread = await eventually('the thread tells it', () => {
        const lines = house.slack.replies(CHANNEL, ts).map((reply) => reply.text);
        return path.thread.at(-1)!.test(lines.at(-1) ?? '') ? lines : null;
      });
      // Changes within a moment of each other may share a line; none appears twice or out of order.
      const places = path.thread.map((line) => thread.findIndex((text) => line.test(text)));
      assert.ok(!places.includes(-1), `${path.thread} in ${JSON.stringify(thread)}`);
      assert.deepEqual(places, [...places].sort());
      assert.equal(new Set(thread).size, thread.length);
      if (path.answer) assert.match(textOf(await sent.answer), path.answer);
      assert.equal(upstream.count(tool, args), path.runs);
      assert.equal(cards(id).length, 1, 'one message for its whole life');

      // A click on a button that an old screen still shows is told the truth and changes nothing.
      const heard = house.slack.ephemerals('U0ALEX').length;
      assert.equal((await click(ts, 'approve', 'U0ALEX')).status, 200);
      const told = await house.slack.waitFor(() => house.slack.ephemerals('U0ALEX')[heard], 10_000);
      assert.match(told.text, path.state === 'expired' ? /this expired/ : /Too late, your click changed nothing/);
      assert.equal((await there.approval(id)).state, path.state);
      assert.equal(upstream.count(tool, args), path.runs);
    });
  }

  test('P3: approve and deny at once: one counts, the other is told, and card, agent and server agree', async () => {
    for (let round = 0; round < 4; round++) {
      const args = { name: `race ${round}` };
      agent = await Agent.open(`${here.url}/mcp/tools`, house.tokens.agent!);
      const sent = agent.call('create_key', args, { meta: { progressToken: 1 } });
      const { id } = await here.pending('create_key', args);
      const { ts } = await house.card(id);
      await click(ts, 'deny', 'U0ALEX');
      await house.slack.waitFor(() => house.slack.openViews('U0ALEX').length > 0, 10_000);
      const [, denied] = await Promise.all([
        click(ts, 'approve'),
        house.slack.submitView({ user: 'U0ALEX', values: { words: { words: 'no' } } }),
      ]);
      const answer = textOf(await sent.answer);
      const { state, decisions } = await here.approval(id);
      assert.equal(decisions.length, 1);
      const approved = denied.handled !== 'cleared';
      assert.equal(/^ran /.test(answer), approved, answer);
      assert.equal(upstream.count('create_key', args), approved ? 1 : 0);
      assert.ok((approved ? ['dispatched', 'succeeded'] : ['denied']).includes(state), state);
      await house.card(id, approved ? /Approved and done/ : /Denied/);
      if (approved) await house.slack.closeView({ user: 'U0ALEX', clear: true });
    }
  });

  test('identical calls wait on one card, which counts them', async () => {
    const args = { name: 'joined' };
    agent = await Agent.open(`${here.url}/mcp/tools`, house.tokens.agent!);
    const other = await Agent.open(`${there.url}/mcp/tools`, house.tokens.agent!);
    const calls = [agent, agent, other].map((one) => one.call('create_key', args, { meta: { progressToken: 1 } }));
    const { id } = await here.pending('create_key', args);
    const card = await house.card(id, /3 callers wait/);
    await click(card.ts, 'approve');
    for (const { answer } of calls) assert.equal(textOf(await answer), 'ran joined');
    assert.deepEqual([upstream.count('create_key', args), cards(id).length], [1, 1]);
  });

  function cards(id: string): SlackMessage[] {
    return house.slack.messages(CHANNEL).filter((message) => JSON.stringify(message.metadata ?? {}).includes(id));
  }
});

function actionsOf({ blocks }: SlackMessage): string {
  return [...JSON.stringify(blocks).matchAll(/"action_id":"([^"]+)"/g)].map((match) => match[1]).join(' ');
}
