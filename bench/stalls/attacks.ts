import { ENTRANCES } from './entrances.ts';
import { type Attack, call, nextId, openSession, pending, post, send } from './send.ts';

const MB = 1024 * 1024;

/** In a session, because anybody can use the same ids without one. */
const batch = (name: string, messages: () => readonly object[]): Attack => ({
  name,
  run: async (target) => post(target, 'up', JSON.stringify(messages()), await openSession(target, 'up')),
});

const calling = (name: string, server: string, tool: string, args = () => '{}'): Attack => ({
  name,
  run: (target) => call(target, server, tool, args()),
});

const inSession = (name: string, server: string, tool: string, args = () => '{}'): Attack => ({
  name,
  run: async (target) => call(target, server, tool, args(), await openSession(target, server)),
});

/** Values that their name hides, all different. */
const secrets = (many: number) => () =>
  `{"tokens":[${Array.from({ length: many }, (_, i) => `"${i}-secret"`).join()}]}`;

/** A call of a gated tool, approved once it is pending. */
const approving = (name: string, tool: string, args = () => '{}'): Attack => ({
  name,
  async run(target) {
    const known = new Set((await pending(target)).map((one) => one.id));
    const answered = call(target, 'up', tool, args());
    let id: string | undefined;
    for (let waited = 0; id === undefined && waited < 100; waited += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      id = (await pending(target)).find((one) => !known.has(one.id))?.id;
      if (await Promise.race([answered.then(() => true), false])) break;
    }
    if (id !== undefined) {
      const headers = { authorization: `Bearer ${target.adminToken}`, 'content-type': 'application/json' };
      await send(`${target.url}/api/approvals/${id}/decisions`, '{"decision":"approve"}', headers);
    }
    const { status, text } = await answered;
    if (status !== 200 && status !== 400 && status !== 413) throw new Error(`HTTP ${status}: ${text.slice(0, 200)}`);
  },
});

const members = (count: number) => (): string =>
  `{${Array.from({ length: count }, (_, i) => `"m${i.toString(36)}":1`).join()}}`;
const nested = (levels: number, width: number) => (): string =>
  `{"a":[${Array.from({ length: width }, () => `${'['.repeat(levels)}${']'.repeat(levels)}`).join()}]}`;

function reading(name: string, path: string): Attack {
  return {
    name,
    run: (target) => send(`${target.url}${path}`, null, { authorization: `Bearer ${target.adminToken}` }),
  };
}

/** In the order in which they are made: what reads comes last, because then there is something to read. */
export const ATTACKS: readonly Attack[] = [
  { name: 'calm', run: () => new Promise((resolve) => setTimeout(resolve, 1_000)) },
  batch('batch of 3,500 cancellations', () =>
    Array.from({ length: 3_500 }, (_, i) => ({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: i },
    })),
  ),
  batch('batch of 100 cancellations', () =>
    Array.from({ length: 100 }, (_, i) => ({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: i },
    })),
  ),
  batch('batch of 40 cancellations of long ids', () =>
    Array.from({ length: 40 }, (_, i) => ({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: 'x'.repeat(6_000) + i },
    })),
  ),
  batch('batch of 40,000 progress notifications', () =>
    Array.from({ length: 40_000 }, (_, i) => ({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progress: i },
    })),
  ),
  {
    name: '700 Mcp-Param headers, 45,000 arguments',
    run: (target) => {
      const headers = Object.fromEntries(Array.from({ length: 700 }, (_, i) => [`mcp-param-${i}`, '1']));
      return call(target, 'up', 'open', members(45_000)(), headers);
    },
  },
  {
    name: '60 Mcp-Param headers, 45,000 arguments',
    run: (target) => {
      const headers = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`mcp-param-${i}`, '1']));
      return call(target, 'up', 'open', members(45_000)(), headers);
    },
  },
  calling('350,000 members, 3 MB, allowed', 'up', 'open', members(350_000)),
  calling('45,000 members, allowed', 'up', 'open', members(45_000)),
  calling('45,000 members, judged by conditions', 'up', 'judged', members(45_000)),
  approving('350,000 members, 3 MB, gated', 'gated', members(350_000)),
  approving('45,000 members, gated', 'gated', members(45_000)),
  approving(
    '2,400 objects of 20 members, gated',
    'gated',
    () => `{"rows":[${Array.from({ length: 2_400 }, members(20)).join()}]}`,
  ),
  approving('50 short members, gated', 'gated', members(50)),
  approving('95,000 numbers, gated', 'gated', () => `{"a":[${'1,'.repeat(95_000)}1]}`),
  calling('45,000 secrets, allowed', 'up', 'open', secrets(45_000)),
  calling('600 secrets, 9 KB, allowed', 'up', 'open', secrets(600)),
  approving('45,000 secrets, gated', 'gated', secrets(45_000)),
  approving(
    '280,000 repeats of a secret, gated',
    'gated',
    () => `{"token":"abcdef","text":"${'abcdef,'.repeat(280_000)}"}`,
  ),
  calling('1.9 million numbers', 'up', 'open', () => `{"a":[${'1,'.repeat(1_900_000)}1]}`),
  calling('30,000 towers of 60 levels', 'up', 'open', nested(60, 30_000)),
  calling('text of 4 MB', 'up', 'open', () => `{"a":"${'x'.repeat(4 * MB - 500)}"}`),
  calling('text of 4 MB, judged by a pattern', 'up', 'judged', () => `{"a":"${'x'.repeat(4 * MB - 500)}"}`),
  calling('text of 4 MB, gated and refused', 'up', 'gated', () => `{"a":"${'x'.repeat(4 * MB - 500)}"}`),
  approving('text of 2 MB, gated', 'gated', () => `{"a":"${'x'.repeat(2 * MB - 500)}"}`),
  approving('text of 2 MB of two-byte characters, gated', 'gated', () => `{"a":"${'ж'.repeat(MB - 500)}"}`),
  approving('text of 2 MB of escapes, gated', 'gated', () => `{"a":"${'\\u0007'.repeat(349_000)}"}`),
  calling('number of 4 MB', 'up', 'open', () => `{"a":${'7'.repeat(4 * MB - 500)}}`),
  calling('number of 4 MB, gated', 'up', 'gated', () => `{"a":0.${'7'.repeat(4 * MB - 500)}}`),
  calling('name of 4 MB', 'up', 'open', () => `{"${'n'.repeat(4 * MB - 500)}":1}`),
  approving('name of 1 MB, gated', 'gated', () => `{"${'n'.repeat(MB)}":1}`),
  {
    name: 'tool name of 4 MB',
    run: (target) => call(target, 'up', 'n'.repeat(4 * MB - 500), '{}'),
  },
  {
    name: 'id of 4 MB, gated',
    run: (target) =>
      post(
        target,
        'up',
        `{"jsonrpc":"2.0","id":"${'i'.repeat(4 * MB - 500)}","method":"tools/call","params":{"name":"denied"}}`,
      ),
  },
  calling('answer of 20 MB, allowed', 'up', 'whole_20mb'),
  calling('answer of 1.2 million members, allowed', 'up', 'members_20mb'),
  calling('event of 30 MB, allowed', 'up', 'event_30mb'),
  calling('100,000 events, allowed', 'up', 'many_events'),
  calling('event of 2 million lines, allowed', 'up', 'many_lines'),
  approving('answer of 3 MB, approved', 'gated_whole_3mb'),
  approving('answer of 20 MB, approved', 'gated_whole_20mb'),
  approving('answer of 1.2 million members, approved', 'gated_members_20mb'),
  approving('event of 30 MB, approved', 'gated_event_30mb'),
  approving('100,000 events, approved', 'gated_many_events'),
  approving('event of 2 million lines, approved', 'gated_many_lines'),
  {
    name: 'list of 50,000 tools',
    run: (target) => post(target, 'up', `{"jsonrpc":"2.0","id":${nextId()},"method":"tools/list"}`),
  },
  {
    name: 'list of one tool of 1.2 million members',
    run: (target) =>
      post(target, 'up', `{"jsonrpc":"2.0","id":${nextId()},"method":"tools/list","params":{"cursor":"long"}}`),
  },
  calling('answer with a number of 60 MB, allowed', 'up', 'number_60mb'),
  approving('answer with a number of 60 MB, approved', 'gated_number_60mb'),
  inSession('stdio: lines of 60 MB', 'child', 'long_lines'),
  inSession('stdio: lines of 10 million numbers', 'child', 'members'),
  inSession('stdio: 300,000 short lines', 'child', 'short_lines'),
  inSession('stdio: 60 million empty lines', 'child', 'empty_lines'),
  inSession('stdio: answer of 40 MB', 'child', 'long_result'),
  inSession('stdio: 4 MB to it', 'child', 'open', () => `{"a":"${'x'.repeat(4 * MB - 500)}"}`),
  inSession('stdio: 45,000 members to it', 'child', 'open', members(45_000)),
  {
    name: 'headers of 15 KB',
    run: (target) => call(target, 'up', 'open', '{}', { 'x-long': 'h'.repeat(15_000) }),
  },
  {
    name: 'unsigned Slack body of 4 MB',
    run: (target) =>
      send(`${target.url}/slack/events`, `payload=${'%7B'.repeat(1_300_000)}`, {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-signature': 'v0=00',
        'x-slack-request-timestamp': String(Math.floor(Date.now() / 1_000)),
      }),
  },
  reading('events, 500 a page', '/api/events?limit=500'),
  reading('approvals, 500 a page', '/api/approvals?limit=500'),
  reading('events of the chain, 500 a page', '/api/events/tail?after=0'),
  reading('export of the log, with cards', '/api/events/export?cards=1'),
  reading('audit search', `/api/events?text=${'a%20'.repeat(2_000)}&limit=500`),
  ...ENTRANCES,
];
