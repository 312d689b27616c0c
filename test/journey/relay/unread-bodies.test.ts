import assert from 'node:assert/strict';
import { type ClientRequest, request } from 'node:http';
import { describe, it } from 'node:test';
import { httpUpstream } from '../../../src/mcp/upstream/http.ts';
import { wire } from '../../support/agent/wire.ts';
import { servedDoor } from '../../support/relay/served-door.ts';
import { AS_ALICE, AS_BOB, CALL, json } from '../../support/relay/world.ts';
import { recordingUpstream } from '../../support/upstream/recording.ts';

const LONGEST = 4 * 1024 * 1024;
/** Bodies of this length for which one grant has room. */
const ROOM = 8;
const [START, REST] = ['{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"', '"}}'];

/** Sends a body but for its last bytes. */
class Unfinished {
  readonly answered: Promise<number>;
  readonly #request: ClientRequest;

  constructor(url: string) {
    const answered = Promise.withResolvers<number>();
    this.answered = answered.promise;
    this.answered.catch(() => undefined);
    const headers = { ...AS_ALICE, 'content-length': LONGEST };
    this.#request = request(url, { method: 'POST', agent: false, headers }, (answer) => {
      answer.resume().on('end', () => answered.resolve(answer.statusCode ?? 0));
    });
    this.#request.on('error', answered.reject);
    this.#request.write(START + 'x'.repeat(LONGEST - START.length - REST.length));
  }

  finish(): void {
    this.#request.end(REST);
  }

  leave(): void {
    this.#request.destroy();
  }
}

describe('P5: bodies that never end', () => {
  it('take a bounded room of their own grant, and keep neither its small ones nor other grants waiting', async () => {
    await using upstream = await recordingUpstream();
    upstream.script = json('{"jsonrpc":"2.0","id":1,"result":{}}');
    const entry = { headers: {}, isHidden: () => false, inspectsLists: false };
    const server = { ...entry, name: 'echo', upstream: httpUpstream({ url: upstream.url }) };
    await using door = await servedDoor([server], { maxBody: LONGEST });
    const url = door.url('echo');
    const open = Array.from({ length: ROOM }, () => new Unfinished(url));
    const waiting = new Unfinished(url);
    const small = await wire({ url, headers: AS_ALICE, body: CALL });
    assert.equal(small.status, 200);
    const long = `${START}${'x'.repeat(100_000)}${REST}`;
    assert.equal((await wire({ url, headers: AS_BOB, body: long })).status, 200);
    waiting.finish();
    const late = await Promise.race([waiting.answered, wire({ url, headers: AS_BOB, body: long }).then(() => 'waits')]);
    assert.equal(late, 'waits');
    open[0]!.finish();
    assert.deepEqual(await Promise.all([open[0]!.answered, waiting.answered]), [200, 200]);
    open[1]!.leave();
    assert.equal((await wire({ url, headers: AS_ALICE, body: long })).status, 200, 'the room of one that left is free');
    for (const body of open.slice(2)) body.finish();
    for (const body of open.slice(2)) assert.equal(await body.answered, 200);
  });
});
