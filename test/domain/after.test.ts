import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Loaded } from '../../src/config/load.ts';
import { ALL_EXACT } from '../../src/domain/call/inexact.ts';
import { afterUses, type StatedCall, statedHistory } from '../../src/domain/policy/after.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import { foresee } from '../../src/domain/policy/foresee.ts';
import { NO_HISTORY, UNREAD_HISTORY } from '../../src/domain/policy/history.ts';
import { placesFor, placesOf, wantedOf } from '../../src/domain/policy/places.ts';
import type { Risk } from '../../src/domain/tool/risk.ts';
import { LiveRules } from '../../src/main/rules/live-rules.ts';
import { callOf, faultsOf, policyOf } from '../support/domain/policy.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
const MINUTE = 60_000;

interface Stated {
  readonly server?: string;
  readonly risk?: Risk;
  readonly ago?: number;
  readonly succeeded?: boolean;
  readonly sameSession?: boolean;
}

const stated = (
  tool: string,
  { server = 'prometheus', risk, ago = MINUTE, succeeded = true, sameSession = true }: Stated = {},
): StatedCall => ({
  call: { servers: [server], tool, risk: risk ?? null },
  agoMs: ago,
  succeeded,
  sameSession,
});

function verdictAfter(rule: object, ...calls: StatedCall[]): string {
  return evaluate(policyOf({ tools: { t: rule } }), callOf('t'), statedHistory(calls, 'prometheus', NOW)).kind;
}

const after = (of: object) => [{ after: { within: '1h', ...of } }];

/** What was called before, and the verdicts with it as a condition of deny_if, ask_if and require. */
const ROWS: [name: string, condition: object, calls: StatedCall[], verdicts: [string, string, string]][] = [
  ['nothing was called', { tool: 'read' }, [], ['allow', 'allow', 'deny']],
  ['the tool was called', { tool: 'read' }, [stated('read')], ['deny', 'ask', 'allow']],
  [
    'the tool was called longer ago',
    { tool: 'read' },
    [stated('read', { ago: 61 * MINUTE })],
    ['allow', 'allow', 'deny'],
  ],
  [
    'the tool was called and failed, or is under way',
    { tool: 'read' },
    [stated('read', { succeeded: false })],
    ['deny', 'ask', 'deny'],
  ],
  ['another tool was called', { tool: 'read' }, [stated('reads')], ['allow', 'allow', 'deny']],
  ['a glob matches', { tool: 'read_*' }, [stated('read_page')], ['deny', 'ask', 'allow']],
  ['the name was written in another case', { tool: 'read_*' }, [stated('READ_page')], ['deny', 'ask', 'deny']],
  [
    'the same tool of another server',
    { tool: 'read' },
    [stated('read', { server: 'web' })],
    ['allow', 'allow', 'deny'],
  ],
  ['a named server', { server: 'web' }, [stated('anything', { server: 'web' })], ['deny', 'ask', 'allow']],
  [
    'a tool of a named server',
    { server: 'web', tool: 'read' },
    [stated('write', { server: 'web' })],
    ['allow', 'allow', 'deny'],
  ],
  ['any server', { server: '*' }, [stated('x', { server: 'other' })], ['deny', 'ask', 'allow']],
  ['a risk', { risk: 'read' }, [stated('x', { risk: 'read' })], ['deny', 'ask', 'allow']],
  ['another risk', { risk: 'read' }, [stated('x', { risk: 'write' })], ['allow', 'allow', 'deny']],
  [
    'a risk of any server',
    { risk: 'read', server: '*' },
    [stated('x', { risk: 'read', server: 'web' })],
    ['deny', 'ask', 'allow'],
  ],
  ['another session, by grant', { tool: 'read' }, [stated('read', { sameSession: false })], ['deny', 'ask', 'allow']],
  [
    'another session, by session',
    { tool: 'read', in: 'session' },
    [stated('read', { sameSession: false })],
    ['allow', 'allow', 'deny'],
  ],
];

for (const [name, condition, calls, expected] of ROWS) {
  test(`after: ${name}`, () => {
    const verdicts = ['deny_if', 'ask_if', 'require'].map((key) => verdictAfter({ [key]: after(condition) }, ...calls));
    assert.deepEqual(verdicts, expected);
  });
}

test('P6: a history that was not read, or cannot be believed, denies what is forbidden or required, and asks', () => {
  for (const history of [UNREAD_HISTORY, undefined]) {
    const verdicts = ['deny_if', 'ask_if', 'require'].map((key) => {
      const verdict = evaluate(policyOf({ tools: { t: { [key]: after({ tool: 'read' }) } } }), callOf('t'), history);
      assert.match(JSON.stringify(verdict.trace), /cannot be read/);
      return verdict.kind;
    });
    assert.deepEqual(verdicts, ['deny', 'ask', 'deny']);
  }
});

test('the trace says which earlier call it was, and when', () => {
  const policy = policyOf({ tools: { t: { ask_if: after({ tool: 'read' }), reason: 'Look twice.' } } });
  const verdict = evaluate(
    policy,
    callOf('t'),
    statedHistory([stated('read'), stated('read', { ago: 5 * MINUTE })], 'prometheus', NOW),
  );
  assert.deepEqual(verdict.trace.steps, [
    {
      path: 'tools.t.ask_if[0]',
      says: 'after read within 1h by the same grant: yes, prometheus.read at 2026-11-30T11:59:00.000Z',
      decided: true,
    },
  ]);
});

test('it combines with conditions on the call', () => {
  const rule = {
    ask_if: [{ all: [{ path: 'args.to', op: 'eq', value: 'out' }, { after: { risk: 'read', within: '10m' } }] }],
  };
  const policy = policyOf({ tools: { t: rule } });
  const history = statedHistory([stated('x', { risk: 'read' })], 'prometheus', NOW);
  assert.equal(evaluate(policy, callOf('t', { to: 'out' }), history).kind, 'ask');
  assert.equal(evaluate(policy, callOf('t', { to: 'in' }), history).kind, 'allow');
  assert.equal(evaluate(policy, callOf('t', { to: 'out' }), NO_HISTORY).kind, 'allow');
  assert.equal(foresee(policy, callOf('t', { to: 'out' }), ALL_EXACT).kind, 'allow');
});

/** Each is refused when the file is loaded. */
const FAULTS: [condition: string, says: RegExp][] = [
  ['{ within: 1h }', /names no calls \(expected one of tool, risk and server\)/],
  ['{ tool: read }', /within/],
  ['{ tool: read, within: soon }', /a duration such as/],
  ['{ tool: read, within: 500ms }', /a duration from 1s to 31d/],
  ['{ tool: read, within: 32d }', /a duration from 1s to 31d/],
  ['{ tool: "two words", within: 1h }', /can never match a tool/],
  ['{ tool: read, risk: read, within: 1h }', /given together with tool/],
  ['{ risk: dangerous, within: 1h }', /risk/],
  ['{ server: "a b", within: 1h }', /the name of a server/],
  ['{ server: web, within: 1h, in: session }', /a session is of one server/],
  ['{ tool: read, within: 1h, in: person }', /grant/],
  ['{ tool: read, within: 1h, since: 2h }', /since/],
  ['read', /\{ tool, risk or server, within: 1h, in: grant or session \}/],
];
for (const [condition, says] of FAULTS) {
  test(`a file with after: ${condition} is refused`, () => {
    const faults = faultsOf(`version: "1"\ndefault: deny\ntools:\n  t:\n    deny_if: [{ after: ${condition} }]\n`);
    assert.match(faults.join('\n'), says);
    assert.match(faults.join('\n'), /deny_if\[0\]\.after/);
  });
}

test('an allowance cannot depend on earlier calls', () => {
  const allowance = '{ max_minutes: 5, max_calls: 5, within: [{ after: { tool: read, within: 1h } }] }';
  const text = `version: "1"\ndefault: deny\ntools:\n  t: { risk: write, action: require_approval, approval: { allowance: ${allowance} } }\n`;
  assert.match(faultsOf(text).join(), /looks at earlier calls \(after\)/);
});

test('a policy with more than 100 of them is refused', () => {
  const many = Array.from({ length: 101 }, (_, n) => `{ after: { tool: t${n}, within: 1h } }`).join(', ');
  assert.match(
    faultsOf(`version: "1"\ndefault: deny\ntools:\n  t: { deny_if: [${many}] }\n`).join(),
    /at most 100 in one policy/,
  );
});

test('only calls that some rule names are remembered, each once, for as long as the longest rule looks back', () => {
  const policy = policyOf({
    tools: {
      t: { ask_if: after({ tool: 'read' }), deny_if: [{ after: { tool: 'read', within: '2h', in: 'session' } }] },
      u: { require: after({ server: 'backup', tool: 'run' }) },
    },
  });
  const all = afterUses(policy).map((use) => ({ server: 'files', use }));
  const wanted = (tool: string, ...servers: string[]) => wantedOf(all, { servers, tool, risk: null });
  assert.deepEqual(wanted('write', 'files'), []);
  assert.deepEqual(wanted('read', 'web'), []);
  assert.deepEqual(wanted('read', 'files'), [
    { as: '["files","read",null]', phase: 'begun', bySession: true, longestMs: 120 * MINUTE },
  ]);
  assert.deepEqual(
    wanted('run', 'backup').map(({ phase }) => phase),
    ['succeeded'],
  );
  // Under another name of the same upstream it has begun; a success counts only by its own name.
  assert.equal(wanted('read', 'again', 'files').length, 1);
  assert.equal(wanted('run', 'again', 'backup').length, 0);
});

/** Who remembers, who looks, in which phase, by session: whether the call is found. */
const SESSIONS: [by: string | null, looks: string | null, phase: 'begun' | 'succeeded', found: boolean][] = [
  ['a', 'a', 'begun', true],
  ['a', 'b', 'begun', false],
  [null, 'b', 'begun', true],
  ['a', null, 'begun', true],
  [null, null, 'begun', true],
  ['a', 'a', 'succeeded', true],
  ['a', 'b', 'succeeded', false],
  [null, 'b', 'succeeded', false],
  ['a', null, 'succeeded', false],
  [null, null, 'succeeded', true],
];
for (const [by, looks, phase, found] of SESSIONS) {
  test(`in: session: ${phase} in ${by ?? 'no session'} is ${found ? '' : 'not '}found from ${looks ?? 'no session'}`, () => {
    const calls = { server: null, tool: null, risk: null };
    const wanted = { as: '["files",null,null]', phase, bySession: true, longestMs: 1 };
    const kept = placesOf(wanted, { grant: 'g', session: by });
    const looked = placesFor({ calls, withinMs: 1, scope: 'session' }, phase, { grant: 'g', session: looks }, 'files');
    assert.equal(
      looked.some((place) => kept.includes(place)),
      found,
    );
    const others = placesFor({ calls, withinMs: 1, scope: 'session' }, phase, { grant: 'h', session: looks }, 'files');
    assert.equal(
      others.some((place) => kept.includes(place)),
      false,
      'another grant',
    );
  });
}

test('P1: a call is remembered by its risk under another letter case and another name of its upstream', () => {
  const rules = (web2: object) => {
    const policies = {
      web: { default: 'allow', tools: { fetch: { risk: 'read' }, 'list_*': { risk: 'read' }, plain: {} } },
      web2,
      mail: {
        tools: {
          send: { ask_if: after({ server: 'web', risk: 'read' }), require: after({ server: 'web2', risk: 'read' }) },
        },
      },
    };
    const server = (path: string) => ({ upstream: { kind: 'http', url: `http://127.0.0.1:1/${path}` } });
    const servers = new Map(['web', 'web2', 'mail'].map((name) => [name, server(name === 'mail' ? 'm' : 'w')]));
    const config = { config: { servers, grants: [], approval: {}, people: null }, secrets: { adminToken: null } };
    const loaded = {
      ...config,
      policies: new Map(Object.entries(policies).map(([name, file]) => [name, policyOf(file)])),
    };
    return new LiveRules(loaded as unknown as Loaded, () => NOW, {
      has: () => false,
      refreshUnlessFresh: async () => {},
    });
  };
  const silent = rules({ default: 'allow', tools: {} });
  const phases = (server: string, tool: string, of = silent) => of.wanted(server, tool).map(({ phase }) => phase);
  for (const [server, tool] of [
    ['web', 'fetch'],
    ['web', 'Fetch'],
    ['web', 'LIST_pages'],
    ['web2', 'fetch'],
    ['web2', 'FETCH'],
  ] as const)
    assert.deepEqual(phases(server, tool), ['begun'], `${server}.${tool}`);
  assert.deepEqual(phases('web', 'plain'), []);
  assert.deepEqual(phases('web', 'other'), []);
  assert.deepEqual(phases('mail', 'fetch'), []);
  const own = rules({ default: 'allow', tools: { fetch: { risk: 'write' }, plain: { risk: 'read' } } });
  assert.deepEqual(phases('web', 'plain', own), ['begun'], 'a rule of another name of its upstream says so');
  assert.deepEqual(phases('web2', 'plain', own), ['begun', 'succeeded']);
  assert.deepEqual(phases('web2', 'fetch', own), ['begun'], 'a success only by its own rule');
});
