import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { open, wire } from '../../support/agent/wire.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { lives, RAW_CHILD } from '../../support/stdio/world.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type RecordingUpstream, recordingUpstream } from '../../support/upstream/recording.ts';
import { until } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  gated: { action: require_approval }
`;
/** Milliseconds within which everything of a grant must be gone. */
const GONE_MS = 2_000;

const skip = skipWithoutBacking('redis and postgres');

describe('lives that end', { skip }, () => {
  let backing: Backing;
  let databaseUrl: string;
  let upstream: RecordingUpstream;
  let house: House;
  let gateways: GatewayProcess[];
  /** Streams that are open at the upstream. */
  let streaming = 0;

  const headersOf = (grant: string, more: Record<string, string> = {}) => ({
    authorization: `Bearer ${house.tokens[grant]}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...more,
  });
  const rpc = (method: string, params: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const initialize = rpc('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'raw', version: '1' },
  });
  const session = async (gateway: GatewayProcess, grant: string, server: string) => {
    const answer = await wire({ url: `${gateway.url}/mcp/${server}`, headers: headersOf(grant), body: initialize });
    assert.equal(answer.status, 200, answer.text);
    return { pid: Number(/"pid":(\d+)/.exec(answer.text)?.[1]), id: String(answer.headers['mcp-session-id']) };
  };

  /** One of each kind of stream, at this gateway: what says that all of them have ended. */
  async function openAll(gateway: GatewayProcess, grant: string) {
    const ended: Record<string, boolean> = {};
    const watch = (name: string, incoming: IncomingMessage): void => {
      ended[name] = false;
      incoming.on('error', () => undefined);
      incoming.once('close', () => {
        ended[name] = true;
      });
      incoming.resume();
    };
    const { id } = await session(gateway, grant, 'http');
    const own = headersOf(grant, { 'mcp-session-id': id });
    const url = `${gateway.url}/mcp/http`;
    const progress = { _meta: { progressToken: 'p' } };
    watch('GET', (await open({ url, method: 'GET', headers: own })).incoming);
    watch(
      'relayed',
      (await open({ url, headers: own, body: rpc('tools/call', { name: 'endless', arguments: {} }) })).incoming,
    );
    watch(
      'held',
      (
        await open({
          url,
          headers: own,
          body: rpc('tools/call', { name: 'gated', arguments: { grant, at: gateway.url }, ...progress }),
        })
      ).incoming,
    );
    const child = await session(gateway, grant, 'stdio');
    const toChild = headersOf(grant, { 'mcp-session-id': child.id });
    watch(
      'GET of a child',
      (await open({ url: `${gateway.url}/mcp/stdio`, method: 'GET', headers: toChild })).incoming,
    );
    return { ended, pid: child.pid, all: () => Object.values(ended).every(Boolean) && !lives(child.pid) };
  }

  const config = () => join(house.folder, 'holdfast.yaml');
  const reload = (change: (text: string) => string): void => {
    const text = readFileSync(config(), 'utf8');
    const changed = change(text);
    assert.notEqual(changed, text);
    writeFileSync(config(), changed);
    for (const { pid } of gateways) process.kill(pid, 'SIGHUP');
  };
  const digestOf = (grant: string) => createHash('sha256').update(house.tokens[grant]!).digest('hex');

  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), recordingUpstream()]);
    databaseUrl = await backing.database();
    upstream.script = ({ method, body }, response) => {
      if (method === 'GET' || body.includes('"endless"')) {
        streaming += 1;
        response.once('close', () => {
          streaming -= 1;
        });
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n');
        return;
      }
      const opens = body.includes('"initialize"') ? { 'mcp-session-id': randomUUID() } : {};
      response.writeHead(200, { 'content-type': 'application/json', ...opens });
      response.end('{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{}}}');
    };
    house = await openHouse({
      servers: {
        http: { at: `url: "${upstream.url}"`, policy: POLICY },
        stdio: { at: `command: ["${process.execPath}", "${RAW_CHILD}", stubborn]`, policy: POLICY },
      },
      grants: ['revoked', 'expired', 'unbound', 'rotated', 'removed', 'untouched'],
      databaseUrl,
      redisUrl: backing.redis!.url,
    });
    gateways = await Promise.all([house.start(), house.start()]);
  });
  after(async () => {
    await house?.close();
    await upstream[Symbol.asyncDispose]();
    await backing.stop();
  });

  const ENDINGS: Record<string, (grant: string) => Promise<void> | void> = {
    revoked: async (grant) => {
      const { url } = gateways[0]!;
      const signIn = {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin: url },
        body: new URLSearchParams({ token: house.adminToken, next: '/' }).toString(),
        redirect: 'manual',
      } as const;
      const cookie = (await fetch(`${url}/login`, signIn)).headers.get('set-cookie')!.split(';')[0]!;
      const revoked = await fetch(`${url}/console/revoke`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: url, cookie },
        body: JSON.stringify({ grant, reason: 'left' }),
      });
      assert.equal(revoked.status, 200);
    },
    expired: (grant) =>
      reload((text) =>
        text.replace(
          new RegExp(`(name: ${grant}\n)`),
          `$1    expires: ${new Date(Date.now() - 1_000).toISOString()}\n`,
        ),
      ),
    unbound: (grant) =>
      reload((text) =>
        text
          .replace(new RegExp(`(name: ${grant}\n[^-]*?servers: )\\[http, stdio\\]`), '$1[house]')
          .replace('servers:\n', `servers:\n  house: { url: "${upstream.url}", policy: http.yaml }\n`),
      ),
    rotated: (grant) =>
      reload((text) => text.replace(digestOf(grant), createHash('sha256').update('another').digest('hex'))),
    removed: (grant) => reload((text) => text.replace(new RegExp(`  - name: ${grant}\n(    .*\n)+`), '')),
  };
  for (const [grant, end] of Object.entries(ENDINGS)) {
    test(`P1: what a grant has open is gone within 2 s on every replica once it is ${grant}, on both sides; others' stays`, async () => {
      const before = streaming;
      const others = await Promise.all(gateways.map((gateway) => openAll(gateway, 'untouched')));
      const opened = await Promise.all(gateways.map((gateway) => openAll(gateway, grant)));
      await until('all stream', () => streaming === before + 8);
      await end(grant);
      const since = performance.now();
      // A token that another replaced leaves the grant, and with it the children, as they are.
      const gone = (one: (typeof opened)[number]) =>
        grant === 'rotated' ? Object.values(one.ended).every(Boolean) : one.all();
      await until(
        `gone: ${JSON.stringify(opened)}`,
        () => opened.every(gone) && streaming === before + 4,
        GONE_MS + 3_000,
      );
      const took = performance.now() - since;
      assert.ok(took < GONE_MS + 500, `${Math.round(took)} ms`);
      for (const one of others) assert.deepEqual(new Set(Object.values(one.ended)), new Set([false]));
      const again = await wire({ url: `${gateways[0]!.url}/mcp/http`, headers: headersOf(grant), body: initialize });
      assert.ok([401, 403].includes(again.status), `${again.status}`);
      if (grant !== 'revoked') return;
      await until(
        'its questions are withdrawn',
        async () => {
          const asked = (await gateways[1]!.approvals()).filter((one) => one.arguments.grant === grant);
          return (
            asked.length === 2 &&
            asked.every(({ state, note }) => state === 'withdrawn' && note === 'the grant was revoked')
          );
        },
        10_000,
      );
    });
  }
});
