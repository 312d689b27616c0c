import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { stdioUpstream } from '../../../src/mcp/stdio/upstream.ts';
import type { Upstream } from '../../../src/ports.ts';
import { quiet } from '../../support/log.ts';
import { type ServedDoor, servedDoor } from '../../support/relay/served-door.ts';

/** A stdio server that lives for 600 ms after a request of this method. */
const DYING = (method: string): string => `
  let rest = '';
  process.stdin.on('data', (chunk) => {
    rest += chunk;
    for (let end = rest.indexOf('\\n'); end !== -1; end = rest.indexOf('\\n')) {
      const { id, method, params } = JSON.parse(rest.slice(0, end));
      rest = rest.slice(end + 1);
      if (method === '${method}') return void setTimeout(() => process.exit(3), 600);
      if (method !== 'initialize') continue;
      const result = { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'd', version: '1' } };
      process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
    }
  });`;

const RESPONSE = '{"jsonrpc":"2.0","id":7,"result":{}}';
const NOTICE = 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"n":1.50}}\n\n';
const META =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}';

/** What the server sends before its stream ends or breaks off, and whether a last message is told. */
const STREAMS: [what: string, sent: string[], told: boolean][] = [
  ['nothing', [], true],
  ['a comment', [': here\n\n'], true],
  ['a notice', [NOTICE], true],
  ['a half event', [NOTICE, 'data: {"jsonrpc":"2.0","id":7,"res'], true],
  ['a response to another request', [`data: ${RESPONSE.replace('7', '8')}\n\n`], true],
  ['a request with this id', [`data: {"jsonrpc":"2.0","id":7,"method":"roots/list"}\n\n`], true],
  ['the response', [NOTICE, `data: ${RESPONSE}\n\n`], false],
  ['the response in pieces', ['data: {"jsonrpc":"2.0","id":7,', '"result":{}}\n', '\n'], false],
  ['an event id, so that the client resumes it', ['id: 1\ndata: \n\n', NOTICE], false],
];

/** How this runtime's answers leave: through a `Response`, or written to the socket. */
const RUNTIMES = [
  ['', {}],
  [', written to the socket', { alreadySent: RESPONSE_ALREADY_SENT }],
] as const;

for (const [how, runtime] of RUNTIMES)
  describe(`an answer that ends without its response${how}`, () => {
    let door: ServedDoor;
    let sent: readonly string[] = [];
    let breaks = false;
    /** The stream ends once the client has read this far. */
    let mayEnd = Promise.withResolvers<void>();
    let whole = '';
    const scripted: Upstream = {
      kind: 'http',
      exchange: async () => {
        const chunks = sent.map((text) => new TextEncoder().encode(text));
        let at = 0;
        const body = new ReadableStream<Uint8Array>({
          async pull(out) {
            const chunk = chunks[at++];
            if (chunk !== undefined) return out.enqueue(chunk);
            await mayEnd.promise;
            if (breaks) out.error(Object.assign(new Error('ECONNRESET'), { code: 'ERR_STREAM_PREMATURE_CLOSE' }));
            else out.close();
          },
        });
        return { kind: 'answer', status: 200, headers: [['content-type', 'Text/Event-Stream']], body };
      },
      close: async () => undefined,
    };
    before(async () => {
      const entry = { headers: {}, isHidden: () => false, inspectsLists: false };
      const dying = (method: string): Upstream =>
        stdioUpstream({
          program: () => ({ command: [process.execPath, '-e', DYING(method)], env: {} }),
          clock: { now: () => new Date() },
          log: quiet,
        });
      door = await servedDoor(
        [
          { ...entry, name: 'scripted', upstream: scripted },
          { ...entry, name: 'dies-at-initialize', upstream: dying('initialize') },
          { ...entry, name: 'dies-at-call', upstream: dying('tools/call') },
        ],
        runtime,
      );
    });
    after(() => door[Symbol.asyncDispose]());

    async function post(body: string, headers: Record<string, string> = {}): Promise<{ text: string; broke: boolean }> {
      const response = await fetch(door.url('scripted'), {
        method: 'POST',
        body,
        headers: {
          authorization: 'Bearer alice',
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...headers,
        },
      });
      let text = '';
      const note = (): void => (text.startsWith(whole) ? mayEnd.resolve() : undefined);
      try {
        note();
        for await (const chunk of response.body!) {
          text += new TextDecoder().decode(chunk as Uint8Array);
          note();
        }
        return { text, broke: false };
      } catch {
        return { text, broke: true };
      }
    }

    for (const [what, events, told] of STREAMS) {
      for (const how of ['ends', 'breaks off']) {
        test(`that ${how} after ${what}`, async () => {
          [sent, breaks, mayEnd] = [events, how === 'breaks off', Promise.withResolvers<void>()];
          whole = events.filter((event) => !event.includes('"res') || event.endsWith('\n\n') || !told).join('');
          const { text, broke } = await post('{"jsonrpc":"2.0","id":7,"method":"tools/list"}');
          const isResumed = whole.startsWith('id:');
          if (!told) return assert.deepEqual([text, broke], [whole, breaks && isResumed], 'as it came');
          assert.ok(text.startsWith(whole), text);
          assert.equal(broke, false);
          const last = JSON.parse(/^event: message\ndata: (.*)\n\n$/.exec(text.slice(whole.length))![1]!);
          assert.deepEqual([last.id, last.error.code], [7, 502]);
          assert.match(
            last.error.message,
            /broke before its answer was complete .*tools\/list changes nothing, so it is safe to try again/,
          );
        });
      }
    }

    for (const [era, params, headers] of [
      ['legacy', '"name":"a"', {}],
      [
        'modern',
        `"name":"a",${META}`,
        { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'a' },
      ],
    ] as const) {
      test(`is told as a result to a tool call, ${era}`, async () => {
        [sent, breaks, whole] = [[], true, ''];
        mayEnd.resolve();
        const { text } = await post(`{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{${params}}}`, headers);
        const { id, result } = JSON.parse(text.split('data: ')[1]!);
        assert.deepEqual(
          [id, result.isError, result.resultType],
          ['x', true, era === 'modern' ? 'complete' : undefined],
        );
      });
    }

    const connect = async (server: string): Promise<Client> => {
      const client = new Client({ name: 'c', version: '1' });
      const requestInit = { headers: { authorization: 'Bearer alice' } };
      await client.connect(new StreamableHTTPClientTransport(new URL(door.url(server)), { requestInit }) as never);
      return client;
    };

    test('a stdio server that dies during initialize is told at once', { timeout: 10_000 }, async () => {
      await assert.rejects(connect('dies-at-initialize'), /process ended before it answered/);
    });

    test('a stdio server that dies during an allowed call is told at once', { timeout: 10_000 }, async () => {
      const client = await connect('dies-at-call');
      const answer = (await client.callTool({ name: 'a' })) as { isError?: boolean; content: { text: string }[] };
      assert.equal(answer.isError, true);
      assert.match(answer.content[0]!.text, /process ended before it answered/);
      await client.close();
    });
  });
