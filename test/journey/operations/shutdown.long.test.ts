import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { openHouse } from '../../support/gateway/program.ts';
import { countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
`;

test('P2: asked to stop, a call that will not end is recorded as unknown, its agent is told, and the process ends', async () => {
  const upstream = await countingUpstream();
  upstream.behave = () => new Promise(() => undefined);
  const house = await openHouse({ servers: { counting: { at: `url: ${upstream.url}`, policy: POLICY } } });
  try {
    const gateway = await house.start();
    const agent = await Agent.open(`${gateway.url}/mcp/counting`, house.tokens.agent!);
    const { answer } = agent.call('create_key', { name: 'endless' });
    const { id } = await gateway.pending('create_key');
    await house.approve(id);
    await eventually('the server has it', () => (upstream.count('create_key') > 0 ? true : null));
    const stopped = gateway.stop();
    assert.match(textOf(await answer), /^Outcome unknown: /);
    assert.equal(await stopped, 0);
    const again = await house.start();
    const view = await again.approval(id);
    assert.equal(view.state, 'unknown');
    assert.equal(upstream.count('create_key'), 1);
  } finally {
    await house.close();
    await upstream.close();
  }
});
