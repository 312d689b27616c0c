import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  answered,
  begin,
  bytesOf,
  eventsOf,
  exchange,
  header,
  initialize,
  jsonOf,
  say,
} from '../../support/stdio/exchange.ts';
import { lives, type StdioWorld, stdioWorld } from '../../support/stdio/world.ts';
import { until } from '../../support/wait.ts';

let stdio: StdioWorld;
before(async () => {
  stdio = await stdioWorld();
});
after(() => stdio.close());

test('refusals speak as a legacy streamable HTTP server does', async () => {
  const upstream = stdio.upstreamOf();
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
    assert.ok(answer.refusedHere, `${name}: nothing reached a child`);
  }
});

test('two sessions do not hear each other', async () => {
  const upstream = stdio.upstreamOf();
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

test('a caller that goes away stops hearing, and the child goes on', async () => {
  const upstream = stdio.upstreamOf();
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
  const upstream = stdio.upstreamOf({ maxChildrenPerGrant: 2 });
  const asked = await Promise.all([1, 2, 3].map(() => answered(upstream, { text: initialize() })));
  const [full] = asked.filter((answer) => answer.status === 429);
  assert.equal(asked.filter((answer) => answer.status === 200).length, 2);
  assert.match((await jsonOf(full!)).error.message, /this grant has 2 with this server/);
  await begin(upstream, 'other');
  const session = header(asked.find((answer) => answer.status === 200)!, 'mcp-session-id')!;
  assert.equal((await answered(upstream, { session, method: 'DELETE' })).status, 204);
  await until('room again', async () => (await answered(upstream, { text: initialize() })).status === 200);
});

test('a full grant gets room from sessions whose clients have gone, and from no other', async () => {
  let now = 0;
  const upstream = stdio.upstreamOf({ maxChildrenPerGrant: 3, clock: { now: () => new Date(now) } });
  const [left, silent, there] = [await begin(upstream), await begin(upstream), await begin(upstream)];
  const refused = await answered(upstream, { text: initialize() });
  assert.equal(refused.status, 429, 'all were used just now');
  // This one listens and answers pings; that one's end of the stream has gone without a word.
  const listening = eventsOf(await answered(upstream, { session: there.session, method: 'GET' }));
  const unheard = eventsOf(await answered(upstream, { session: silent.session, method: 'GET' }));
  now += 60_000;
  const first = await begin(upstream);
  assert.deepEqual(
    [left, silent, there].map(({ pid }) => lives(pid)),
    [false, true, true],
    'nobody listened to it',
  );
  now += 60_000;
  const answering = (async () => {
    const { id, method } = JSON.parse((await listening.next())!) as { id: string; method: string };
    assert.equal(method, 'ping');
    const pong = JSON.stringify({ jsonrpc: '2.0', id, result: {} });
    assert.equal((await answered(upstream, { session: there.session, text: pong })).status, 202);
  })();
  const waiting = exchange(upstream, { session: first.session, text: say(5, '') });
  await begin(upstream);
  await answering;
  assert.deepEqual(
    [first, silent, there].map(({ pid }) => lives(pid)),
    [true, false, true],
    'it did not answer',
  );
  assert.match((await unheard.next()) ?? '', /"ping"/);
  const echo = say(6, '{"jsonrpc":"2.0","id":5,"result":{}}\n{"jsonrpc":"2.0","id":6,"result":{}}\n');
  await answered(upstream, { session: first.session, text: echo });
  const open = await waiting;
  assert.equal(open.kind, 'answer');
  await listening.leave();
});

test('an idle session is ended, but not during a call and not while somebody listens', async () => {
  let now = 0;
  const upstream = stdio.upstreamOf({ idleMs: 40, clock: { now: () => new Date(now) } });
  const [calling, listening, idle] = await Promise.all([begin(upstream), begin(upstream), begin(upstream)]);
  const call = eventsOf(await answered(upstream, { session: calling.session, text: say(1, '') }));
  const heard = eventsOf(await answered(upstream, { session: listening.session, method: 'GET' }));
  now = 1000;
  await until('the idle child is gone', () => !lives(idle.pid));
  assert.ok(lives(calling.pid) && lives(listening.pid));
  await call.leave();
  await heard.leave();
  now = 2000;
  await until('the others are gone too', () => !lives(calling.pid) && !lives(listening.pid));
});

test('a cancelled request that the server never answers does not wait for ever', async () => {
  let now = 0;
  const upstream = stdio.upstreamOf({ idleMs: 400, clock: { now: () => new Date(now) } });
  const { session } = await begin(upstream);
  const headers = { accept: 'application/json' };
  const asked = exchange(upstream, { session, headers, text: say(1, '') });
  const cancel = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}';
  assert.equal((await answered(upstream, { session, text: cancel })).status, 202);
  now = 31_000;
  assert.deepEqual(await asked, { kind: 'lost', why: 'the request was cancelled, and the server did not answer it' });
});
