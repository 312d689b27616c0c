import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type Answered,
  answered,
  begin,
  eventsOf,
  exchange,
  initialize,
  jsonOf,
  say,
} from '../../support/stdio/exchange.ts';
import { lives, RAW_CHILD, type StdioWorld, stdioWorld } from '../../support/stdio/world.ts';
import { until } from '../../support/wait.ts';

let stdio: StdioWorld;
before(async () => {
  stdio = await stdioWorld();
});
after(() => stdio.close());

test('P8: a child inherits what it needs to run, and none of the gateway’s secrets', async () => {
  const inherited = { ...process.env, HOLDFAST_SECRET: 's', SLACK_BOT_TOKEN: 's', DATABASE_URL: 's', LANG: 'C.UTF-8' };
  const upstream = stdio.upstreamOf({ inherited, env: { GIVEN: 'yes' }, cwd: stdio.home });
  const { session } = await begin(upstream);
  const { result } = await jsonOf(
    await answered(upstream, { session, text: '{"jsonrpc":"2.0","id":1,"method":"env"}' }),
  );
  assert.deepEqual(
    [result.env.GIVEN, result.env.PATH, result.env.LANG, result.cwd],
    ['yes', process.env.PATH, 'C.UTF-8', stdio.home],
  );
  assert.deepEqual(
    Object.keys(result.env).filter((name) => /HOLDFAST|SLACK|DATABASE/.test(name)),
    [],
  );
});

test('a program that cannot be started was provably not sent anything', async () => {
  const upstream = stdio.upstreamOf({ command: [join(stdio.home, 'no-such-program')] });
  const answer = await exchange(upstream, { text: initialize() });
  assert.equal(answer.kind, 'not_sent');
  assert.match((answer as { why: string }).why, /ENOENT/);
});

test('a child that dies in the middle loses what was under way, and its session is unknown afterwards', async () => {
  const upstream = stdio.upstreamOf();
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

test('a client that does not read holds its child back, and loses nothing', async () => {
  const upstream = stdio.upstreamOf();
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
  const stubborn = [process.execPath, RAW_CHILD, 'stubborn'];
  const wrapped = ['sh', '-c', `"${process.execPath}" "${RAW_CHILD}" stubborn; exit 0`];
  const upstreams = [stdio.upstreamOf({ command: stubborn }), stdio.upstreamOf({ command: wrapped })];
  const children = await Promise.all(upstreams.flatMap((upstream) => [begin(upstream), begin(upstream)]));
  assert.ok(children.every(({ pid }) => lives(pid)));
  await Promise.all(upstreams.map((upstream) => upstream.close()));
  await until('no child is left', () => children.every(({ pid }) => !lives(pid)));
  assert.equal((await exchange(upstreams[0]!, { text: initialize() })).kind, 'not_sent');
  for (const { pid } of children.slice(0, 2)) {
    const ended = stdio.lines.find((line) => line.startsWith('stdio server: ended') && line.includes(`"pid":${pid},`));
    assert.match(ended ?? '', /"signal":"SIGTERM"/, 'asked before it was killed');
  }
  assert.ok(!stdio.lines.some((line) => line.includes('a secret that stays here')));
});
