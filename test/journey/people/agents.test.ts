import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { visitor } from '../../support/console/visitor.ts';
import type { ApiEvent } from '../../support/gateway/program.ts';
import { type AgentsWorld, agentsWorld } from '../../support/people/agents-world.ts';
import { type RecordingUpstream, recordingUpstream } from '../../support/upstream/recording.ts';
import { eventually } from '../../support/wait.ts';

type OwnedApproval = { id: string; grant: string; principal: string; owner: string | null; state: string };

let world: AgentsWorld;
const agentOf = async (sub: string, more: Record<string, unknown> = {}, server = 'tools'): Promise<Agent> =>
  Agent.open(`${world.url}/mcp/${server}`, await world.provider.token({ sub, ...more }));
const ask = (agent: Agent, args: Record<string, unknown>) => agent.call('create_key', args).answer;
const approvalOf = async (id: string): Promise<OwnedApproval> =>
  (await world.gateway.approval(id)) as unknown as OwnedApproval;
const eventsOf = async (type: string): Promise<ApiEvent[]> => {
  const answer = await world.gateway.api(`/api/events?limit=500&type=${type}`);
  return ((await answer.json()) as { items: ApiEvent[] }).items;
};
const post = (path: string, body: unknown, method = 'POST') =>
  world.gateway.api(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

describe('People behind agents', () => {
  before(async () => {
    world = await agentsWorld({
      house: {
        approval: '{ timeout: 10m, max_pending: 4, hold: { default: 400ms, progress: 60s } }',
        operators: '[admin]',
      },
    });
  });
  after(() => world.close());

  it('two of one grant share no approval and no outcome; one joins their own', async () => {
    const [mira, olga] = [await agentOf('mira'), await agentOf('olga')];
    const args = { name: 'shared' };
    const [hers, also] = [noteOf(await ask(mira, args)), noteOf(await ask(await agentOf('mira'), args))];
    const others = noteOf(await ask(olga, args));
    assert.equal(hers.id, also.id);
    assert.notEqual(hers.id, others.id);
    const [one, other] = [await approvalOf(hers.id), await approvalOf(others.id)];
    assert.equal(one.grant, 'people');
    assert.equal(one.owner, 'U0MIRA');
    assert.equal(other.owner, 'olga');
    assert.match(one.principal, /^people\/[\w-]{30}$/);
    assert.notEqual(one.principal, other.principal);
    await world.house.approve(hers.id, 'U0ALEX');
    assert.match(textOf(await ask(mira, args)), /done/);
    assert.equal(world.upstream.count('create_key', args), 1);
    assert.equal(noteOf(await ask(olga, args)).state, 'pending', 'what somebody else was given is not hers');
    await world.house.deny(others.id);
  });

  it('a yes in advance for one is none for the other', async () => {
    const [mira, olga] = [await agentOf('mira'), await agentOf('olga')];
    const charge = (agent: Agent) => agent.call('charge', { amount: 1 }).answer;
    const { id } = noteOf(await charge(mira));
    const given = await post(`/api/approvals/${id}/decisions`, {
      ...{ decision: 'approve', allowance: { minutes: 5, calls: 4 } },
    });
    assert.equal(given.status, 200, await given.clone().text());
    for (const _ of [1, 2]) {
      await eventually('hers runs', async () => (textOf(await charge(mira)).includes('done') ? true : null));
    }
    const others = noteOf(await charge(olga));
    assert.equal(others.state, 'pending');
    await world.house.deny(others.id);
    const { items } = (await (await world.gateway.api('/api/allowances')).json()) as {
      items: { grant: string; principal: string }[];
    };
    assert.deepEqual(
      items.map(({ grant }) => grant),
      ['people'],
    );
    assert.equal(items[0]!.principal, (await approvalOf(id)).principal);
  });

  it('names the owner on the card, who cannot approve it, and may deny it', async () => {
    const mira = await agentOf('mira');
    const { id } = noteOf(await ask(mira, { name: 'own' }));
    const card = JSON.stringify((await world.house.card(id)).blocks);
    assert.match(card, /<@U0MIRA>/);
    assert.match(card, /people/);
    assert.doesNotMatch(card, /people\/[\w-]{30}/, 'nobody has to read a mark');
    await world.house.approve(id, 'U0MIRA');
    const refused = await eventually(
      'the refusal',
      async () => (await world.gateway.events(id)).find(({ type }) => type === 'approval.refused') ?? null,
    );
    assert.equal(refused.data.reason, 'own_call');
    assert.equal((await approvalOf(id)).state, 'pending');
    await world.house.deny(id, 'not mine', 'U0MIRA');
    assert.equal((await world.gateway.reaches(id, 'denied')).state, 'denied');
  });

  it('knows a person by oauth_subject, exactly', async () => {
    const { id } = noteOf(await ask(await agentOf('opaque|7'), { name: 'pauls' }));
    assert.equal((await approvalOf(id)).owner, 'U0PAUL');
    await world.house.deny(id);
    assert.match(textOf(await ask(await agentOf('OPAQUE|7'), { name: 'pauls' })), /^Nobody's call: /);
  });

  it('opens no gated call for an account that belongs to no person, says why, and lets the others pass', async () => {
    const stranger = await agentOf('stranger');
    const before = (await world.gateway.approvals()).length;
    const answer = await ask(stranger, { name: 'nobodys' });
    assert.equal(answer.isError, true);
    assert.match(textOf(answer), /^Nobody's call: .*not known whose it is.*sub "stranger".*oauth_subject, or login\./);
    assert.match(textOf(answer), /Nothing was sent to the server\. Nobody was asked\./);
    assert.equal((await world.gateway.approvals()).length, before);
    assert.match(textOf(await stranger.call('read', {}).answer), /done/);
    const used = await eventually(
      'the use of its grant',
      async () => (await eventsOf('grant.used')).find(({ data }) => data.subject === 'stranger') ?? null,
    );
    assert.match(used.actor, /^grant:people\//);
    assert.equal(used.data.owner, null);
    // Another account was refused for the same before.
    const told = await eventually(
      'the event',
      async () => (await eventsOf('call.refused')).find(({ actor }) => actor === used.actor) ?? null,
    );
    assert.equal(told.data.reason, 'its account belongs to no person');
  });

  it('a session of one is none of the other’s', async () => {
    const [mira, olga] = [await agentOf('mira'), await agentOf('olga')];
    olga.session = mira.session;
    const answer = await olga.post({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    assert.equal(answer.status, 404);
  });

  it('a task of one is none of the other’s', async () => {
    const open = async (sub: string): Promise<Agent> =>
      Agent.open(`${world.url}/mcp/tools`, await world.provider.token({ sub }), '2025-11-25');
    const [mira, olga] = [await open('mira'), await open('olga')];
    const params = { name: 'create_key', arguments: { name: 'task' }, task: { ttl: 600_000 } };
    const made = await mira.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    const text = await made.text();
    const task = /"taskId":"([^"]+)"/.exec(text)?.[1];
    assert.ok(task, text);
    const look = async (agent: Agent) =>
      (await agent.post({ jsonrpc: '2.0', id: 2, method: 'tasks/get', params: { taskId: task } })).text();
    assert.match(await look(mira), /"status":"working"/);
    assert.match(await look(olga), /-32602/);
    const list = await (await olga.post({ jsonrpc: '2.0', id: 3, method: 'tasks/list' })).text();
    assert.doesNotMatch(list, new RegExp(task));
    await (await mira.post({ jsonrpc: '2.0', id: 4, method: 'tasks/cancel', params: { taskId: task } })).text();
  });

  it('each has the limits for themselves', async () => {
    const [mira, olga] = [await agentOf('mira'), await agentOf('olga')];
    for (const agent of [mira, olga]) {
      for (const said of [/done/, /done/, /^Rate limited/])
        assert.match(textOf(await agent.call('burst', {}).answer), said);
    }
  });

  it('one who asks too much keeps nobody else from asking', async () => {
    const [mira, olga] = [await agentOf('mira'), await agentOf('olga')];
    const asked = [];
    for (let n = 0; n < 4; n += 1) asked.push(noteOf(await ask(mira, { name: `many-${n}` })).id);
    assert.match(textOf(await ask(mira, { name: 'many-4' })), /waiting for approval|Too many|pending/i);
    const hers = noteOf(await ask(olga, { name: 'few' }));
    assert.equal(hers.state, 'pending');
    for (const id of [...asked, hers.id]) await world.house.deny(id);
  });

  it('a freeze of the grant stops all of its people, one of a principal only theirs, at once', async () => {
    const [mira, olga] = [await agentOf('mira'), await agentOf('olga')];
    const { id } = noteOf(await ask(mira, { name: 'for its mark' }));
    const { principal } = await approvalOf(id);
    await world.house.deny(id);
    const read = async (agent: Agent) => textOf(await agent.call('read', {}).answer);
    for (const [grant, miras, olgas] of [
      ['people', /^Frozen: /, /^Frozen: /],
      [principal, /^Frozen: /, /done/],
    ] as const) {
      const frozen = await post('/api/freeze', { scope: { grant }, reason: 'incident' });
      assert.equal(frozen.status, 201, await frozen.clone().text());
      assert.match(await read(mira), miras);
      assert.match(await read(olga), olgas);
      assert.match(textOf(await mira.call('burst', { n: 1 }).answer), /^Frozen: |^Rate limited/);
      const freeze = (await frozen.json()) as { id: string };
      assert.equal((await post(`/api/freeze/${freeze.id}`, { reason: 'over' }, 'DELETE')).status, 200);
      assert.match(await read(mira), /done/);
    }
    const unknown = await post('/api/freeze', { scope: { grant: 'nobody/x' }, reason: 'x' });
    assert.equal(unknown.status, 404);
  });

  it('a freeze of the grant keeps a yes from being spent, and its limits from being taken', async () => {
    const mira = await agentOf('mira');
    const args = { name: 'frozen pass' };
    const { id } = noteOf(await ask(mira, args));
    await world.house.approve(id, 'U0ALEX');
    await world.gateway.reaches(id, 'approved');
    const frozen = await post('/api/freeze', { scope: { grant: 'people' }, reason: 'incident' });
    assert.match(textOf(await ask(mira, args)), /^Frozen: /);
    assert.equal(world.upstream.count('create_key', args), 0);
    await post(`/api/freeze/${((await frozen.json()) as { id: string }).id}`, { reason: 'over' }, 'DELETE');
    assert.match(textOf(await ask(mira, args)), /done/);
  });

  it('the log finds a grant’s events by its name, and one principal’s by theirs', async () => {
    const find = async (grant: string): Promise<Set<string>> => {
      const answer = await world.gateway.api(`/api/events?limit=500&grant=${encodeURIComponent(grant)}`);
      const { items } = (await answer.json()) as { items: { grant: string }[] };
      return new Set(items.map((one) => one.grant));
    };
    const all = [...(await find('people'))].sort();
    assert.ok(all.length >= 4 && all.every((grant) => grant === 'people' || grant.startsWith('people/')), all.join());
    const one = all.find((grant) => grant !== 'people')!;
    assert.deepEqual([...(await find(one))], [one]);
    const grants = (await (await world.gateway.api('/api/grants')).json()) as {
      items: { name: string; lastUsed?: string }[];
    };
    assert.match(JSON.stringify(grants.items.find(({ name }) => name === 'people')), /20\d\d-/);
  });

  it('whoever is no longer one of the people gets nothing for a yes that they had', async () => {
    const mira = await agentOf('mira');
    const args = { name: 'dismissed' };
    const { id } = noteOf(await ask(mira, args));
    await world.house.approve(id, 'U0ALEX');
    await world.gateway.reaches(id, 'approved');
    world.reconfigure((text) =>
      text.replace('mira: { slack: U0MIRA, login: mira,', 'mira: { slack: U0MIRA, login: other,'),
    );
    const told = await eventually('the reload', async () => {
      const text = textOf(await ask(mira, { name: 'probe' }));
      return text.startsWith('Nobody') ? text : null;
    });
    assert.match(told, /Nobody under people/);
    assert.match(textOf(await ask(mira, args)), /^Nobody's call/);
    assert.equal(world.upstream.count('create_key', args), 0);
    world.reconfigure((text) => text.replace('login: other,', 'login: mira,'));
    await eventually('the reload', async () => (textOf(await ask(mira, args)).includes('done') ? true : null));
    assert.equal(world.upstream.count('create_key', args), 1);
  });

  it('revoking the grant ends all that its people have', async () => {
    const [mira, olga] = [await agentOf('mira'), await agentOf('olga')];
    const { id } = noteOf(await ask(mira, { name: 'to be revoked' }));
    assert.equal((await post('/api/grants/people', { reason: 'incident' }, 'DELETE')).status, 200);
    const since = Date.now();
    for (const agent of [mira, olga]) {
      const said = await eventually('the refusal', async () => {
        const answer = await agent.post({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
        const text = await answer.text();
        return answer.status === 403 ? text : null;
      });
      assert.match(said, /revoked/);
    }
    assert.ok(Date.now() - since < 10_000, 'within two seconds, on a machine with nothing else to do');
    await world.gateway.reaches(id, 'withdrawn');
    const own = await Agent.open(`${world.url}/mcp/tools`, world.house.tokens.agent!);
    assert.match(textOf(await own.call('read', {}).answer), /done/, 'another grant goes on');
  });
});

describe('Accounts that are told apart by their address', () => {
  before(async () => {
    world = await agentsWorld({
      oauth: ', match: email, scopes: [mcp, tools]',
      people: 'people:\n  mira: { slack: U0MIRA, login: mira@example.com }\n',
    });
  });
  after(() => world.close());
  const verified = { email: 'Mira@example.com', email_verified: true, scope: 'tools mcp openid' };

  it('belong to the person whose verified address they have, the first one only', async () => {
    const { id } = noteOf(await ask(await agentOf('sub-1', verified), { n: 1 }));
    assert.equal((await approvalOf(id)).owner, 'U0MIRA');
    const second = textOf(await ask(await agentOf('sub-2', verified), { n: 2 }));
    assert.match(second, /^Nobody's call: .*belongs to another account here/);
    const first = noteOf(await ask(await agentOf('sub-1', verified), { n: 1 }));
    assert.equal(first.id, id);
  });

  it('belong to nobody where the address is not verified, is left out, or is only alike', async () => {
    for (const claims of [
      { ...verified, email_verified: false },
      { ...verified, email_verified: undefined },
      { ...verified, email: undefined },
      { ...verified, email: 'mira@example.com.evil.example' },
      { ...verified, email: ['mira@example.com'] },
    ])
      assert.match(textOf(await ask(await agentOf('sub-3', claims), { n: 3 })), /^Nobody's call/);
  });

  it('need every scope: without one the answer is insufficient_scope, with what to ask for', async () => {
    const token = await world.provider.token({ ...verified, scope: undefined, scp: ['mcp'] });
    const answer = await new Agent(`${world.url}/mcp/tools`, token).post({ jsonrpc: '2.0', id: 1, method: 'ping' });
    assert.equal(answer.status, 403);
    const challenge = answer.headers.get('www-authenticate') ?? '';
    assert.match(
      challenge,
      /^Bearer error="insufficient_scope", scope="mcp tools", resource_metadata="http[^"]+", error_description="[^"]+lacks the scope tools\."$/,
    );
    const none = await fetch(`${world.url}/mcp/tools`, { method: 'POST', body: '{}' });
    assert.match(none.headers.get('www-authenticate') ?? '', /, scope="mcp tools"/);
    const metadata = await (await fetch(`${world.url}/.well-known/oauth-protected-resource/mcp/tools`)).json();
    assert.deepEqual((metadata as { scopes_supported: unknown }).scopes_supported, ['mcp', 'tools']);
    const both = await world.provider.token({ ...verified, scope: undefined, scp: ['mcp', 'tools'] });
    await Agent.open(`${world.url}/mcp/tools`, both);
  });
});

describe('The provider of access tokens is away', () => {
  before(async () => {
    world = await agentsWorld();
  });
  after(() => world.close());

  it('the last keys serve meanwhile; without any, the answer is 503 and says so, and a grant’s own token works', async () => {
    const token = await world.provider.token();
    const read = async (url: string, bearer: string): Promise<Response> =>
      new Agent(`${url}/mcp/tools`, bearer).post({
        ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
        params: { name: 'read', arguments: {} },
      });
    assert.equal((await read(world.url, token)).status, 200);
    await world.provider.away(true);
    assert.equal((await read(world.url, await world.provider.token({ jti: 'new' }))).status, 200);
    assert.equal((await read(world.url, await world.provider.byStranger())).status, 401);
    await world.gateway.stop();
    const again = await world.house.start();
    const answer = await read(again.url, token);
    assert.equal(answer.status, 503);
    assert.match(
      await answer.text(),
      /No access token can be judged now: the provider http:\/\/127[^"]*does not answer \(ECONNREFUSED\)\. Nothing was forwarded/,
    );
    assert.equal(answer.headers.get('retry-after'), '10');
    assert.equal((await read(again.url, world.house.tokens.agent!)).status, 200);
    await world.provider.away(false);
    await eventually('keys', async () => ((await read(again.url, token)).status === 200 ? true : null));
  });
});

/** Answers with its process id, whatever it is asked. */
const CHILD = `process.stdin.setEncoding('utf8').on('data', (text) => { for (const line of text.split('\\n')) { if (line === '') continue; const { id, method } = JSON.parse(line); if (id === undefined) continue; const result = method === 'initialize' ? { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'pid', version: '1' } } : { content: [{ type: 'text', text: 'pid ' + process.pid }] }; process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n'); } })`;

describe('What stays open for agents with access tokens', () => {
  let streaming: RecordingUpstream;
  before(async () => {
    streaming = await recordingUpstream();
    streaming.script = ({ method }, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(method === 'GET' ? ': listening\n\n' : ': working\n\n');
    };
    world = await agentsWorld({
      servers: {
        stream: `url: "${streaming.url}"`,
        child: `command: ["${process.execPath}", "-e", ${JSON.stringify(CHILD)}]`,
      },
    });
  });
  after(async () => {
    await world.close();
    await streaming[Symbol.asyncDispose]();
  });

  const opened = async (method: 'GET' | 'POST', claims: Record<string, unknown>, sub = 'mira') => {
    const token = await world.provider.token({ sub, ...claims });
    const response = await fetch(`${world.url}/mcp/stream`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      },
      ...(method === 'POST' && {
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: {} } }),
      }),
    });
    assert.equal(response.status, 200);
    const stream = { ended: false };
    void (async () => {
      try {
        for await (const _ of response.body!);
      } catch {}
      stream.ended = true;
    })();
    return stream;
  };

  it('a stream that listens ends with its token; what was begun with it goes on', async () => {
    const exp = Math.floor(Date.now() / 1_000) + 3;
    const [listening, calling, lasting] = [
      await opened('GET', { exp }),
      await opened('POST', { exp }),
      await opened('GET', {}, 'olga'),
    ];
    assert.equal(listening.ended, false);
    await eventually('its end', async () => listening.ended || null);
    assert.ok(Date.now() >= exp * 1_000, 'not before');
    assert.equal(calling.ended, false);
    assert.equal(lasting.ended, false);
  });

  it('each has a child of a stdio server for themselves', async () => {
    const [mira, olga, also] = [
      await agentOf('mira', {}, 'child'),
      await agentOf('olga', {}, 'child'),
      await agentOf('mira', {}, 'child'),
    ];
    const pidOf = async (agent: Agent) => textOf(await agent.call('read', {}).answer);
    const [one, other] = [await pidOf(mira), await pidOf(olga)];
    assert.match(one, /^pid \d+$/);
    assert.notEqual(one, other);
    assert.equal(await pidOf(mira), one);
    const { session } = olga;
    olga.session = also.session;
    assert.equal((await olga.post({ jsonrpc: '2.0', id: 9, method: 'ping' })).status, 404);
    olga.session = session;
    assert.equal(await pidOf(olga), other);
  });

  it('all of it ends within two seconds when the file names another issuer, and so does what waits', async () => {
    const [listening, calling] = [await opened('GET', {}), await opened('POST', {})];
    const child = await agentOf('mira', {}, 'child');
    const pid = Number(textOf(await child.call('read', {}).answer).slice(4));
    const args = { name: 'of another issuer' };
    const { id } = noteOf(await ask(await agentOf('mira'), args));
    await world.house.approve(id, 'U0ALEX');
    await world.gateway.reaches(id, 'approved');
    world.reconfigure((text) =>
      text.replace(`issuer: "${world.provider.issuer}"`, 'issuer: "https://other.example.com"'),
    );
    await eventually('the end of both', async () => (listening.ended && calling.ended) || null);
    await eventually('the end of the child', async () => {
      try {
        process.kill(pid, 0);
        return null;
      } catch {
        return true;
      }
    });
    const answer = await (await agentOf('mira').catch((error: Error) => error)).toString();
    assert.match(answer, /401.*issuer is not https:\/\/other/);
    assert.equal(world.upstream.count('create_key', args), 0);
  });

  it('a cookie of the console is no credential of an agent', async () => {
    const { cookie } = await visitor(world.url, world.house.adminToken);
    const page = await fetch(`${world.url}/api/approvals`, { headers: { cookie } });
    assert.equal(page.status, 200, 'it is one of the console');
    const answer = await fetch(`${world.url}/mcp/tools`, { method: 'POST', headers: { cookie }, body: '{}' });
    assert.equal(answer.status, 401);
    const secret = cookie.split('=')[1]!;
    const asBearer = await fetch(`${world.url}/mcp/tools`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}` },
      body: '{}',
    });
    assert.equal(asBearer.status, 401);
  });
});
