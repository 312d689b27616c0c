import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Agent, noteOf } from '../../support/agent/agent.ts';
import { CHANNEL, openHouse } from '../../support/gateway/program.ts';
import { countingUpstream } from '../../support/upstream/counting.ts';

const GRANTS = 10;
const EACH = 50;

test('P4: five hundred calls within a minute are a few messages, in which every one of them is', async () => {
  const upstream = await countingUpstream();
  const names = Array.from({ length: GRANTS - 1 }, (_, n) => `agent-${n}`);
  const house = await openHouse({
    servers: { tools: { at: `url: "${upstream.url}"`, policy: 'version: "1"\ndefault: require_approval\n' } },
    approval: `{ timeout: 30m, hold: { default: 200ms, progress: 60s }, max_pending: ${EACH} }`,
    slackMore: ', digest: { over: 3, within: 1m }',
    grants: names,
  });
  const gateway = await house.start();
  try {
    const ids: string[] = [];
    const asks = ['agent', ...names].map(async (grant) => {
      const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens[grant]!);
      for (let n = 0; n < EACH; n += 1) ids.push(noteOf(await agent.call('burst', { n, grant }).answer).id);
    });
    await Promise.all(asks);
    assert.equal(new Set(ids).size, GRANTS * EACH);
    const shown = () =>
      house.slack
        .messages(CHANNEL)
        .map(({ blocks }) => JSON.stringify(blocks))
        .join();
    await house.slack.waitFor(() => {
      const text = shown();
      return ids.every((id) => text.includes(`${id}:`));
    }, 300_000);
    const messages = house.slack.messages(CHANNEL).length;
    assert.ok(messages <= 3 * GRANTS + (GRANTS * EACH) / 10, `${messages} messages`);
    const calls = house.slack.requests.filter(({ method }) => method.startsWith('chat.')).length;
    assert.ok(calls < GRANTS * EACH, `${calls} calls to Slack for ${ids.length} questions`);
  } finally {
    await house.close();
    await upstream.close();
  }
});
