import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answered, begin, bytesOf, eventsOf, header, jsonOf, say } from '../../support/stdio/exchange.ts';
import { type StdioWorld, stdioWorld } from '../../support/stdio/world.ts';

let stdio: StdioWorld;
before(async () => {
  stdio = await stdioWorld();
});
after(() => stdio.close());

test('P9: what the child says reaches the client with its own bytes', async () => {
  // A generous time, so that even on a busy machine the answer comes as JSON and not as a stream.
  const upstream = stdio.upstreamOf({ headersAfterMs: 20_000 });
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
  const upstream = stdio.upstreamOf();
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
  const upstream = stdio.upstreamOf();
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
  const upstream = stdio.upstreamOf();
  const { session } = await begin(upstream);
  const events = eventsOf(await answered(upstream, { session, text: say(1, '') }));
  const response = '{"jsonrpc":"2.0","id":1,"result":{"late":true}}';
  await answered(upstream, { session, text: say(2, `{"jsonrpc":"2.0","id":2,"result":{}}\n${response}\n`) });
  assert.equal(await events.next(), response);
  assert.equal(await events.next(), null);
});

test('progress goes to the POST whose token it carries, and 1 is not "1"', async () => {
  const upstream = stdio.upstreamOf();
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
  const upstream = stdio.upstreamOf();
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
  // The child answers in order: once this answer is here, 71 has arrived while nobody listened.
  await answered(upstream, { session, headers: { accept: 'application/json' }, text: say(3, `${done(3)}\n`) });
  const listening = eventsOf(await answered(upstream, { session, method: 'GET' }));
  assert.equal(await listening.next(), asks(71));
  const newest = eventsOf(await answered(upstream, { session, method: 'GET' }));
  assert.equal(await listening.next(), null, 'the newest GET takes over: the other may be of a laptop that sleeps');
  const plain = await answered(upstream, { session, text: say(4, `${asks(72)}\n${done(4)}\n`) });
  assert.equal((await bytesOf(plain)).toString(), done(4));
  assert.equal(await newest.next(), asks(72));

  const { result } = await jsonOf(
    await answered(upstream, { session, text: '{"jsonrpc":"2.0","id":9,"method":"heard"}' }),
  );
  assert.ok(result.heard.some((line: string) => Buffer.from(line, 'base64').toString() === reply));
  await newest.leave();
  assert.equal((await answered(upstream, { session, method: 'GET' })).status, 200, 'a listener that left makes room');
});

test('a client that never listens gets what was kept along with its next POST', async () => {
  const upstream = stdio.upstreamOf();
  const { session } = await begin(upstream);
  const asks = '{"jsonrpc":"2.0","id":70,"method":"roots/list"}';
  const headers = { accept: 'application/json' };
  await answered(upstream, { session, headers, text: say(1, `${asks}\n{"jsonrpc":"2.0","id":1,"result":{}}\n`) });
  const events = eventsOf(await answered(upstream, { session, text: '{"jsonrpc":"2.0","id":2,"method":"ping"}' }));
  assert.equal(await events.next(), asks);
  assert.equal(await events.next(), '{"jsonrpc":"2.0","id":2,"result":{}}');
});

test('a batch goes to the child as single messages and comes back as one answer', async () => {
  const upstream = stdio.upstreamOf();
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

test('junk on stdout is dropped and told to the log by its size only', async () => {
  const upstream = stdio.upstreamOf();
  const { session } = await begin(upstream);
  const junk = 'Listening, password is hunter2\n\n42\n{"half":\n';
  const answer = await answered(upstream, { session, text: say(1, `${junk}{"jsonrpc":"2.0","id":1,"result":{}}\n`) });
  assert.equal((await jsonOf(answer)).id, 1);
  assert.ok(stdio.lines.some((line) => line.includes('dropped a line that is no JSON')));
  assert.ok(!stdio.lines.some((line) => line.includes('hunter2')));
});
