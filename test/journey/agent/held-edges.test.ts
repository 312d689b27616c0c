import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { sql } from 'kysely';
import { decideApproval } from '../../../src/gateway/decision/decide.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import { OpenVisits } from '../../../src/gateway/state/open-visits.ts';
import { requestListener } from '../../../src/main/process/request-listener.ts';
import { callDoor } from '../../../src/mcp/calls.ts';
import { mcpDoor } from '../../../src/mcp/door/door.ts';
import { httpUpstream } from '../../../src/mcp/upstream/http.ts';
import { type Store, type TaskStore, Unavailable } from '../../../src/ports.ts';
import { ModernAgent } from '../../support/agent/modern.ts';
import { ADMIN, APPROVE, ASKING, type ParkedWorld, parkedWorld, TERMS } from '../../support/gateway/parked-world.ts';
import { quiet } from '../../support/log.ts';
import { eventually } from '../../support/wait.ts';

/** A server that answers every call with this result, on a stream or as JSON. */
interface Tools {
  readonly server: Server;
  readonly url: string;
  streams: boolean;
  result: object;
  calls: number;
}

async function tools(): Promise<Tools> {
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    const { id, method } = (text === '' ? {} : JSON.parse(text)) as { id?: unknown; method?: string };
    if (method === 'initialize') response.setHeader('mcp-session-id', crypto.randomUUID());
    if (method === 'tools/call') made.calls += 1;
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result: method === 'tools/call' ? made.result : {} });
    const streams = made.streams && method === 'tools/call';
    response.setHeader('content-type', streams ? 'text/event-stream' : 'application/json');
    response.end(streams ? `event: message\ndata: ${answer}\n\n` : answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const made: Tools = { server, url, streams: false, result: {}, calls: 0 };
  return made;
}

describe('a held call at the edges', () => {
  let world: ParkedWorld;
  let upstream: Tools;
  const closing: (() => void)[] = [];
  let count = 0;
  before(async () => {
    world = await parkedWorld(ASKING);
    upstream = await tools();
  });
  after(async () => {
    for (const close of closing) close();
    upstream.server.close();
    upstream.server.closeAllConnections();
    await world.close();
  });

  /** A process with its agents' door. `faulty`: what its store does instead of the real one. */
  async function house(faulty: { store?: Partial<Store>; tasks?: Partial<TaskStore> } = {}) {
    count += 1;
    const bound = world.replica(`edge-${count}`, { store: faulty.store ?? {} });
    const gateway: Gateway = { ...bound, tasks: { ...bound.tasks, ...faulty.tasks } };
    const server = { name: 'prometheus', headers: {}, isHidden: () => false, inspectsLists: false };
    const entry = { ...server, upstream: httpUpstream({ url: upstream.url }) };
    const grant = {
      name: 'release-bot',
      owner: 'U0SAM',
      selfApproval: false,
      servers: ['prometheus'],
      tokenSha256: 't',
    };
    const calls = callDoor(gateway, () => ({ progressMs: 60_000, defaultMs: 60_000, beatMs: 50 }));
    let host = '';
    const { app, direct } = mcpDoor({
      servers: () => entry,
      authenticate: () => grant,
      store: world.store,
      vault: gateway.vault,
      calls,
      visits: new OpenVisits(),
      sessionOpenings: () => ({ max: 1_000, per: 'second' }),
      maxBody: 64 * 1024,
      hosts: () => new Set([host]),
      publicUrl: () => `http://${host}`,
      alreadySent: RESPONSE_ALREADY_SENT,
      log: quiet,
    });
    const served = createServer(requestListener({ fetch: app.fetch, direct }, '127.0.0.1')).listen(0, '127.0.0.1');
    await once(served, 'listening');
    host = `127.0.0.1:${(served.address() as AddressInfo).port}`;
    closing.push(() => {
      served.close();
      served.closeAllConnections();
      void entry.upstream.close();
    });
    const url = `http://${host}/mcp/prometheus`;
    const headers = (more: Record<string, string> = {}): Record<string, string> => ({
      authorization: 'Bearer x',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
      ...more,
    });
    const post = (method: string, params: object, more: Record<string, string> = {}, signal?: AbortSignal) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
      return fetch(url, { method: 'POST', headers: headers(more), body, ...(signal ? { signal } : {}) });
    };
    return { gateway, url, host, headers, post, agent: new ModernAgent(url, 'x') };
  }

  const named = (name: string) => ({ name: 'create_api_key', arguments: { name } });
  /** Waits for this call's approval. */
  const parked = (name: string) =>
    eventually(`${name} is parked`, async () => {
      const { items } = await world.store.list({ limit: 100 });
      return items.find((one) => (one.arguments as { name?: string }).name === name) ?? null;
    });
  const approve = (gateway: Gateway, id: string) => decideApproval(gateway, id, APPROVE, ADMIN, TERMS);
  const joiners = async (id: string) =>
    (
      await sql<{ id: string; replica: string | null; left_at: Date | null }>`
        select id, replica, left_at from holdfast.joiners where approval_id = ${id}`.execute(world.db)
    ).rows;

  test('P4: a client that takes JSON only has its answer, though the server streams it', async () => {
    const { gateway, post } = await house();
    upstream.streams = true;
    upstream.result = { content: [{ type: 'text', text: 'made' }] };
    const answering = post('tools/call', named('json'), { accept: 'application/json' });
    await approve(gateway, (await parked('json')).id);
    const answer = await answering;
    upstream.streams = false;
    assert.equal(answer.status, 200);
    const { result } = (await answer.json()) as { result: typeof upstream.result };
    assert.deepEqual((result as { content: unknown }).content, [{ type: 'text', text: 'made' }]);
  });

  test('P4: a client that takes JSON only has its answer, whatever that holds', async () => {
    const { gateway, post } = await house();
    upstream.result = { content: [], structuredContent: { sent: { method: 'notifications/progress' } } };
    const answering = post('tools/call', named('looks alike'), { accept: 'application/json' });
    await approve(gateway, (await parked('looks alike')).id);
    const answer = await answering;
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /"sent":\{"method":"notifications\/progress"\}/);
  });

  test('P4: calls that share a connection, the second sent before the first is answered, are both answered', async () => {
    const { gateway, host, headers } = await house();
    upstream.result = { content: [{ type: 'text', text: 'made' }] };
    const socket = connect(Number(host.split(':')[1]), '127.0.0.1');
    closing.push(() => socket.destroy());
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString();
    });
    for (const name of ['first', 'second']) {
      const body = JSON.stringify({ jsonrpc: '2.0', id: name, method: 'tools/call', params: named(name) });
      const lines = Object.entries({ host, ...headers(), 'content-length': body.length });
      socket.write(
        `POST /mcp/prometheus HTTP/1.1\r\n${lines.map(([k, v]) => `${k}: ${v}`).join('\r\n')}\r\n\r\n${body}`,
      );
    }
    const [first, second] = [await parked('first'), await parked('second')];
    await approve(gateway, first.id);
    await eventually('the first is answered', () => text.includes('"id":"first"') || null);
    await approve(gateway, second.id);
    await eventually('the second is answered', () => text.includes('"id":"second"') || null);
  });

  test('P1: a modern caller that closes its request while its pass is committed has cancelled: the pass lapses', async () => {
    const closes = new AbortController();
    const { gateway, agent } = await house({
      store: {
        commitBoth: async (first, second) => {
          const committed = await world.store.commitBoth(first, second);
          closes.abort();
          await eventually('its going is noticed', () => gateway.waitingRoom.size === 0 || null);
          return committed;
        },
      },
    });
    const calls = upstream.calls;
    agent.open('tools/call', named('taken back'), { signal: closes.signal }).then(
      (response) => response.text().catch(() => undefined),
      () => undefined,
    );
    const { id } = await parked('taken back');
    await eventually('it waits', () => gateway.waitingRoom.ids().includes(id) || null);
    await approve(gateway, id);
    const ended = await eventually('it is over', async () => {
      const now = await world.store.find(id);
      return now !== null && now.state !== 'dispatched' ? now : null;
    });
    await eventually(
      'nobody waits',
      async () => (await joiners(id)).every((one) => one.replica === null || one.left_at !== null) || null,
    );
    const events = await world.store.events({ after: 0, limit: 100, approval: id });
    assert.deepEqual(
      [(await world.store.find(id))!.state, upstream.calls],
      ['lapsed', calls],
      `${ended.state} ${events.map((e) => e.type).join(' ')}`,
    );
  });

  test('P4: a caller that came again by another connection is present, whatever becomes of the old one', async () => {
    const { gateway, post, headers, url } = await house();
    const opened = await post('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'a', version: '1' },
    });
    const session = opened.headers.get('mcp-session-id')!;
    await opened.text();
    const old = new AbortController();
    const first = await post('tools/call', named('again'), { 'mcp-session-id': session }, old.signal);
    const reader = first.body!.getReader();
    const eventId = /^id: (\S+)/m.exec(new TextDecoder().decode((await reader.read()).value))![1]!;
    const { id } = await parked('again');
    const again = await fetch(url, {
      headers: headers({ accept: 'text/event-stream', 'mcp-session-id': session, 'last-event-id': eventId }),
    });
    assert.equal(again.status, 200);
    const text = again.text();
    await eventually('the old one ends', async () => ((await reader.read()).done ? true : null));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.deepEqual(
      (await joiners(id)).map(({ replica }) => replica),
      [gateway.replica],
    );
    await approve(gateway, id);
    assert.match(await text, /"result":/);
  });

  test('P4: a caller that could not be held, because the store was away, keeps no place taken', async () => {
    const { gateway, post } = await house({
      tasks: {
        clientOf: async () => {
          throw new Unavailable('store', 'away');
        },
      },
    });
    const opened = await post('initialize', { protocolVersion: '2025-11-25', capabilities: {} });
    const session = opened.headers.get('mcp-session-id')!;
    await opened.text();
    const leaves = new AbortController();
    const answering = post('tools/call', named('unheld'), { 'mcp-session-id': session }, leaves.signal);
    const { id } = await parked('unheld');
    const answer = await answering;
    if (answer.status === 200) assert.deepEqual(gateway.waitingRoom.ids(), [id]);
    else {
      assert.equal(answer.status, 503);
      await eventually(
        'its place is free',
        async () => (await joiners(id)).every(({ replica }) => replica === null) || null,
        5_000,
      );
    }
    leaves.abort();
  });

  test('P4: nor does a caller that comes back by its stream', async () => {
    let away = false;
    const { gateway, post, headers, url } = await house({
      tasks: {
        clientOf: async () => {
          if (away) throw new Unavailable('store', 'away');
          return null;
        },
      },
    });
    const opened = await post('initialize', { protocolVersion: '2025-11-25', capabilities: {} });
    const session = opened.headers.get('mcp-session-id')!;
    await opened.text();
    const goes = new AbortController();
    const first = await post('tools/call', named('comes again'), { 'mcp-session-id': session }, goes.signal);
    const { value } = await first.body!.getReader().read();
    const eventId = /^id: (\S+)/m.exec(new TextDecoder().decode(value))![1]!;
    const { id } = await parked('comes again');
    goes.abort();
    const absent = () =>
      eventually('its place is free', async () => (await joiners(id)).every(({ replica }) => replica === null) || null);
    await absent();
    away = true;
    const again = { accept: 'text/event-stream', 'mcp-session-id': session, 'last-event-id': eventId };
    assert.equal((await fetch(url, { headers: headers(again) })).status, 503);
    await absent();
    assert.equal(gateway.waitingRoom.size, 0);
  });

  test('P4: a caller that goes while the store is away is absent as soon as the store is back', async () => {
    let away = true;
    const down = async () => {
      if (away) throw new Unavailable('store', 'away');
    };
    const { gateway, post } = await house({
      store: {
        away: async (...given) => {
          await down();
          await world.store.away(...given);
        },
      },
    });
    const goes = new AbortController();
    await post('tools/call', named('gone'), {}, goes.signal);
    const { id } = await parked('gone');
    goes.abort();
    await eventually('it is noticed', () => gateway.waitingRoom.size === 0 || null);
    away = false;
    await eventually(
      'it is absent',
      async () => (await joiners(id)).every(({ replica }) => replica === null) || null,
      5_000,
    );
  });
});
