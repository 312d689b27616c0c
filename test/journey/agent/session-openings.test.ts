import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: { rate_limit: 2/hour }
`;

describe('opening sessions', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  const at = (grant: string, server = 'tools') => Agent.open(`${gateway.url}/mcp/${server}`, house.tokens[grant]!);
  const initialize = (grant: string) => {
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } };
    const agent = new Agent(`${gateway.url}/mcp/tools`, house.tokens[grant]!);
    return agent.post({ jsonrpc: '2.0', id: 'first', method: 'initialize', params });
  };
  before(async () => {
    upstream = await countingUpstream();
    const server = { at: `url: "${upstream.url}"`, policy: POLICY };
    house = await openHouse({
      servers: { tools: server, others: server },
      sessions: '{ openings: 5/hour }',
      grants: ['other'],
    });
    gateway = await house.start();
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  test('P5: a limit per session is passed at most as often as a grant may open sessions, on all servers together', async () => {
    let passed = 0;
    for (let n = 0; n < 5; n += 1) {
      const agent = await at('agent', n % 2 ? 'tools' : 'others');
      for (let call = 0; call < 3; call += 1)
        if (textOf(await agent.call('read', { n }).answer) === 'done') passed += 1;
      await agent.end();
    }
    assert.equal(passed, 10);
    const refused = await initialize('agent');
    assert.equal(refused.status, 429);
    const retryAfter = Number(refused.headers.get('retry-after'));
    assert.ok(retryAfter > 3_000 && retryAfter <= 3_600, `${retryAfter}`);
    const { id, error } = (await refused.json()) as { id: unknown; error: { code: number; message: string } };
    assert.deepEqual([id, error.code], ['first', 429]);
    assert.match(error.message, /^Rate limited: this grant may open 5 sessions per hour \(sessions.openings\)/);
    assert.match(
      error.message,
      /Nothing was sent to the server. Go on in a session that is open, or try again in \d+ seconds/,
    );
    await assert.rejects(at('agent', 'others'), /429/);
    assert.equal((await initialize('other')).status, 200);
    await eventually('it is in the log', async () =>
      (await gateway.events()).some(({ type, data }) => type === 'access.refused' && data.status === 429) ? true : null,
    );
  });

  test('P5: an initialize that opens no session does not count', async () => {
    await upstream.shut();
    for (let n = 0; n < 10; n += 1) assert.equal((await initialize('other')).status, 502);
    await upstream.open();
    assert.equal((await initialize('other')).status, 200);
  });
});
