import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type ApiEvent, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { LISTS, type Shelf, shelf } from '../../support/upstream/shelf.ts';
import { eventually } from '../../support/wait.ts';

const GUARDED = `version: "1"
default: deny
tools: { echo: {} }
resources: { default: deny, "file:///srv/*": allow, "file:///srv/Private/*": deny }
prompts: { default: allow, "admin*": deny }
methods: { "acme/ok": allow, "logging/*": deny }
`;
const POLICIES: Readonly<Record<string, string>> = {
  guarded: GUARDED,
  bare: 'version: "1"\ndefault: deny\n',
  open: 'version: "1"\ndefault: allow\n',
  asking: 'version: "1"\ndefault: require_approval\n',
};

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly result?: { readonly did?: string };
  readonly error?: { readonly code: number; readonly message: string };
}

describe('Resources, prompts and methods through the gateway', () => {
  let upstream: Shelf;
  let house: House;
  let gateway: GatewayProcess;
  before(async () => {
    upstream = await shelf();
    const servers = Object.entries(POLICIES).map(([name, policy]) => [name, { at: `url: "${upstream.url}"`, policy }]);
    house = await openHouse({ servers: Object.fromEntries(servers), slack: false });
    gateway = await house.start();
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });
  beforeEach(() => {
    upstream.received.length = 0;
    upstream.answer = 'json';
  });

  let lastId = 0;
  async function post(server: string, body: object | string, more: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${gateway.url}/mcp/${server}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${house.tokens.agent}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...more,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const json = text.startsWith('{') ? (JSON.parse(text) as object) : {};
    return { status: response.status, text, ...json };
  }
  const send = (server: string, method: string, params: object = {}): Promise<Answer> => {
    lastId += 1;
    return post(server, { jsonrpc: '2.0', id: lastId, method, params });
  };
  const modern = (server: string, method: string, params: Record<string, unknown>): Promise<Answer> => {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const named = params.uri ?? params.name;
    return post(
      server,
      { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } },
      {
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
        ...(named === undefined ? {} : { 'mcp-name': String(named) }),
      },
    );
  };
  async function search(query: string): Promise<ApiEvent[]> {
    const answer = await gateway.api(`/api/events?limit=500&${query}`);
    assert.equal(answer.status, 200);
    return ((await answer.json()) as { items: ApiEvent[] }).items;
  }
  const isViolation = (answer: Answer, about: RegExp): void => {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.error?.code, 403, answer.text);
    assert.match(answer.error!.message, /^Policy violation: /);
    assert.match(answer.error!.message, about);
  };

  const DENIED: readonly [name: string, server: string, method: string, params: object, about: RegExp][] = [
    ['a resource that no key allows', 'guarded', 'resources/read', { uri: 'file:///etc/passwd' }, /file:\/\/\/etc/],
    ['one that a longer key denies', 'guarded', 'resources/read', { uri: 'file:///srv/Private/x' }, /Private/],
    ['the same without its case', 'guarded', 'resources/read', { uri: 'file:///srv/pRIVATE/x' }, /in another way/],
    ['a way up', 'guarded', 'resources/read', { uri: 'file:///srv/../etc/passwd' }, /in another way/],
    ['a way up, encoded', 'guarded', 'resources/read', { uri: 'file:///srv/%2e%2e/etc/passwd' }, /in another way/],
    ['a way up, encoded twice', 'guarded', 'resources/read', { uri: 'file:///srv/%252e%252e%252fetc' }, /another way/],
    ['a way up with backslashes', 'guarded', 'resources/read', { uri: 'file:///srv/..\\..\\etc' }, /in another way/],
    ['a letter, encoded', 'guarded', 'resources/read', { uri: 'file:///srv/Priv%61te/x' }, /Private/],
    ['a subscription', 'guarded', 'resources/subscribe', { uri: 'file:///etc/passwd' }, /passwd/],
    ['the end of one', 'guarded', 'resources/unsubscribe', { uri: 'file:///etc/passwd' }, /passwd/],
    ['a prompt', 'guarded', 'prompts/get', { name: 'admin_reset' }, /prompts: admin\*/],
    [
      'a completion of a prompt',
      'guarded',
      'completion/complete',
      { ref: { type: 'ref/prompt', name: 'admin_reset' }, argument: { name: 'a', value: '' } },
      /admin_reset/,
    ],
    [
      'a completion of a template',
      'guarded',
      'completion/complete',
      { ref: { type: 'ref/resource', uri: 'file:///etc/{name}' }, argument: { name: 'name', value: 'p' } },
      /etc/,
    ],
    [
      'a resource by the method of an extension',
      'guarded',
      'resources/directory/read',
      { uri: 'file:///etc' },
      /acme|no revision/,
    ],
    ['a known method that a key denies', 'guarded', 'logging/setLevel', { level: 'debug' }, /methods: logging\/\*/],
    ['a method that nobody knows', 'guarded', 'acme/wipe', {}, /no revision of MCP/],
    ['that, without sections', 'bare', 'acme/wipe', {}, /no revision of MCP/],
    ['that, where policy asks', 'asking', 'acme/wipe', {}, /nobody can be asked/],
  ];
  for (const [name, server, method, params, about] of DENIED) {
    test(`P1: is denied, and never reaches the server: ${name}`, async () => {
      isViolation(await send(server, method, params), about);
      assert.equal(upstream.received.length, 0);
    });
  }

  const ALLOWED: readonly [name: string, server: string, method: string, params: object][] = [
    ['a resource that a key allows', 'guarded', 'resources/read', { uri: 'file:///srv/a.txt' }],
    ['a prompt by default', 'guarded', 'prompts/get', { name: 'greet' }],
    ['a method that a key allows', 'guarded', 'acme/ok', {}],
    ['an unknown method where the default is allow', 'open', 'acme/wipe', {}],
    ['a resource without a section', 'bare', 'resources/read', { uri: 'file:///etc/passwd' }],
    ['a prompt without a section', 'bare', 'prompts/get', { name: 'admin_reset' }],
    ['a prompt where policy asks about tools', 'asking', 'prompts/get', { name: 'x' }],
    ...[
      ...['ping', 'tools/list', 'resources/list', 'resources/templates/list', 'prompts/list', 'logging/setLevel'],
      ...['tasks/list', 'tasks/get', 'tasks/result', 'tasks/cancel', 'server/discover'],
    ].map((method): [string, string, string, object] => [`${method}, of MCP`, 'bare', method, {}]),
  ];
  for (const [name, server, method, params] of ALLOWED) {
    test(`P9: is relayed: ${name}`, async () => {
      const answer = await send(server, method, params);
      assert.equal(answer.error, undefined, answer.text);
      assert.equal(upstream.count(method), 1);
    });
  }

  test('what is named by anything but a string, or almost like a method of MCP, is refused', async () => {
    for (const [method, params] of [
      ['resources/read', { uri: ['file:///etc/passwd'] }],
      ['resources/read', {}],
      ['resources/read', ['file:///etc/passwd']],
      ['prompts/get', { name: { toString: 'admin' } }],
      ['completion/complete', { ref: { type: 'ref/other', name: 'admin' } }],
      ['completion/complete', { ref: { type: 'ref/prompt', name: 'greet', Name: 'admin' } }],
      ['subscriptions/listen', { notifications: { ResourceSubscriptions: ['file:///etc/passwd'] } }],
      ['subscriptions/listen', { notifications: { resourceSubscriptions: 'file:///etc/passwd' } }],
    ] as const) {
      const answer = await send('guarded', method, params);
      assert.equal(answer.error?.code, -32602, answer.text);
      assert.match(answer.error!.message, /^Not forwarded: params\..*\. Nothing was sent to the server\.$/);
    }
    assert.equal(upstream.received.length, 0);
    assert.equal((await send('open', 'resources/read', {})).error, undefined, 'without a section the server judges');
    upstream.received.length = 0;
    const aside = { name: 'file:///etc/passwd', uri: 'file:///srv/a.txt' };
    const header = await post(
      'guarded',
      { jsonrpc: '2.0', id: 1, method: 'resources/read', params: aside },
      { 'mcp-name': 'file:///etc/passwd' },
    );
    assert.match(header.text, /Mcp-Name is not what the body names/);
    const disguised = await send('open', 'Resources/Read', { uri: 'file:///etc/passwd' });
    assert.equal(disguised.status, 400);
    assert.match(disguised.text, /spelt almost like resources\/read/);
    assert.equal(upstream.received.length, 0);
  });

  test('2026-07-28: reads, and subscriptions by the resources that they name', async () => {
    isViolation(await modern('guarded', 'resources/read', { uri: 'file:///etc/passwd' }), /passwd/);
    const listen = (uris: readonly string[]) =>
      modern('guarded', 'subscriptions/listen', { notifications: { resourceSubscriptions: uris } });
    isViolation(await listen(['file:///srv/a.txt', 'file:///etc/passwd']), /file:\/\/\/etc\/passwd/);
    assert.equal(upstream.received.length, 0);
    assert.equal((await listen(['file:///srv/a.txt'])).status, 200);
    assert.equal(
      (await modern('guarded', 'resources/read', { uri: 'file:///srv/a.txt' })).result?.did,
      'resources/read',
    );
    assert.equal(upstream.received.length, 2);
    const many = Array.from({ length: 1_001 }, (_, n) => `file:///srv/${n}`);
    assert.match((await listen(many)).error?.message ?? '', /1001 resources, and 1000 are the most/);
  });

  test('a batch is refused whole when one of its members is denied, and says which', async () => {
    const member = (id: number, uri: string) => ({ jsonrpc: '2.0', id, method: 'resources/read', params: { uri } });
    const mixed = await post('guarded', [member(1, 'file:///srv/a.txt'), member(2, 'file:///etc/passwd')]);
    assert.equal(mixed.status, 400);
    assert.match(mixed.text, /Policy violation: .*\[1\] of the batch, resources\/read/s);
    assert.equal(upstream.received.length, 0);
    const fine = await post('guarded', [member(1, 'file:///srv/a.txt'), member(2, 'file:///srv/c.txt')]);
    assert.equal(fine.status, 200);
    assert.equal(upstream.count('resources/read'), 2);
  });

  test('a notification that nobody knows is taken, dropped and logged; those of MCP pass', async () => {
    assert.equal((await post('bare', { jsonrpc: '2.0', method: 'notifications/acme/wipe' })).status, 202);
    assert.equal((await post('bare', { jsonrpc: '2.0', method: 'acme/quiet' })).status, 202);
    assert.equal(upstream.received.length, 0);
    for (const method of ['notifications/initialized', 'notifications/progress', 'notifications/roots/list_changed']) {
      assert.equal((await post('bare', { jsonrpc: '2.0', method, params: {} })).status, 202);
      assert.equal(upstream.count(method), 1);
    }
    const [event] = await eventually('the denial is logged', async () => {
      const found = await search('type=method.denied&text=quiet');
      return found.length > 0 ? found : null;
    });
    assert.equal(event!.data.kind, 'notification');
  });

  test('lists leave out what is denied, and no other byte changes', async () => {
    const resultOf = (text: string) => text.slice(text.indexOf('"result":') + 9, text.lastIndexOf('}'));
    for (const answer of ['json', 'sse'] as const) {
      upstream.answer = answer;
      const listed = await send('guarded', 'resources/list');
      assert.match(
        listed.text,
        /\{ "resources":\[ \{"uri" : "file:\/\/\/srv\/a\.txt", "name":"n"\} , \{"uri" : "file:\/\/\/srv\/c\.txt", "name":"n"\} \] , "x":1\}/,
      );
      const templates = await send('guarded', 'resources/templates/list');
      assert.match(templates.text, /"resourceTemplates":\[\{"uriTemplate":"file:\/\/\/srv\/\{name\}","name":"u"\}\]/);
      assert.match((await send('guarded', 'prompts/list')).text, /"prompts":\[\{"name":"greet"\}\]/);
    }
    upstream.answer = 'json';
    assert.equal(resultOf((await send('bare', 'resources/list')).text), LISTS['resources/list']);
    const batch = await post('guarded', [
      { jsonrpc: '2.0', id: 1, method: 'prompts/list' },
      { jsonrpc: '2.0', id: 2, method: 'resources/list' },
    ]);
    assert.doesNotMatch(batch.text, /admin_reset|passwd|Private/);
    assert.match(batch.text, /greet.*srv\/a\.txt/s);
  });

  test('a list that cannot be read is refused, and one on a replayed stream is cut too', async () => {
    // Behind a byte order mark it can be read, and is cut; what says that it is packed and is not cannot.
    for (const [answer, status] of [
      ['bom', 200],
      ['packed', 502],
    ] as const) {
      upstream.answer = answer;
      const listed = await send('guarded', 'resources/list');
      assert.equal(listed.status, status, listed.text);
      assert.doesNotMatch(listed.text, /passwd|Private/);
    }
    const headers = { authorization: `Bearer ${house.tokens.agent}`, accept: 'text/event-stream' };
    const stream = await fetch(`${gateway.url}/mcp/guarded`, { headers });
    const replayed = await stream.text();
    assert.match(replayed, /srv\/a\.txt/);
    assert.doesNotMatch(replayed, /passwd|Private/);
  });

  test('P7: each is an event within 50 ms, with what it named, and no secret of a URI is in it', async () => {
    const uri = 'https://bob:hunter2@db.example/q?x=1&api_key=sk-12345#access_token=sk-678';
    const sent = performance.now();
    await send('open', 'resources/read', { uri });
    const [event] = await eventually('it is logged', async () => {
      const found = await search('type=resource.read&text=db.example');
      return found.length > 0 ? found : null;
    });
    assert.ok(performance.now() - sent < 2_000);
    assert.equal(event!.actor, 'grant:agent');
    assert.equal(event!.data.name, 'https://[redacted]@db.example/q?x=1&api_key=[redacted]#access_token=[redacted]');
    await send('open', 'prompts/get', { name: 'greet-once' });
    await send('guarded', 'prompts/get', { name: 'admin/shadow' });
    await send('open', 'acme/special', { secret: 'argument' });
    await post('open', { jsonrpc: '2.0', id: 'q-1', result: { answer: 'private words' } });
    await (
      await fetch(`${gateway.url}/mcp/open`, { headers: { authorization: `Bearer ${house.tokens.agent}` } })
    ).text();
    const all = await eventually('all are logged', async () => {
      const found = await search('server=open');
      const denied = await search('type=method.denied&text=shadow');
      const got = ['greet-once', 'acme/special', 'answer', 'GET'].every((word) =>
        found.some(({ data }) => data.name === word || data.method === word),
      );
      return got && denied.length === 1 ? [...found, ...denied] : null;
    });
    const text = JSON.stringify(all);
    assert.doesNotMatch(text, /hunter2|sk-12345|sk-678|private words|"argument"/);
    const denied = all.find(({ type }) => type === 'method.denied')!;
    assert.deepEqual([denied.data.denied, denied.data.name], ['prompt', 'admin/shadow']);
    assert.match(String(denied.data.reason), /prompts: admin\*/);
  });

  test('a flood is ten lines and a count: none is lost', async () => {
    const before = await search('type=resource.read&server=bare');
    const total = 300;
    const reads = Array.from({ length: total }, (_, n) =>
      send('bare', 'resources/read', { uri: `file:///flood/${n}` }),
    );
    await Promise.all(reads);
    const counted = await eventually('all are counted', async () => {
      const events = (await search('type=resource.read&server=bare')).slice(0, -before.length || undefined);
      const times = events.reduce((sum, { data }) => sum + (data.grouped === true ? Number(data.times) : 1), 0);
      return times >= total ? { events, times } : null;
    });
    assert.equal(counted.times, total);
    const grouped = counted.events.filter(({ data }) => data.grouped === true);
    assert.ok(counted.events.length < 100, `${counted.events.length} lines for ${total} reads`);
    assert.ok(grouped.length > 0);
    for (const { data } of grouped) {
      assert.ok(Date.parse(String(data.first)) <= Date.parse(String(data.last)));
      assert.ok((data.names as string[]).length <= 20);
    }
  });

  test('methods that an agent makes up are one kind in the log', async () => {
    const calls = Array.from({ length: 200 }, (_, n) => send('bare', `acme/made-up-${n}`));
    for (const answer of await Promise.all(calls)) assert.equal(answer.error?.code, 403);
    const events = await eventually('all are counted', async () => {
      const found = (await search('type=method.denied&server=bare')).filter(
        ({ data }) => data.grouped === true || String(data.method).startsWith('acme/made-up'),
      );
      const times = found.reduce((sum, { data }) => sum + (data.grouped === true ? Number(data.times) : 1), 0);
      return times >= 200 ? found : null;
    });
    assert.ok(events.length < 60, `${events.length} lines`);
    assert.ok(events.some(({ data }) => data.method === 'unknown methods'));
  });

  test('a reviewer finds them by what they were about and by verdict', async () => {
    await send('guarded', 'resources/read', { uri: 'file:///etc/found-me' });
    await eventually('found', async () => {
      const found = await search('what=resources&verdict=deny&text=found-me');
      return found.length === 1 ? found : null;
    });
    assert.equal((await search('what=resources&verdict=allow&text=found-me')).length, 0);
    assert.equal((await gateway.api('/api/events?what=nothing')).status, 400);
  });
});
