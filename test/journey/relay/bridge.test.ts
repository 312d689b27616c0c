import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { callTool, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { eventually } from '../../support/wait.ts';

/*
 * The gateway reaches a server that is a command by a second Holdfast, which is the bridge from HTTP to commands: the way
 * of the compose file and of the units.
 */

const PROGRAM = fileURLToPath(new URL('../../support/upstream/sdk-stdio.ts', import.meta.url));
const GATED = `version: "1"
default: require_approval
tools: { ask: { action: require_approval, severity: high } }
`;

let behind: House;
let house: House;
let bridge: GatewayProcess;
let gateway: GatewayProcess;

before(async () => {
  behind = await openHouse({
    servers: {
      sdk: { at: `command: ["${process.execPath}", "${PROGRAM}"]`, policy: 'version: "1"\ndefault: allow\n' },
    },
    sessions: '{ openings: 10000/minute, children: 200 }',
    slack: false,
  });
  bridge = await behind.start();
  house = await openHouse({
    servers: {
      sdk: {
        at: `url: "${bridge.url}/mcp/sdk", headers: { Authorization: "Bearer $\{TOOLS_TOKEN}" }`,
        policy: GATED,
      },
    },
  });
  const file = join(house.folder, 'tools-token');
  writeFileSync(file, `${behind.tokens.agent}\n`, { mode: 0o600 });
  gateway = await house.start({ env: { TOOLS_TOKEN_FILE: file } });
});
after(async () => {
  await house?.close();
  await behind?.close();
});

test('P8: a held call, and what its server asks, pass through the bridge to a command; the agent’s token does not', async () => {
  const client = new Client({ name: 'agent', version: '1' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { sure: true } }));
  const requestInit = { headers: { authorization: `Bearer ${house.tokens.agent}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp/sdk`), { requestInit }) as never);
  const answer = callTool(client, 'ask', { question: 'through both?' });
  const { id } = await gateway.pending('ask');
  await house.approve(id);
  const leg = await eventually('the question', async () => {
    return (await gateway.approvals('pending')).find(({ answersTo }) => answersTo === id) ?? null;
  });
  await house.approve(leg.id);
  assert.match(textOf(await answer), /"sure":true/);
  await gateway.reaches(id, 'succeeded');
  await client.close();
  assert.doesNotMatch(gateway.log, /WARNING: servers/, 'the gateway itself starts nothing');
  assert.match(bridge.log, /WARNING: servers\.sdk runs as/);
});
