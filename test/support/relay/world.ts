import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { httpUpstream } from '../../../src/mcp/upstream/http.ts';
import { type WireAnswer, wire } from '../agent/wire.ts';
import { freePort } from '../port.ts';
import { type Recorded, type RecordingUpstream, recordingUpstream, type Script } from '../upstream/recording.ts';
import { memoryBindings, OPEN_CALLS, type ServedDoor, servedDoor } from './served-door.ts';

export const JSON_POST = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
export const AS_ALICE = { ...JSON_POST, authorization: 'Bearer alice' };
export const AS_BOB = { ...JSON_POST, authorization: 'Bearer bob' };
export const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
export const INITIALIZE = '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}';
export const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}';

export const json = (text: string, status = 200, headers: Record<string, string | string[]> = {}): Script => {
  return (_, response) => void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
};

/** The agents' door before one recording upstream, which it knows as `echo`, `private` and `hiding`; `gone` is not there. */
export interface RelayWorld {
  readonly upstream: RecordingUpstream;
  readonly door: ServedDoor;
  /** What decides on calls, and what keeps sessions; a test may replace their methods until the next `reset`. */
  readonly calls: typeof OPEN_CALLS;
  readonly store: ReturnType<typeof memoryBindings>;
  /** Alice's POST. */
  post(body: string, headers?: Record<string, string>, server?: string): Promise<WireAnswer>;
  /** The request that reached the upstream last. */
  last(): Recorded;
  /** A session that the upstream hands out; its id. */
  initialize(): Promise<string>;
  /** Before each test: nothing was received, every call is allowed, and the upstream answers an empty result. */
  reset(): void;
  close(): Promise<void>;
}

export async function relayWorld(): Promise<RelayWorld> {
  const upstream = await recordingUpstream();
  const calls = { ...OPEN_CALLS };
  const store = { ...memoryBindings() };
  const entry = {
    upstream: httpUpstream({ url: upstream.url }),
    headers: { Authorization: 'Bearer upstream-secret', 'X-Tenant': 'seven' },
    isHidden: () => false,
    inspectsLists: false,
  };
  const gone = httpUpstream({ url: `http://127.0.0.1:${await freePort()}/mcp` });
  const isHidden = (tool: string) => tool.startsWith('delete_');
  const hiding = {
    ...entry,
    name: 'hiding',
    upstream: httpUpstream({ url: upstream.url }),
    isHidden,
    inspectsLists: true,
  };
  const servers = [
    { ...entry, name: 'echo' },
    { ...entry, name: 'private' },
    hiding,
    { ...entry, name: 'gone', upstream: gone },
  ];
  const door = await servedDoor(servers, { calls, store });
  return {
    upstream,
    door,
    calls,
    store,
    post: (body, headers = {}, server = 'echo') =>
      wire({ url: door.url(server), headers: { ...AS_ALICE, ...headers }, body }),
    last: () => upstream.requests.at(-1)!,
    initialize: async () => {
      const script = upstream.script;
      const session = randomUUID();
      upstream.script = json('{"jsonrpc":"2.0","id":0,"result":{}}', 200, { 'mcp-session-id': session });
      const answer = await wire({ url: door.url('echo'), headers: AS_ALICE, body: INITIALIZE });
      assert.equal(answer.headers['mcp-session-id'], session);
      upstream.script = script;
      return session;
    },
    reset: () => {
      upstream.requests.length = 0;
      upstream.script = json('{"jsonrpc":"2.0","id":1,"result":{}}');
      Object.assign(calls, OPEN_CALLS);
      Object.assign(store, memoryBindings());
    },
    close: async () => {
      await door[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}
