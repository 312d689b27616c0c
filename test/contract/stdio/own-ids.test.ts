import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answered, begin, bytesOf, eventsOf, jsonOf, say } from '../../support/stdio/exchange.ts';
import { type StdioWorld, stdioWorld } from '../../support/stdio/world.ts';

let stdio: StdioWorld;
before(async () => {
  stdio = await stdioWorld();
});
after(() => stdio.close());

const done = (id: string, n: number): string => `{"jsonrpc":"2.0","id":${id},"result":{"n":${n}}}`;
const reported = (token: string, n: number): string =>
  `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":${n}}}`;

/** The lines that the child has read, without its `initialize`. */
async function heard(upstream: ReturnType<StdioWorld['upstreamOf']>, session: string): Promise<string[]> {
  const text = '{"jsonrpc":"2.0","id":"heard","method":"heard"}';
  const { result } = await jsonOf(await answered(upstream, { session, text, headers: { accept: 'application/json' } }));
  return result.heard.slice(1).map((line: string) => Buffer.from(line, 'base64').toString());
}

test('P2: two requests with one id are two requests: each gets its own answer and progress', async () => {
  const upstream = stdio.upstreamOf();
  const { session } = await begin(upstream);
  const token = { _meta: { progressToken: 1 } };
  const first = eventsOf(await answered(upstream, { session, text: say(1, '', token) }));
  const second = eventsOf(await answered(upstream, { session, text: say(1, '', token) }));
  const third = eventsOf(await answered(upstream, { session, text: say(1, '') }));
  const lines = (await heard(upstream, session)).map((line) => JSON.parse(line));
  const ids = lines.slice(0, 3).map(({ id }) => JSON.stringify(id));
  const tokens = lines.slice(0, 2).map(({ params }) => JSON.stringify(params._meta.progressToken));
  assert.equal(new Set(ids).size, 3, ids.join());
  assert.equal(new Set(tokens).size, 2, tokens.join());
  assert.equal(ids[0], '1', 'an id that is free stays');
  const told = [
    reported(tokens[1]!, 2),
    reported(tokens[0]!, 1),
    done(ids[2]!, 3),
    done(ids[1]!, 2),
    done(ids[0]!, 1),
  ].join('\n');
  await answered(upstream, { session, text: say(9, `${told}\n${done('9', 9)}\n`) });
  assert.deepEqual([await first.next(), await first.next()], [reported('1', 1), done('1', 1)]);
  assert.deepEqual([await second.next(), await second.next()], [reported('1', 2), done('1', 2)]);
  assert.equal(await third.next(), done('1', 3));
  await answered(upstream, { session, text: say(1, `${done('1', 4)}\n`) });
});

test('an id is given back as it was written, and a number that no double holds is no null', async () => {
  const upstream = stdio.upstreamOf();
  const { session } = await begin(upstream);
  for (const id of ['1e400', '30.00000000000000000001', '1.0', '"a\\u0062"']) {
    const text = `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;
    const answer = await answered(upstream, { session, text, headers: { accept: 'application/json' } });
    const body = (await bytesOf(answer)).toString();
    assert.ok(body.includes(`"id":${id},`), body);
  }
});

test('P2: a cancellation names the request as the child knows it, and none where it fits several', async () => {
  const upstream = stdio.upstreamOf();
  const { session } = await begin(upstream);
  const cancel = (id: string): string =>
    `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`;
  const [one, two] = [
    eventsOf(await answered(upstream, { session, text: say(1, '') })),
    eventsOf(await answered(upstream, { session, text: say(1, '') })),
  ];
  for (const id of ['1', '77']) assert.equal((await answered(upstream, { session, text: cancel(id) })).status, 202);
  const before = await heard(upstream, session);
  assert.ok(!before.some((line) => line.includes('cancelled')), 'which of the two is meant cannot be known');
  const own = JSON.stringify(JSON.parse(before[1]!).id);
  await answered(upstream, { session, text: say(9, `${done('1', 1)}\n${done('9', 9)}\n`) });
  assert.equal(await one.next(), done('1', 1));
  assert.equal((await answered(upstream, { session, text: cancel('1') })).status, 202);
  assert.equal((await heard(upstream, session)).at(-2), cancel(own), 'only one has this id now');
  await two.leave();
});

test('what the server asks, and what it is answered, keep the ids of the server', async () => {
  const upstream = stdio.upstreamOf();
  const { session } = await begin(upstream);
  const asks =
    '{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"_meta":{"progressToken":1},"messages":[]}}';
  const along = eventsOf(await answered(upstream, { session, text: say(1, `${asks}\n`) }));
  assert.equal(await along.next(), asks);
  const called = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}';
  for (const text of [reported('1', 5), done('1', 6)]) await answered(upstream, { session, text });
  const lines = await heard(upstream, session);
  assert.deepEqual(lines.slice(1, 3), [reported('1', 5), done('1', 6)]);
  await answered(upstream, { session, text: say(9, `${called}\n${done('1', 1)}\n${done('9', 9)}\n`) });
  assert.deepEqual([await along.next(), await along.next()], [called, done('1', 1)]);
});

test('a byte order mark before a line is dropped', async () => {
  const upstream = stdio.upstreamOf();
  const { session } = await begin(upstream);
  const answer = await answered(upstream, { session, text: say(1, `\ufeff${done('1', 1)}\n`) });
  assert.match((await bytesOf(answer)).toString(), /^(?:event: message\ndata: )?\{"jsonrpc"/);
});
