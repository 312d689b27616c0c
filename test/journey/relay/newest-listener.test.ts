import assert from 'node:assert/strict';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { NewestListeners } from '../../../src/mcp/door/newest-listener.ts';
import { httpUpstream } from '../../../src/mcp/upstream/http.ts';
import { type ServedDoor, servedDoor } from '../../support/relay/served-door.ts';
import { eventually } from '../../support/wait.ts';

describe('a second GET of one session', () => {
  let server: Server;
  let door: ServedDoor;
  /** The open stream of each session, as the official servers keep it: one, and 409 for another. */
  const open = new Map<string, ServerResponse>();
  let gets = 0;
  let sessions = 0;

  before(async () => {
    server = createServer((request, response) => {
      const session = String(request.headers['mcp-session-id'] ?? '');
      if (request.method === 'POST') {
        request.resume();
        const headers = { 'content-type': 'application/json', 'mcp-session-id': session || `s${++sessions}` };
        response.writeHead(200, headers).end('{"jsonrpc":"2.0","id":1,"result":{}}');
        return;
      }
      gets += 1;
      if (open.has(session)) return void response.writeHead(409).end();
      open.set(session, response);
      response.once('close', () => open.delete(session));
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`: ${gets}\n\n`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const entry = { name: 'tools', headers: {}, isHidden: () => false, inspectsLists: false };
    door = await servedDoor([{ ...entry, upstream: httpUpstream({ url }) }]);
  });
  after(async () => {
    await door[Symbol.asyncDispose]();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const headersOf = (session?: string): Record<string, string> => ({
    authorization: 'Bearer alice',
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    ...(session === undefined ? {} : { 'mcp-session-id': session }),
  });
  async function begin(): Promise<string> {
    const body = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}';
    const response = await fetch(door.url('tools'), { method: 'POST', headers: headersOf(), body });
    await response.text();
    return response.headers.get('mcp-session-id')!;
  }
  const listen = (session: string): Promise<Response> => fetch(door.url('tools'), { headers: headersOf(session) });
  const read = (response: Response) => response.body!.getReader();

  test('takes over, and hears what the server asks', async () => {
    const session = await begin();
    const first = read(await listen(session));
    await first.read();
    const answer = await listen(session);
    assert.equal(answer.status, 200);
    const second = read(answer);
    await second.read();
    await assert.rejects(async () => {
      while (!(await first.read()).done);
    });
    open.get(session)!.write('data: {"jsonrpc":"2.0","id":1,"method":"roots/list"}\n\n');
    assert.match(new TextDecoder().decode((await second.read()).value), /roots\/list/);
    await second.cancel();
    await eventually('the server knows', () => (open.has(session) ? null : true));
  });

  test('of another session does not', async () => {
    const [one, two] = [await begin(), await begin()];
    const streams = [read(await listen(one)), read(await listen(two))];
    for (const stream of streams) await stream.read();
    for (const [at, session] of [one, two].entries()) {
      open.get(session)!.write(`data: ${session}\n\n`);
      assert.equal(new TextDecoder().decode((await streams[at]!.read()).value), `data: ${session}\n\n`);
    }
    for (const stream of streams) await stream.cancel();
  });

  test('leaves nothing behind', () => {
    const listeners = new NewestListeners();
    const never = { onEnd: () => () => undefined };
    const [first, second] = [listeners.take('s', never), listeners.take('t', never)];
    const ended: string[] = [];
    const forget = first.until.onEnd(() => ended.push('first'));
    const forgetSecond = second.until.onEnd(() => ended.push('second'));
    const newest = listeners.take('s', never);
    assert.deepEqual([ended, newest.tookOver], [['first'], true]);
    const forgetNewest = newest.until.onEnd(() => ended.push('newest'));
    forget();
    assert.equal(listeners.size, 2, 'the older one does not take the newest away');
    for (const each of [forgetSecond, forgetNewest]) each();
    assert.equal(listeners.size, 0);
    first.until.onEnd(() => ended.push('too late'))();
    assert.deepEqual(ended, ['first', 'too late']);
  });
});
