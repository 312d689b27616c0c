import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { httpUpstream } from '../../../src/mcp/upstream/http.ts';
import { type ServedDoor, servedDoor } from '../../support/relay/served-door.ts';
import { type SdkUpstream, sdkUpstream } from '../../support/upstream/sdk.ts';

describe('A real client and a real server, with the door between', () => {
  let server: SdkUpstream;
  let door: ServedDoor;
  before(async () => {
    server = await sdkUpstream();
    const entry = { headers: {}, upstream: httpUpstream({ url: server.url }) };
    door = await servedDoor([{ ...entry, name: 'sdk', isHidden: (tool) => tool === 'drop', inspectsLists: true }]);
  });
  after(async () => {
    await door[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  async function connected(url: string, headers: Record<string, string> = {}): Promise<Client> {
    const client = new Client({ name: 'test', version: '1' }, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { sure: true } }));
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
    return client;
  }

  it('P9: everything works as it does directly, and hidden tools are gone', async () => {
    const direct = await connected(server.url);
    const through = await connected(door.url('sdk'), { authorization: 'Bearer alice' });
    assert.deepEqual(through.getServerCapabilities(), direct.getServerCapabilities());
    const all = (await direct.listTools()).tools;
    assert.deepEqual(
      (await through.listTools()).tools,
      all.filter((tool) => tool.name !== 'drop'),
    );

    const call = { name: 'ask', arguments: { question: 'sure?' } };
    const progress: number[] = [];
    const options = { onprogress: (p: { progress: number }) => void progress.push(p.progress) };
    const answers = [await direct.callTool(call), await through.callTool(call, undefined, options)];
    assert.deepEqual(answers[1], answers[0]);
    assert.deepEqual(progress, [1, 2]);

    const { transport } = through;
    await (transport as StreamableHTTPClientTransport).terminateSession();
    await Promise.all([direct.close(), through.close()]);
    assert.equal(server.sessions(), 1);
  });
});
