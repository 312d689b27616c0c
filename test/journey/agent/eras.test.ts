import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { ModernAgent } from '../../support/agent/modern.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  create_key: { action: require_approval }
`;

describe('Both eras on one endpoint', () => {
  let upstream: ErasUpstream;
  let house: House;
  let gateway: GatewayProcess;
  before(async () => {
    upstream = await erasUpstream();
    house = await openHouse({
      servers: {
        tools: { at: `url: "${upstream.url}"`, policy: POLICY },
        plain: { at: `url: "${upstream.url}"`, policy: 'version: "1"\ndefault: allow\n' },
      },
      approval: '{ timeout: 10m, hold: { default: 20s, beat: 200ms, clients: { "hasty-*": 300ms } } }',
      grants: ['other'],
      slack: false,
    });
    gateway = await house.start();
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  const url = (server = 'tools'): string => `${gateway.url}/mcp/${server}`;
  const headersOf = (grant = 'agent', more: Record<string, string> = {}): Record<string, string> => ({
    authorization: `Bearer ${house.tokens[grant]}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...more,
  });
  const post = (body: object, headers: Record<string, string>, server = 'tools', signal?: AbortSignal) =>
    fetch(url(server), { method: 'POST', headers, body: JSON.stringify(body), ...(signal ? { signal } : {}) });

  async function initialize(client: string, version = '2025-11-25', server = 'tools') {
    const params = { protocolVersion: version, capabilities: {}, clientInfo: { name: client, version: '1' } };
    const answer = await post({ jsonrpc: '2.0', id: 0, method: 'initialize', params }, headersOf(), server);
    const result = ((await answer.json()) as { result: { capabilities: object } }).result;
    return { session: answer.headers.get('mcp-session-id')!, capabilities: result.capabilities };
  }
  const inSession = (session: string, version = '2025-11-25') =>
    headersOf('agent', { 'mcp-session-id': session, 'mcp-protocol-version': version });
  const call = (name: string, id: number | string = 1) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'create_key', arguments: { name } },
  });
  async function decide(id: string): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ decision: 'approve' });
    assert.equal((await gateway.api(`/api/approvals/${id}/decisions`, { method: 'POST', body, headers })).status, 200);
  }
  /** Reads a stream until its text is `enough`; leaves it open. */
  async function readUntil(response: Response, enough: (text: string) => boolean): Promise<string> {
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      text += value ?? '';
      if (done || enough(text)) return text;
    }
  }

  test('P4: a stream of 2025-11-25 begins with an event id, by which it goes on after a restart, for its grant alone', async () => {
    const { session } = await initialize('resumer');
    const abort = new AbortController();
    const first = await post(call('resumed', 'r-1'), inSession(session), 'tools', abort.signal);
    const text = await readUntil(first, (so) => so.includes('\n\n'));
    const id = /^id: (\S+)$/m.exec(text)?.[1];
    assert.match(id ?? '', /^holdfast-/);
    assert.match(text, /^retry: \d+$/m);
    const approval = (await gateway.pending('create_key', { name: 'resumed' })).id;
    abort.abort();
    await gateway.kill();
    gateway = await house.start();
    const get = (grant: string, lastEventId: string) => {
      const { 'content-type': _, ...headers } = inSession(session);
      const authorization = `Bearer ${house.tokens[grant]}`;
      return fetch(url(), {
        headers: { ...headers, authorization, accept: 'text/event-stream', 'last-event-id': lastEventId },
      });
    };
    assert.notEqual((await get('other', id!)).status, 200);
    assert.equal((await get('agent', `${id!.slice(0, -3)}AAA`)).status, 400);
    const again = await get('agent', id!);
    assert.equal(again.status, 200);
    await decide(approval);
    const rest = await readUntil(again, (so) => so.includes('"result"'));
    assert.match(rest, /"id":"r-1"/);
    assert.match(rest, /"text":"done"/);
    assert.equal(upstream.count('create_key', { name: 'resumed' }), 1);
    assert.equal((await gateway.approval(approval)).callers, 0);
    const replayed = await get('agent', id!);
    assert.match(
      await replayed.text(),
      /"id":"r-1".*"text":"done"/,
      'the socket took it; whether anybody read it is not known',
    );
    assert.notEqual((await get('other', id!)).status, 200);
  });

  test('P4: an answer that only a half-open connection took is got by its event id, from a gateway that never held it', async () => {
    const { session } = await initialize('half-open');
    const { hostname, port, host } = new URL(gateway.url);
    const body = JSON.stringify(call('half-open', 'h-1'));
    const headers = { ...inSession(session), host, 'content-length': String(body.length) };
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST /mcp/tools HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
    const id = await new Promise<string>((resolve) => {
      let heard = '';
      socket.setEncoding('utf8').on('data', (text: string) => {
        heard += text;
        const found = /^id: (\S+)$/m.exec(heard)?.[1];
        if (found === undefined) return;
        // From here on nobody reads, but the connection stays open.
        socket.pause();
        resolve(found);
      });
    });
    const approval = (await gateway.pending('create_key', { name: 'half-open' })).id;
    await decide(approval);
    await eventually('the socket took it', async () =>
      (await gateway.approval(approval)).callers === 0 ? true : null,
    );
    await gateway.kill();
    gateway = await house.start();
    const { 'content-type': _, ...rest } = inSession(session);
    const again = await fetch(url(), { headers: { ...rest, accept: 'text/event-stream', 'last-event-id': id } });
    assert.match(await again.text(), /"id":"h-1".*"text":"done"/);
    assert.equal(upstream.count('create_key', { name: 'half-open' }), 1);
    socket.destroy();
  });

  test('older revisions get no event ids, no task marks and no new capabilities', async () => {
    const { session } = await initialize('old', '2025-06-18');
    const abort = new AbortController();
    const open = await post(call('old'), inSession(session, '2025-06-18'), 'tools', abort.signal);
    const text = await readUntil(open, (so) => so.includes('\n\n'));
    assert.equal(/^id:/m.test(text), false);
    abort.abort();
    const listed = await post({ jsonrpc: '2.0', id: 2, method: 'tools/list' }, inSession(session, '2025-06-18'));
    assert.equal((await listed.text()).includes('taskSupport'), false);
  });

  test('P9: where policy asks about nothing, nothing is advertised', async () => {
    const { session, capabilities } = await initialize('plain', '2025-11-25', 'plain');
    assert.deepEqual(capabilities, { tools: {} });
    const listed = await post({ jsonrpc: '2.0', id: 2, method: 'tools/list' }, inSession(session), 'plain');
    assert.equal((await listed.text()).includes('execution'), false);
  });

  test('a client that is known to be hasty is answered sooner', async () => {
    const { session } = await initialize('hasty-agent');
    const began = Date.now();
    const answer = await post(call('hasty'), inSession(session));
    const text = await answer.text();
    assert.match(text, /Waiting for approval/);
    assert.ok(Date.now() - began < 15_000);
  });

  test('a server of the old era answers a modern probe as it would, so that clients fall back', async () => {
    const agent = new ModernAgent(url(), house.tokens.agent!);
    const probed = await agent.send('server/unknown', {});
    assert.equal(probed.status, 404);
    assert.equal(probed.error?.code, -32601);
  });

  test('what is no JSON, too long or from elsewhere is refused at the door', async () => {
    const status = async (body: string, more: Record<string, string>): Promise<number> =>
      (await fetch(url(), { method: 'POST', headers: headersOf('agent', more), body })).status;
    assert.equal(await status('{}', { 'content-type': 'text/plain' }), 415);
    assert.equal(await status('{}', { 'content-encoding': 'gzip' }), 415);
    assert.equal(await status(`"${'x'.repeat(5 * 1024 * 1024)}"`, {}), 413);
    assert.equal(await status('{}', { origin: 'http://evil.example' }), 403);
    assert.equal(await status('{"jsonrpc":"2.0","id":1,"method":"ping"}', { 'mcp-session-id': 'unknown' }), 404);
  });

  test('P2: an approved call whose session its server has lost is sent in a new one, once', async () => {
    const { session } = await initialize('lost');
    const open = post(call('lost'), inSession(session));
    const { id } = await gateway.pending('create_key', { name: 'lost' });
    upstream.forgetSessions();
    upstream.behave = () => saying('after all');
    await decide(id);
    assert.match(await (await open).text(), /after all/);
    assert.equal((await gateway.approval(id)).state, 'succeeded');
    assert.equal(upstream.count('create_key', { name: 'lost' }), 1);
  });
});
