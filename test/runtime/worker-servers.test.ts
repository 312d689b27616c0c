import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { type Visitor, visitor } from '../support/console-visitor.ts';
import { type House, openHouse } from '../support/gateway.ts';
import { skipWithout, startPostgres, startRedis, type TestServer } from '../support/servers.ts';
import { type TaskUpstream, taskUpstream } from '../support/task-upstream.ts';
import { bootWorker, type LocalWorker } from '../support/worker.ts';

const POLICY = `version: "1"
default: allow
tools:
  must: { action: require_approval }
`;

/** The SDK's own server with two tools, which answers with streams; `/away` leads to it. Counts its requests. */
async function sdkServer(): Promise<{ url: string; asked(): number; close(): Promise<void> }> {
  let asked = 0;
  const server: Server = createServer(async (incoming, response) => {
    asked += 1;
    if (incoming.url === '/away') return void response.writeHead(307, { location: '/mcp' }).end();
    if (incoming.headers['x-key'] !== 'of the config') return void response.writeHead(401).end();
    const mcp = new McpServer({ name: 'sdk', version: '1' });
    for (const name of ['look', 'wipe_disk']) mcp.registerTool(name, {}, () => ({ content: [] }));
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
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
  let redis: TestServer;
  let postgres: TestServer;
  let tasks: TaskUpstream;
  let sdk: Awaited<ReturnType<typeof sdkServer>>;
  let house: House;
  let worker: LocalWorker;

  before(async () => {
    [redis, postgres, tasks, sdk] = await Promise.all([startRedis(), startPostgres(), taskUpstream(), sdkServer()]);
    const headers = 'headers: { x-key: of the config }';
    house = await openHouse({
      servers: {
        tasks: { at: `url: "${tasks.url}"`, policy: POLICY },
        sdk: { at: `url: "${sdk.url}/mcp", ${headers}`, policy: POLICY },
        away: { at: `url: "${sdk.url}/away", ${headers}`, policy: POLICY },
      },
    });
    worker = await bootWorker({
      files: house.folder,
      vars: {
        DATABASE_URL: postgres.url,
        REDIS_URL: redis.url,
        HOLDFAST_SECRET: 's'.repeat(40),
        HOLDFAST_ADMIN_TOKEN: house.adminToken,
        SLACK_BOT_TOKEN: house.slack.botToken,
        SLACK_SIGNING_SECRET: house.slack.signingSecret,
        SLACK_API_URL: house.slack.apiUrl,
      },
    });
    house.slack.interactivityUrl = `${worker.url}/slack/events`;
  });

  after(async () => {
    await worker?.stop();
    await house?.close();
    await tasks?.close();
    await sdk?.close();
    await redis?.stop();
    await postgres?.stop();
  });

  const askedBy = async (headers: Visitor, server: string) => {
    const answer = await fetch(`${worker.url}/console/tools`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ server }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  it('a reviewer has it ask a server for its tools, as on Node, and the log says who wished it', async () => {
    const reviewer = await visitor(worker.url, house.adminToken);
    const page = async (): Promise<string> => (await fetch(`${worker.url}/policies`, { headers: reviewer })).text();
    const before = await page();
    assert.match(before, /data-ask-server="sdk"/);
    assert.doesNotMatch(before, /wipe_disk/);
    assert.deepEqual(await askedBy(reviewer, 'sdk'), { status: 200, body: { server: 'sdk', tools: 2 } });
    assert.match(await page(), /wipe_disk/);
    const events = await fetch(`${worker.url}/api/events?type=admin.read,tools.listed`, {
      headers: { authorization: `Bearer ${house.adminToken}` },
    });
    const { items } = (await events.json()) as { items: { type: string; server: string | null; actor: string }[] };
    const about = items.filter((event) => event.server === 'sdk').map(({ type, actor }) => [type, actor]);
    assert.deepEqual(about.sort(), [
      ['admin.read', 'admin'],
      ['tools.listed', 'admin'],
    ]);
  });

  it('P8: asked so, a server that redirects is not followed, and one that is gone is said to be', async () => {
    const reviewer = await visitor(worker.url, house.adminToken);
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
});
