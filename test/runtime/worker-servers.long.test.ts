import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { ModernAgent, WITH_TASKS } from '../support/agent/modern.ts';
import { TaskAgent } from '../support/agent/tasks.ts';
import { type Visitor, visitor } from '../support/console/visitor.ts';
import { openWorkerWorld, type WorkerWorld } from '../support/gateway/worker-world.ts';
import { skipWithout } from '../support/store/servers.ts';
import { type TaskUpstream, taskUpstream, type UpstreamTask } from '../support/upstream/tasks.ts';
import { eventually } from '../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  must: { action: require_approval }
`;

/** The SDK's own server with two tools, which answers on streams; `/away` redirects to it. Counts its requests. */
async function sdkServer(): Promise<{ url: string; asked(): number; close(): Promise<void> }> {
  let asked = 0;
  const server: Server = createServer(async (incoming, response) => {
    asked += 1;
    if (incoming.url === '/away') return void response.writeHead(307, { location: '/mcp' }).end();
    if (incoming.headers['x-key'] !== 'of the config') return void response.writeHead(401).end();
    const mcp = new McpServer({ name: 'sdk', version: '1' });
    for (const name of ['look', 'wipe_disk']) mcp.registerTool(name, {}, () => ({ content: [] }));
    const transport = new StreamableHTTPServerTransport({});
    await mcp.connect(transport as never);
    await transport.handleRequest(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const skip = skipWithout('redis') || skipWithout('postgres');

describe('the Worker and what servers say and do of themselves', { skip, timeout: 240_000 }, () => {
  let tasks: TaskUpstream;
  let sdk: Awaited<ReturnType<typeof sdkServer>>;
  let world: WorkerWorld;

  before(async () => {
    [tasks, sdk] = await Promise.all([taskUpstream(), sdkServer()]);
    const headers = 'headers: { x-key: of the config }';
    world = await openWorkerWorld({
      tasks: { at: `url: "${tasks.url}"`, policy: POLICY },
      sdk: { at: `url: "${sdk.url}/mcp", ${headers}`, policy: POLICY },
      away: { at: `url: "${sdk.url}/away", ${headers}`, policy: POLICY },
    });
  });

  after(async () => {
    await world?.close();
    await tasks?.close();
    await sdk?.close();
  });

  const askedBy = async (headers: Visitor, server: string) => {
    const answer = await fetch(`${world.url}/console/tools`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ server }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  it('a reviewer has it ask a server for its tools, as on Node, and the log says who wished it', async () => {
    const reviewer = await visitor(world.url, world.house.adminToken);
    const page = async (): Promise<string> => (await fetch(`${world.url}/policies`, { headers: reviewer })).text();
    const before = await page();
    assert.match(before, /data-ask-server="sdk"/);
    assert.doesNotMatch(before, /wipe_disk/);
    assert.deepEqual(await askedBy(reviewer, 'sdk'), { status: 200, body: { server: 'sdk', tools: 2 } });
    assert.match(await page(), /wipe_disk/);
    const events = await fetch(`${world.url}/api/events?type=admin.read,tools.listed`, {
      headers: { authorization: `Bearer ${world.house.adminToken}` },
    });
    const { items } = (await events.json()) as { items: { type: string; server: string | null; actor: string }[] };
    const about = items.filter((event) => event.server === 'sdk').map(({ type, actor }) => [type, actor]);
    assert.deepEqual(about.sort(), [
      ['admin.read', 'admin'],
      ['tools.listed', 'admin'],
    ]);
  });

  it('P8: when it is asked so, a server’s redirect is not followed, and one that is gone is reported', async () => {
    const reviewer = await visitor(world.url, world.house.adminToken);
    const before = sdk.asked();
    const away = await askedBy(reviewer, 'away');
    assert.equal(away.status, 502);
    assert.match(String(away.body.reason), /redirect, which is not followed/);
    assert.equal(sdk.asked(), before + 1, 'only the address that the config names was asked');
    await sdk.close();
    const gone = await askedBy(reviewer, 'sdk');
    assert.equal(gone.status, 502);
    assert.match(String(gone.body.reason), /^sdk did not list its tools: ./);
  });

  /** Approves the call with a signed click in Slack; returns the server's task. */
  async function running(name: string): Promise<UpstreamTask> {
    const { id } = await world.reaches(name, 'pending');
    await world.house.approve(id);
    return eventually('the server has a task', () => tasks.task(name));
  }

  /** Ends the server's task, and waits for the approval's end without sending the gateway any request. */
  async function ends(own: UpstreamTask, name: string): Promise<void> {
    await eventually('the approval awaits it', async () => {
      const row = await world.approval(name);
      return row?.state === 'dispatched' && row.awaits === 'task' ? row : null;
    });
    tasks.end(own, `the end of ${name}`);
    await world.reaches(name, 'succeeded');
  }

  it('P4: a 2025-11-25 task that the server makes of an approved call is followed when its agent is gone, who collects it later', async () => {
    const agent = await TaskAgent.open(`${world.url}/mcp/tasks`, world.house.tokens.agent!);
    const taskId = await agent.task('must', { name: 'legacy' });
    const own = await running('legacy');
    await ends(own, 'legacy');
    await world.house.card((await world.approval('legacy'))!.id, /went through/);
    assert.equal((await agent.get(taskId)).status, 'completed');
    assert.match(JSON.stringify(await agent.ask('tasks/result', { taskId })), /the end of legacy/);
    assert.equal(tasks.count('must', 'legacy'), 1);
  });

  it('P4: and so is a 2026-07-28 one', async () => {
    const agent = new ModernAgent(`${world.url}/mcp/tasks`, world.house.tokens.agent!, WITH_TASKS);
    const created = await agent.call('must', { name: 'modern' });
    const taskId = String(created.result?.taskId);
    const own = await running('modern');
    await ends(own, 'modern');
    const { result } = await agent.send('tasks/get', { taskId });
    assert.deepEqual([result?.taskId, result?.status], [taskId, 'completed']);
    assert.match(JSON.stringify(result?.result), /the end of modern/);
    assert.equal(tasks.count('must', 'modern'), 1);
  });
});
