/** The less used ways in: what servers ask, tasks, answers of the modern era, the console, bodies that never end. */
import { type ClientRequest, request } from 'node:http';
import { HEADERS } from '../load.ts';
import { type Attack, call, nextId, openSession, pending, post, send, type Target } from './send.ts';

const MB = 1024 * 1024;

async function approveNext(target: Target, known: ReadonlySet<string>): Promise<void> {
  for (let waited = 0; waited < 100; waited += 1) {
    const id = (await pending(target)).find((one) => !known.has(one.id))?.id;
    if (id !== undefined) {
      const headers = { authorization: `Bearer ${target.adminToken}`, 'content-type': 'application/json' };
      await send(`${target.url}/api/approvals/${id}/decisions`, '{"decision":"approve"}', headers);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A gated call in a session, during which its server asks. */
const asking = (name: string, tool: string, headers: Record<string, string> = {}): Attack => ({
  name,
  async run(target) {
    const known = new Set((await pending(target)).map(({ id }) => id));
    const session = await openSession(target, 'up', '2025-11-25');
    const answered = call(target, 'up', tool, '{}', { ...session, ...headers });
    await approveNext(target, known);
    await answered;
  },
});

/** A call of 2026-07-28. */
function modernCall(target: Target, tool: string, args: string) {
  const meta =
    '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"a","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}';
  const body = `{"jsonrpc":"2.0","id":${nextId()},"method":"tools/call","params":{"name":"${tool}","arguments":${args},${meta}}}`;
  const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': tool };
  return post(target, 'up', body, headers);
}

const modern = (name: string, tool: string): Attack => ({
  name,
  async run(target) {
    const known = new Set((await pending(target)).map(({ id }) => id));
    const answered = modernCall(target, tool, '{}');
    await approveNext(target, known);
    await answered;
  },
});

const method = (name: string, message: string): Attack => ({
  name,
  run: async (target) =>
    post(target, 'up', `{"jsonrpc":"2.0","id":${nextId()},${message}}`, await openSession(target, 'up', '2025-11-25')),
});

/** A gated call that becomes a task (2025-11-25), approved, and its result. */
const asTask: Attack = {
  name: 'text of 2 MB as a task, gated',
  async run(target) {
    const session = await openSession(target, 'up', '2025-11-25');
    const known = new Set((await pending(target)).map(({ id }) => id));
    const args = `{"a":"${'t'.repeat(2 * MB - 500)}"}`;
    const body = `{"jsonrpc":"2.0","id":${nextId()},"method":"tools/call","params":{"name":"gated","arguments":${args},"task":{"ttl":60000}}}`;
    const { text } = await post(target, 'up', body, session);
    await approveNext(target, known);
    const id = /"taskId":"([^"]+)"/.exec(text)?.[1] ?? 'none';
    for (const name of ['tasks/get', 'tasks/result']) {
      await post(
        target,
        'up',
        `{"jsonrpc":"2.0","id":${nextId()},"method":"${name}","params":{"taskId":"${id}"}}`,
        session,
      );
    }
  },
};

/** A hundred bodies without their ends. */
const unfinished: Attack = {
  name: '100 unfinished bodies of 4 MB',
  async run({ url, token }) {
    const headers = { ...HEADERS, authorization: `Bearer ${token}`, 'content-length': 4 * MB };
    const part = Buffer.alloc(4 * MB - 1, 0x20);
    const open: ClientRequest[] = [];
    for (let n = 0; n < 100; n += 1) {
      const sent = request(`${url}/mcp/up`, { method: 'POST', agent: false, headers });
      sent.on('error', () => undefined).on('response', (answer) => answer.resume());
      sent.write(part);
      open.push(sent);
    }
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    for (const sent of open) sent.destroy();
  },
};

/** Twenty callers of one large call, approved. */
const joining: Attack = {
  name: '20 joins of 0.8 MB, approved',
  async run(target) {
    const known = new Set((await pending(target)).map(({ id }) => id));
    const args = `{"j":"${'j'.repeat(800_000)}"}`;
    const answered = Array.from({ length: 20 }, () => call(target, 'up', 'gated', args));
    await approveNext(target, known);
    await Promise.all(answered);
  },
};

/** A page of the console, signed in. `path` may depend on the approval that is pending. */
const page = (name: string, path: (approval: string) => string): Attack => ({
  name,
  async run(target) {
    const { url, adminToken } = target;
    const headers = { origin: url, 'content-type': 'application/x-www-form-urlencoded' };
    const { cookie = '' } = await send(`${url}/login`, `token=${encodeURIComponent(adminToken)}&next=/`, headers);
    const left = new AbortController();
    const args = `{"p":"${'p'.repeat(2 * MB - 500)}"}`;
    const known = new Set((await pending(target)).map(({ id }) => id));
    const body = `{"jsonrpc":"2.0","id":${nextId()},"method":"tools/call","params":{"name":"gated","arguments":${args}}}`;
    const waiting = fetch(`${url}/mcp/up`, {
      method: 'POST',
      headers: { ...HEADERS, authorization: `Bearer ${target.token}` },
      body,
      signal: left.signal,
    }).catch(() => undefined);
    let id = [...known][0];
    for (let waited = 0; id === undefined && waited < 100; waited += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      id = (await pending(target))[0]?.id;
    }
    const { status, text } = await send(`${url}${path(id ?? '')}`, null, { cookie });
    left.abort();
    await waiting;
    if (status !== 200) throw new Error(`HTTP ${status}: ${text.slice(0, 200)}`);
  },
});

export const ENTRANCES: readonly Attack[] = [
  asking('server asks 3 MB, approved', 'gated_asks_3mb'),
  asking('server asks 30 MB, approved', 'gated_asks_30mb'),
  asking('server asks 1,000 times, approved', 'gated_asks_often'),
  asking('server asks 30 MB, JSON only, approved', 'gated_asks_30mb', { accept: 'application/json' }),
  modern('question of 3 MB as a result, approved', 'gated_input_3mb'),
  modern('question of 200,000 members, approved', 'gated_input_members'),
  asTask,
  method('tasks/list of 4 MB', '"method":"tasks/list"'),
  method('tasks/get of 20 MB', '"method":"tasks/get","params":{"taskId":"one"}'),
  method('resources/read of 20 MB', '"method":"resources/read","params":{"uri":"file:///a"}'),
  method(
    '350,000 members of 3 MB, as a resource',
    `"method":"resources/read","params":{"uri":"a",${manyMembers(350_000)}}`,
  ),
  joining,
  unfinished,
  page('console: inbox with 2 MB', () => '/'),
  page('console: approval of 2 MB', (id) => `/approvals/${id}`),
  page('console: audit search', () => `/audit?text=${'a%20'.repeat(70)}`),
  page('console: overview', () => '/overview'),
];

function manyMembers(count: number): string {
  return Array.from({ length: count }, (_, i) => `"m${i.toString(36)}":1`).join();
}
