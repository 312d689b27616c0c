import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { MessageBacklog } from '../../../src/mcp/stdio/backlog.ts';
import { LineCutter } from '../../../src/mcp/stdio/lines.ts';
import { type StdioOptions, stdioUpstream } from '../../../src/mcp/stdio/upstream.ts';
import type { Exchange, ExchangeAnswer, Upstream } from '../../../src/ports.ts';

/** A child that says exactly the bytes it is told to, and repeats exactly the lines it heard. */
const RAW_CHILD = `
let rest = Buffer.alloc(0);
const heard = [];
const reply = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
process.stdin.on('data', (chunk) => {
  rest = Buffer.concat([rest, chunk]);
  for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
    const line = rest.subarray(0, end);
    rest = rest.subarray(end + 1);
    heard.push(line.toString('base64'));
    const { id, method, params } = JSON.parse(line.toString());
    if (method === 'initialize') reply(id, { protocolVersion: params.protocolVersion, capabilities: {}, pid: process.pid });
    if (method === 'ping') reply(id, {});
    if (method === 'heard') reply(id, { heard });
    if (method === 'env') reply(id, { env: process.env, cwd: process.cwd() });
    if (method === 'flood') for (let n = 0; n < params.times; n++) process.stdout.write(params.line + '\\n');
    if (method === 'say' || method === 'notifications/say') process.stdout.write(Buffer.from(params.bytes, 'base64'));
    if (method === 'die') process.exit(3);
  }
});
if (process.argv[2] === 'stubborn') setInterval(() => {}, 1000);
process.stderr.write('a secret that stays here');
`;

const everything = ['node_modules/.bin/mcp-server-everything', 'stdio'];
const lines: string[] = [];
const note = (fields: object, message: string) => lines.push(`${message} ${JSON.stringify(fields)}`);
const opened: Upstream[] = [];
let home = '';
let rawChild = '';

before(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'stdio-')));
  rawChild = join(home, 'raw-child.cjs');
  await writeFile(rawChild, RAW_CHILD);
});

after(async () => {
  await Promise.all(opened.map((upstream) => upstream.close()));
  await rm(home, { recursive: true });
});

function upstreamOf(options: Partial<StdioOptions> = {}): Upstream {
  const upstream = stdioUpstream({
    command: [process.execPath, rawChild],
    inherited: process.env,
    clock: { now: () => new Date() },
    log: { info: note, warn: note, error: note },
    ...options,
  });
  opened.push(upstream);
  return upstream;
}

const BOTH = 'application/json, text/event-stream';
type Answered = Extract<ExchangeAnswer, { kind: 'answer' }>;

function exchange(
  upstream: Upstream,
  what: Partial<Exchange> & { text?: string; session?: string },
): Promise<ExchangeAnswer> {
  const { text, session, headers, ...rest } = what;
  const named: Record<string, string> = session === undefined ? {} : { 'mcp-session-id': session };
  return upstream.exchange({
    method: 'POST',
    headers: { accept: BOTH, 'content-type': 'application/json', ...named, ...headers },
    body: text === undefined ? null : Buffer.from(text),
    grant: 'bot',
    ...rest,
  });
}

async function answered(upstream: Upstream, what: Parameters<typeof exchange>[1]): Promise<Answered> {
  const answer = await exchange(upstream, what);
  assert.equal(answer.kind, 'answer', JSON.stringify(answer));
  return answer as Answered;
}

function header(answer: Answered, name: string): string | undefined {
  return answer.headers.find(([each]) => each === name)?.[1];
}

async function bytesOf(answer: Answered): Promise<Buffer> {
  return Buffer.from(await new Response(answer.body as BodyInit | null).arrayBuffer());
}

async function jsonOf(answer: Answered) {
  return JSON.parse((await bytesOf(answer)).toString());
}

const initialize = (id: number | string = 0) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '0' } },
  });

/** A request that makes the child say these bytes. */
function say(id: number, bytes: string | Buffer, more: object = {}): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'say',
    params: { bytes: Buffer.from(bytes).toString('base64'), ...more },
  });
}

async function begin(upstream: Upstream, grant = 'bot'): Promise<{ session: string; pid: number }> {
  const answer = await answered(upstream, { text: initialize(), grant, headers: { accept: 'application/json' } });
  assert.equal(answer.status, 200);
  return { session: header(answer, 'mcp-session-id')!, pid: (await jsonOf(answer)).result.pid };
}

/** Reads a stream until it holds `count` events; each as its data's bytes. */
function eventsOf(answer: Answered) {
  assert.equal(header(answer, 'content-type'), 'text/event-stream');
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  let rest = Buffer.alloc(0);
  return {
    async next(): Promise<string | null> {
      for (;;) {
        const end = rest.indexOf('\n\n');
        if (end !== -1) {
          const event = rest.subarray(0, end).toString();
          rest = rest.subarray(end + 2);
          assert.ok(event.startsWith('event: message\ndata: '), event);
          return event.slice('event: message\ndata: '.length);
        }
        const { done, value } = await reader.read();
        if (done) return null;
        rest = Buffer.concat([rest, value]);
      }
    },
    leave: () => reader.cancel(),
  };
}

/** A dead grandchild may wait for init to notice; it counts as gone. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let n = 0; n < 400; n++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`not within 4 s: ${what}`);
}

test('lines are cut the same however the chunks fall, and one past the cap ends it', () => {
  const bytes = Buffer.from('{"a":1}\r\n\n{"é":2}\n{"rest"');
  for (let size = 1; size <= bytes.length; size++) {
    const cut = new LineCutter(16);
    const heard: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      assert.ok(cut.push(bytes.subarray(at, at + size), (line) => heard.push(Buffer.from(line).toString())));
    }
    assert.deepEqual(heard, ['{"a":1}', '{"é":2}'], `chunks of ${size}`);
  }
  const cut = new LineCutter(16);
  const never = () => assert.fail('no line was finished');
  assert.ok(cut.push(Buffer.alloc(16, 'x'), never));
  assert.ok(!cut.push(Buffer.from('x'), never));
});

test('what nobody hears is kept within bounds, the server’s own requests longest', () => {
  const backlog = new MessageBacklog();
  assert.equal(backlog.add(Buffer.from('request'), true), 0);
  const dropped = Array.from({ length: 300 }, (_, n) => backlog.add(Buffer.from(`notification ${n}`), false));
  assert.equal(
    dropped.reduce((sum, each) => sum + each, 0),
    45,
  );
  const kept = backlog.take().map((line) => Buffer.from(line).toString());
  assert.deepEqual([kept.length, kept[0], kept[1]], [256, 'request', 'notification 45']);
  backlog.add(Buffer.from('small'), false);
  assert.equal(backlog.add(Buffer.alloc(1024 * 1024), true), 1, 'a full mebibyte leaves room for nothing else');
  assert.equal(backlog.take().length, 1);
  assert.equal(backlog.take().length, 0);
});

test('P9: what the child says reaches the client with its own bytes', async () => {
  // On a busy machine the answer may take its time; here it is to come whole.
  const upstream = upstreamOf({ headersAfterMs: 20_000 });
  const { session } = await begin(upstream);
  const odd =
    '{ "result" :{"n":12345678901234567890,"f":1.0e+2, "s":"\\u00e9 é 漢 \u2028"} ,\t"id":1,"jsonrpc":"2.0" }';
  const answer = await answered(upstream, { session, text: say(1, `${odd}\r\n`) });
  assert.equal(header(answer, 'content-type'), 'application/json');
  assert.equal((await bytesOf(answer)).toString(), odd);

  const notice = '{"jsonrpc":"2.0",  "method":"notifications/message","params":{"n":9007199254740993}}';
  const events = eventsOf(
    await answered(upstream, { session, text: say(1, `${notice}\n${odd.replace('\t', '\r')}\n`) }),
  );
  assert.equal(await events.next(), notice);
  assert.equal(await events.next(), odd.replace('\t', ' '), 'a raw carriage return would end the event');
  assert.equal(await events.next(), null);
});

test('P9: what the client says reaches the child as one line with its own bytes', async () => {
  const upstream = upstreamOf();
  const { session } = await begin(upstream);
  const text =
    '{"jsonrpc":"2.0",\r\n  "id" : "a",\n"method":"ping","params":{"n":12345678901234567890,"s":"\\n é \u2028"}}\n';
  await answered(upstream, { session, text });
  const { result } = await jsonOf(
    await answered(upstream, { session, text: '{"jsonrpc":"2.0","id":2,"method":"heard"}' }),
  );
  assert.equal(Buffer.from(result.heard[1], 'base64').toString(), text.replaceAll(/[\r\n]/g, ' '));
});

test('a client that accepts only JSON gets JSON, and what was said before goes elsewhere', async () => {
  const upstream = upstreamOf();
  const { session } = await begin(upstream);
  const notice = '{"jsonrpc":"2.0","method":"notifications/message","params":{}}';
  const response = '{"jsonrpc":"2.0","id":1,"result":{}}';
  const headers = { accept: 'application/json' };
  const answer = await answered(upstream, { session, headers, text: say(1, `${notice}\n${response}\n`) });
  assert.equal((await bytesOf(answer)).toString(), response);
  const listening = eventsOf(await answered(upstream, { session, method: 'GET' }));
  assert.equal(await listening.next(), notice);
  await listening.leave();
});

test('a slow answer gets its headers early and comes as an event', async () => {
  const upstream = upstreamOf();
  const { session } = await begin(upstream);
  const events = eventsOf(await answered(upstream, { session, text: say(1, '') }));
  const response = '{"jsonrpc":"2.0","id":1,"result":{"late":true}}';
  await answered(upstream, { session, text: say(2, `{"jsonrpc":"2.0","id":2,"result":{}}\n${response}\n`) });
  assert.equal(await events.next(), response);
  assert.equal(await events.next(), null);
});

test('progress goes to the POST whose token it carries, and 1 is not "1"', async () => {
  const upstream = upstreamOf();
  const { session } = await begin(upstream);
  const progress = (token: string) =>
    `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":1}}`;
  const first = eventsOf(await answered(upstream, { session, text: say(1, '', { _meta: { progressToken: 1 } }) }));
  const second = eventsOf(await answered(upstream, { session, text: say(2, '', { _meta: { progressToken: '1' } }) }));
  const told = [
    progress('"1"'),
    progress('1'),
    '{"jsonrpc":"2.0","id":"1","result":{}}',
    '{"jsonrpc":"2.0","id":2,"result":{}}',
  ];
  const tell = `${told.join('\n')}\n{"jsonrpc":"2.0","id":1,"result":{}}\n{"jsonrpc":"2.0","id":3,"result":{}}\n`;
  assert.equal((await answered(upstream, { session, text: say(3, tell) })).status, 200);
  assert.equal(await first.next(), progress('1'));
  assert.equal(await first.next(), '{"jsonrpc":"2.0","id":1,"result":{}}');
  assert.equal(await second.next(), progress('"1"'));
  assert.equal(await second.next(), '{"jsonrpc":"2.0","id":2,"result":{}}');
});

test('a request of the server goes to the listener, else along with a POST, else waits for a listener', async () => {
  const upstream = upstreamOf();
  const { session } = await begin(upstream);
  const asks = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"elicitation/create","params":{}}`;
  const done = (id: number) => `{"jsonrpc":"2.0","id":${id},"result":{}}`;

  const along = eventsOf(await answered(upstream, { session, text: say(1, `${asks(70)}\n`) }));
  assert.equal(await along.next(), asks(70));
  const reply = '{"jsonrpc":"2.0", "id":70,"result":{"action":"accept"}}';
  const accepted = await answered(upstream, { session, text: reply });
  assert.deepEqual([accepted.status, accepted.body], [202, null]);
  await answered(upstream, { session, text: say(2, `${done(1)}\n${done(2)}\n`) });
  assert.equal(await along.next(), done(1));

  const told = {
    jsonrpc: '2.0',
    method: 'notifications/say',
    params: { bytes: Buffer.from(`${asks(71)}\n`).toString('base64') },
  };
  assert.equal((await answered(upstream, { session, text: JSON.stringify(told) })).status, 202);
  // The child answers in order: when this is back, 71 was heard while nobody listened.
  await answered(upstream, { session, headers: { accept: 'application/json' }, text: say(3, `${done(3)}\n`) });
  const listening = eventsOf(await answered(upstream, { session, method: 'GET' }));
  assert.equal(await listening.next(), asks(71));
  assert.equal((await answered(upstream, { session, method: 'GET' })).status, 409);
  const plain = await answered(upstream, { session, text: say(4, `${asks(72)}\n${done(4)}\n`) });
  assert.equal((await bytesOf(plain)).toString(), done(4));
  assert.equal(await listening.next(), asks(72));

  const { result } = await jsonOf(
    await answered(upstream, { session, text: '{"jsonrpc":"2.0","id":9,"method":"heard"}' }),
  );
  assert.ok(result.heard.some((line: string) => Buffer.from(line, 'base64').toString() === reply));
  await listening.leave();
  assert.equal((await answered(upstream, { session, method: 'GET' })).status, 200, 'a listener that left makes room');
});

test('a client that never listens gets what was kept along with its next POST', async () => {
  const upstream = upstreamOf();
  const { session } = await begin(upstream);
  const asks = '{"jsonrpc":"2.0","id":70,"method":"roots/list"}';
  const headers = { accept: 'application/json' };
  await answered(upstream, { session, headers, text: say(1, `${asks}\n{"jsonrpc":"2.0","id":1,"result":{}}\n`) });
  const events = eventsOf(await answered(upstream, { session, text: '{"jsonrpc":"2.0","id":2,"method":"ping"}' }));
  assert.equal(await events.next(), asks);
  assert.equal(await events.next(), '{"jsonrpc":"2.0","id":2,"result":{}}');
});

test('a batch goes to the child as single messages and comes back as one answer', async () => {
  const upstream = upstreamOf();
  const { session } = await begin(upstream);
  const text =
    '[ {"jsonrpc":"2.0","id":"],\\"[","method":"ping"},\n{"jsonrpc":"2.0","method":"notifications/x"}, {"jsonrpc":"2.0","id":2,"method":"ping"} ]';
  const headers = { accept: 'application/json' };
  const back = await jsonOf(await answered(upstream, { session, headers, text }));
  assert.deepEqual(
    back.map((message: { id: unknown }) => message.id),
    ['],"[', 2],
  );
  const batched = '[{"jsonrpc":"2.0","id":5,"result":{}}, {"jsonrpc":"2.0","method":"notifications/y"}]\n';
  assert.equal((await answered(upstream, { session, text: say(5, batched) })).status, 200);
});

test('refusals speak as a legacy streamable HTTP server does', async () => {
  const upstream = upstreamOf();
  const { session } = await begin(upstream);
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const modern =
    '{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}';
  const table: [string, Parameters<typeof exchange>[1], number, number][] = [
    ['no session', { text: ping }, 400, -32000],
    ['modern', { text: modern }, 400, -32000],
    ['no session to listen to', { method: 'GET' }, 400, -32000],
    ['unknown session', { session: 'nobody', text: ping }, 404, -32001],
    ['another grant', { session, text: ping, grant: 'other' }, 404, -32001],
    ['another grant ends it', { session, method: 'DELETE', grant: 'other' }, 404, -32001],
    ['initialize twice', { session, text: initialize() }, 400, -32600],
    ['initialize in a batch', { text: `[${initialize()}]` }, 400, -32600],
    ['no JSON', { session, text: '{' }, 400, -32700],
    ['no message', { session, text: '{"id":1}' }, 400, -32600],
    ['id null', { session, text: '{"id":null,"method":"ping"}' }, 400, -32600],
    ['revision', { session, text: ping, headers: { 'mcp-protocol-version': '1999-01-01' } }, 400, -32000],
    ['no event stream', { session, method: 'GET', headers: { accept: 'application/json' } }, 406, -32000],
  ];
  for (const [name, what, status, code] of table) {
    const answer = await answered(upstream, what);
    assert.deepEqual([answer.status, (await jsonOf(answer)).error.code], [status, code], name);
  }
  const pending = await answered(upstream, { session, text: say(7, '') });
  assert.equal((await answered(upstream, { session, text: say(7, '') })).status, 400, 'the same id is under way');
  const other = await answered(upstream, { session, text: '{"jsonrpc":"2.0","id":"7","method":"ping"}' });
  assert.equal(other.status, 200);
  await (pending.body as ReadableStream).cancel();
});

test('two sessions do not hear each other', async () => {
  const upstream = upstreamOf();
  const [one, two] = await Promise.all([begin(upstream), begin(upstream, 'other')]);
  assert.notEqual(one.pid, two.pid);
  const waiting = eventsOf(await answered(upstream, { session: one.session, text: say(1, '') }));
  const response = (of: string) => `{"jsonrpc":"2.0","id":1,"result":{"of":"${of}"}}`;
  const answer = await answered(upstream, {
    session: two.session,
    grant: 'other',
    text: say(1, `${response('two')}\n`),
  });
  assert.equal((await bytesOf(answer)).toString(), response('two'));
  await answered(upstream, {
    session: one.session,
    text: say(2, `${response('one')}\n{"jsonrpc":"2.0","id":2,"result":{}}\n`),
  });
  assert.equal(await waiting.next(), response('one'));
});

test('junk on stdout is dropped and told to the log by its size only', async () => {
  const upstream = upstreamOf();
  const { session } = await begin(upstream);
  const junk = 'Listening, password is hunter2\n\n42\n{"half":\n';
  const answer = await answered(upstream, { session, text: say(1, `${junk}{"jsonrpc":"2.0","id":1,"result":{}}\n`) });
  assert.equal((await jsonOf(answer)).id, 1);
  assert.ok(lines.some((line) => line.includes('dropped a line that is no JSON')));
  assert.ok(!lines.some((line) => line.includes('hunter2')));
});

test('P8: a child inherits what it needs to run, and none of the gateway’s secrets', async () => {
  const inherited = { ...process.env, HOLDFAST_SECRET: 's', SLACK_BOT_TOKEN: 's', DATABASE_URL: 's', LANG: 'C.UTF-8' };
  const upstream = upstreamOf({ inherited, env: { GIVEN: 'yes' }, cwd: home });
  const { session } = await begin(upstream);
  const { result } = await jsonOf(
    await answered(upstream, { session, text: '{"jsonrpc":"2.0","id":1,"method":"env"}' }),
  );
  assert.deepEqual(
    [result.env.GIVEN, result.env.PATH, result.env.LANG, result.cwd],
    ['yes', process.env.PATH, 'C.UTF-8', home],
  );
  assert.deepEqual(
    Object.keys(result.env).filter((name) => /HOLDFAST|SLACK|DATABASE/.test(name)),
    [],
  );
});

test('a program that cannot be started was provably not sent anything', async () => {
  const upstream = upstreamOf({ command: [join(home, 'no-such-program')] });
  const answer = await exchange(upstream, { text: initialize() });
  assert.equal(answer.kind, 'not_sent');
  assert.match((answer as { why: string }).why, /ENOENT/);
});

test('a child that dies in the middle loses what was under way, and its session is unknown afterwards', async () => {
  const upstream = upstreamOf();
  const { session, pid } = await begin(upstream);
  const streaming = eventsOf(
    await answered(upstream, { session, text: say(1, '{"jsonrpc":"2.0","method":"notifications/x"}\n') }),
  );
  const listening = eventsOf(await answered(upstream, { session, method: 'GET' }));
  assert.equal(await streaming.next(), '{"jsonrpc":"2.0","method":"notifications/x"}');
  const dying = await exchange(upstream, { session, text: '{"jsonrpc":"2.0","id":2,"method":"die"}' });
  assert.deepEqual(dying, { kind: 'lost', why: "the server's process ended before it answered" });
  await assert.rejects(streaming.next(), /ended before it answered/);
  assert.equal(await listening.next(), null);
  assert.ok(!lives(pid));
  assert.equal((await answered(upstream, { session, text: '{"jsonrpc":"2.0","id":3,"method":"ping"}' })).status, 404);
});

test('a caller that goes away stops hearing, and the child goes on', async () => {
  const upstream = upstreamOf();
  const { session } = await begin(upstream);
  const gone = new AbortController();
  const asked = exchange(upstream, { session, text: say(1, ''), signal: gone.signal });
  gone.abort();
  assert.equal((await asked).kind, 'lost');
  const late = say(2, '{"jsonrpc":"2.0","id":1,"result":{}}\n{"jsonrpc":"2.0","id":2,"result":{}}\n');
  const answer = await answered(upstream, { session, text: late });
  assert.deepEqual(await jsonOf(answer), { jsonrpc: '2.0', id: 2, result: {} });
});

test('a grant may have so many children and no more, and another grant is not touched', async () => {
  const upstream = upstreamOf({ maxChildrenPerGrant: 2 });
  const asked = await Promise.all([1, 2, 3].map(() => answered(upstream, { text: initialize() })));
  const [full] = asked.filter((answer) => answer.status === 429);
  assert.equal(asked.filter((answer) => answer.status === 200).length, 2);
  assert.match((await jsonOf(full!)).error.message, /this grant has 2 with this server/);
  await begin(upstream, 'other');
  const session = header(asked.find((answer) => answer.status === 200)!, 'mcp-session-id')!;
  assert.equal((await answered(upstream, { session, method: 'DELETE' })).status, 204);
  await until(async () => (await answered(upstream, { text: initialize() })).status === 200, 'room again');
});

test('an idle session is ended, but not during a call and not while somebody listens', async () => {
  let now = 0;
  const upstream = upstreamOf({ idleMs: 40, clock: { now: () => new Date(now) } });
  const [calling, listening, idle] = await Promise.all([begin(upstream), begin(upstream), begin(upstream)]);
  const call = eventsOf(await answered(upstream, { session: calling.session, text: say(1, '') }));
  const heard = eventsOf(await answered(upstream, { session: listening.session, method: 'GET' }));
  now = 1000;
  await until(() => !lives(idle.pid), 'the idle child is gone');
  assert.ok(lives(calling.pid) && lives(listening.pid));
  await call.leave();
  await heard.leave();
  now = 2000;
  await until(() => !lives(calling.pid) && !lives(listening.pid), 'the others are gone too');
});

test('a cancelled request that the server never answers does not wait for ever', async () => {
  let now = 0;
  const upstream = upstreamOf({ idleMs: 400, clock: { now: () => new Date(now) } });
  const { session } = await begin(upstream);
  const headers = { accept: 'application/json' };
  const asked = exchange(upstream, { session, headers, text: say(1, '') });
  const cancel = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}';
  assert.equal((await answered(upstream, { session, text: cancel })).status, 202);
  now = 31_000;
  assert.deepEqual(await asked, { kind: 'lost', why: 'the request was cancelled, and the server did not answer it' });
});

test('a client that does not read holds its child back, and loses nothing', async () => {
  const upstream = upstreamOf();
  const { session } = await begin(upstream);
  const line = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/x', params: { fill: 'x'.repeat(100_000) } });
  const listening = eventsOf(await answered(upstream, { session, method: 'GET' }));
  const flood = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'flood', params: { times: 40, line } });
  const flooding = exchange(upstream, { session, text: flood });
  const ping = eventsOf(await answered(upstream, { session, text: '{"jsonrpc":"2.0","id":2,"method":"ping"}' }));
  for (let n = 0; n < 40; n++) assert.equal(await listening.next(), line);
  assert.equal(await ping.next(), '{"jsonrpc":"2.0","id":2,"result":{}}');
  await (((await flooding) as Answered).body as ReadableStream).cancel();
  await listening.leave();
});

test('closing ends every child, a stubborn one and one behind a wrapper too', async () => {
  const stubborn = [process.execPath, rawChild, 'stubborn'];
  const wrapped = ['sh', '-c', `"${process.execPath}" "${rawChild}" stubborn; exit 0`];
  const upstreams = [upstreamOf({ command: stubborn }), upstreamOf({ command: wrapped })];
  const children = await Promise.all(upstreams.flatMap((upstream) => [begin(upstream), begin(upstream)]));
  assert.ok(children.every(({ pid }) => lives(pid)));
  await Promise.all(upstreams.map((upstream) => upstream.close()));
  await until(() => children.every(({ pid }) => !lives(pid)), 'no child is left');
  assert.equal((await exchange(upstreams[0]!, { text: initialize() })).kind, 'not_sent');
  for (const { pid } of children.slice(0, 2)) {
    const ended = lines.find((line) => line.startsWith('stdio server: ended') && line.includes(`"pid":${pid},`));
    assert.match(ended ?? '', /"signal":"SIGTERM"/, 'asked before it was killed');
  }
  assert.ok(!lines.some((line) => line.includes('a secret that stays here')));
});

test('the real filesystem server lists and reads', async () => {
  await writeFile(join(home, 'a.txt'), 'held fast');
  const upstream = upstreamOf({ command: ['node_modules/.bin/mcp-server-filesystem', home] });
  const { session } = await begin(upstream);
  assert.equal(
    (await answered(upstream, { session, text: '{"jsonrpc":"2.0","method":"notifications/initialized"}' })).status,
    202,
  );
  const headers = { accept: 'application/json', 'mcp-protocol-version': '2025-06-18' };
  const list = await jsonOf(
    await answered(upstream, { session, headers, text: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' }),
  );
  assert.ok(list.result.tools.some((tool: { name: string }) => tool.name === 'write_file'));
  const params = { name: 'read_text_file', arguments: { path: join(home, 'a.txt') } };
  const text = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params });
  assert.match(JSON.stringify(await jsonOf(await answered(upstream, { session, headers, text }))), /held fast/);
});

test('the real SDK client talks to the real everything server: calls, progress, and the server’s own requests', async () => {
  const upstream = upstreamOf({ command: everything });
  await using door = await httpDoor(upstream);
  const client = new Client({ name: 't', version: '0' }, { capabilities: { sampling: {} } });
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    model: 'm',
    role: 'assistant',
    content: { type: 'text', text: 'sampled' },
  }));
  const transport = new StreamableHTTPClientTransport(new URL(door.url));
  await client.connect(transport);
  const { tools } = await client.listTools();
  const echo = await client.callTool({ name: 'echo', arguments: { message: 'hold fast' } });
  assert.match(JSON.stringify(echo.content), /hold fast/);

  const progress: number[] = [];
  const long = tools.find((tool) => /long-?running/i.test(tool.name))!.name;
  const onprogress = (at: { progress: number }) => progress.push(at.progress);
  await client.callTool({ name: long, arguments: { duration: 0.3, steps: 3 } }, undefined, { onprogress });
  assert.deepEqual(progress, [1, 2, 3]);

  const samples = (await client.listTools()).tools.find((tool) => /sampling/i.test(tool.name))!.name;
  const sampled = await client.callTool({ name: samples, arguments: { prompt: 'p', maxTokens: 5 } });
  assert.match(JSON.stringify(sampled.content), /sampled/);
  await transport.terminateSession();
  await client.close();
});

/** The upstream as a plain HTTP server. */
async function httpDoor(upstream: Upstream) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const body = chunks.length > 0 ? Buffer.concat(chunks) : null;
    const answer = await upstream.exchange({ method: request.method as 'POST', headers, body, grant: 'bot' });
    if (answer.kind !== 'answer') return void response.writeHead(502).end(answer.why);
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.flushHeaders();
    if (!(answer.body instanceof ReadableStream)) return void response.end(answer.body ?? undefined);
    const reader = answer.body.getReader();
    response.on('close', () => reader.cancel().catch(() => {}));
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) response.write(read.value);
      response.end();
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
