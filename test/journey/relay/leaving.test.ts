import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { request as httpRequest } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { open, readUntil, wire } from '../../support/agent/wire.ts';
import { AS_ALICE, CALL, json, PING, type RelayWorld, relayWorld } from '../../support/relay/world.ts';
import { until } from '../../support/wait.ts';

const SSE = { 'content-type': 'text/event-stream' };

describe('an agent that leaves', () => {
  let world: RelayWorld;
  let url: string;
  /** Answers of the upstream that are under way. */
  const running = new Set<ServerResponse>();
  const closed = (what: string) => until(what, () => running.size === 0, 2_000);
  /** The upstream does this, and what it leaves open is counted. */
  const upstreamDoes = (answer: (response: ServerResponse) => void): void => {
    world.upstream.script = (_, response) => {
      running.add(response);
      response.once('close', () => running.delete(response));
      answer(response);
    };
  };
  const streaming = (response: ServerResponse): void => void response.writeHead(200, SSE).write(': hello\n\n');

  before(async () => {
    world = await relayWorld();
    url = world.door.url('echo');
  });
  beforeEach(() => {
    world.reset();
    running.clear();
  });
  after(() => world.close());

  test('P9: HEAD is refused with what is allowed, and opens nothing at the server', async () => {
    upstreamDoes(streaming);
    for (const server of ['echo', 'hiding', 'unknown']) {
      const { incoming } = await open({ url: world.door.url(server), method: 'HEAD', headers: AS_ALICE });
      assert.deepEqual([incoming.statusCode, incoming.headers.allow], [405, 'POST, GET, DELETE']);
      incoming.resume();
    }
    assert.equal(world.upstream.requests.length, 0);
  });

  test('P9: a GET that is given up before the server answered is given up there too', async () => {
    for (const server of ['echo', 'hiding']) {
      upstreamDoes(() => undefined);
      const outgoing = httpRequest(world.door.url(server), { method: 'GET', headers: AS_ALICE, agent: false });
      outgoing.on('error', () => undefined);
      outgoing.end();
      await until('it reached the server', () => running.size === 1);
      outgoing.destroy();
      await closed(`${server}: given up at the server`);
    }
  });

  test('P9: a GET that is left half read closes the server’s stream, also where the server writes on', async () => {
    for (const server of ['echo', 'hiding']) {
      upstreamDoes((response) => {
        streaming(response);
        const more = setInterval(() => response.write(`data: ${'x'.repeat(1_000)}\n\n`), 20);
        response.once('close', () => clearInterval(more));
      });
      const { incoming, hangUp } = await open({ url: world.door.url(server), method: 'GET', headers: AS_ALICE });
      await readUntil(incoming, (text) => text.includes('data: xxx'));
      hangUp();
      await closed(`${server}: closed at the server`);
    }
  });

  test('P9: a GET whose answer begins as its agent goes leaves nothing open', async () => {
    for (let round = 0; round < 20; round += 1) {
      upstreamDoes((response) => setTimeout(() => response.destroyed || streaming(response), round));
      const outgoing = httpRequest(url, { method: 'GET', headers: AS_ALICE, agent: false });
      outgoing.on('error', () => undefined);
      outgoing.end();
      await until('it reached the server', () => running.size === 1);
      setTimeout(() => outgoing.destroy(), 10);
      await closed(`round ${round}`);
    }
  });

  test('P9: a call that its agent left is read to its end, and no more than 64 of a grant at a time', async () => {
    upstreamDoes(streaming);
    for (let n = 1; n <= 70; n += 1) {
      const { incoming, hangUp } = await open({ url, headers: AS_ALICE, body: CALL });
      await readUntil(incoming, (text) => text.includes('hello'));
      hangUp();
    }
    await until('the oldest are broken off', () => running.size === 64, 3_000);
    world.reset();
    assert.equal((await world.post(PING)).status, 200);
    for (const response of running) response.end();
    await closed('the others ended by themselves');
    world.upstream.script = json('{"jsonrpc":"2.0","id":1,"result":{}}');
    assert.equal((await wire({ url, headers: AS_ALICE, body: PING })).status, 200);
  });
});
