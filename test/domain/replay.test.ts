import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/config/policy/file.ts';
import { suggesting } from '../../src/config/policy/suggest.ts';
import type { JsonObject } from '../../src/domain/json/json.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import { NO_HISTORY } from '../../src/domain/policy/history.ts';
import type { Policy } from '../../src/domain/policy/policy.ts';
import { roundDown, roundUp } from '../../src/domain/replay/bounds.ts';
import { asCall, judgeKnown } from '../../src/domain/replay/judge-known.ts';
import type { KnownCall, Said } from '../../src/domain/replay/known-call.ts';
import { type Replay, replaying } from '../../src/domain/replay/replay.ts';
import { usesOf } from '../../src/domain/replay/usage.ts';
import { windowStart } from '../../src/domain/replay/windows.ts';
import { ended } from '../../src/text/ended.ts';

const AT = new Date('2026-11-30T09:59:58Z');

function policyOf(text: string): Policy {
  const parsed = parsePolicy(text, { path: 'p.yaml' });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.policy;
}

/** `args`: null where they are not kept. */
function called(tool: string, args: JsonObject | null, more: Partial<KnownCall> = {}): KnownCall {
  const kept = args === null ? null : { arguments: args, sent: { params: {}, meta: {}, headers: {} } };
  const at = more.at ?? AT;
  const who = { server: 's', grant: 'g', owner: null, session: null, approval: null };
  return { n: 1, at, tool, ...who, said: 'allow', passedAt: at, kept, ...more };
}

const replay = (text: string, calls: readonly KnownCall[]): Replay =>
  ended(replaying(calls, { policies: new Map([['s', policyOf(text)]]), upstreamOf: (server) => server }));

describe('what a policy says of a call of which not everything is known', () => {
  const rules = (tool: string): string => `version: "1"\ndefault: deny\nhide: [gone]\ntools:\n  t: ${tool}\n`;
  const DENY = 'deny_if: [{ path: args.a, op: eq, value: x }]';
  const HIDDEN = { a: '[redacted]', b: 'plain' };
  for (const [name, rule, args, expected] of [
    ['known arguments decide', `{ ${DENY} }`, { a: 'y' }, 'allow'],
    ['arguments that are not kept decide nothing', `{ ${DENY} }`, null, 'unknown arguments'],
    ['nor does a redacted value', `{ ${DENY} }`, HIDDEN, 'unknown hidden'],
    ['nor one under a redacted object', '{ deny_if: [{ path: args.a.b, op: exists }] }', HIDDEN, 'unknown hidden'],
    [
      'nor one in a list with a redacted one',
      '{ require: [{ path: "args.a[*]", op: eq, value: x }] }',
      { a: ['x', '[redacted]'] },
      'unknown hidden',
    ],
    [
      'nor a text that repeats a hidden value',
      '{ deny_if: [{ path: args.b, op: contains, value: q }] }',
      { b: 'say [redacted] twice' },
      'unknown hidden',
    ],
    [
      'nor a missing name beside a hidden one',
      '{ deny_if: [{ path: args.b, op: exists }] }',
      { 'x[redacted]': 1 },
      'unknown hidden',
    ],
    [
      'nor a text in the quotes of what looks redacted',
      '{ deny_if: [{ path: args.a, op: eq, value: x }] }',
      { a: '"[redacted]"' },
      'unknown hidden',
    ],
    ['nor what was called before', '{ ask_if: [{ after: { tool: r, within: 1h } }] }', { a: 'y' }, 'unknown earlier'],
    [
      'nor an amount that is hidden',
      '{ limits: [{ counter: c, window: day, max: 9, by: args.a }] }',
      HIDDEN,
      'unknown hidden',
    ],
    [
      'nor what only says how the answer travels',
      '{ deny_if: [{ path: meta.traceparent, op: exists }] }',
      {},
      'unknown arguments',
    ],
    ['what is not read does not matter', `{ ask_if: [{ path: args.b, op: eq, value: plain }] }`, HIDDEN, 'ask'],
    ['what denies anyway is known without arguments', `{ action: deny }`, null, 'deny'],
    [
      'a denial by what is known stands',
      '{ deny_if: [{ path: args.a, op: eq, value: x }, { path: args.b, op: eq, value: plain }] }',
      HIDDEN,
      'deny',
    ],
    [
      'all of them need all',
      '{ deny_if: [{ all: [{ path: args.a, op: eq, value: x }, { path: args.b, op: eq, value: other }] }] }',
      HIDDEN,
      'allow',
    ],
    ['a watched rule is told as though it were enforced', '{ mode: watch, action: deny }', {}, 'deny'],
  ] as const) {
    test(name, () => {
      const said = judgeKnown(policyOf(rules(rule)), called('t', args as JsonObject | null));
      assert.equal(said.kind === 'unknown' ? `unknown ${said.because}` : said.kind, expected);
    });
  }

  test('a hidden tool and one by default are known without arguments', () => {
    assert.equal(judgeKnown(policyOf(rules('{}')), called('gone', null)).kind, 'deny');
    assert.equal(judgeKnown(policyOf(rules('{}')), called('other', null)).kind, 'deny');
  });
});

describe('a replay', () => {
  test('names what changes by tool, agent and rule, counts what nobody can tell, and guesses nothing', () => {
    const text = 'version: "1"\ndefault: deny\ntools:\n  t: { deny_if: [{ path: args.n, op: gt, value: 5 }] }\n';
    const said = replay(text, [
      called('t', { n: 9 }, { n: 1 }),
      called('t', { n: 8 }, { n: 2 }),
      called('t', { n: 9 }, { n: 3, grant: 'h' }),
      called('t', { n: 1 }),
      called('t', null),
      called('u', null, { n: 7, said: 'ask', approval: 'ap_1' }),
      called('t', { n: 1 }, { server: 'elsewhere' }),
    ]);
    assert.deepEqual([said.calls, said.same, said.changed, said.unknown], [6, 1, 4, 1]);
    assert.deepEqual(
      said.changes.map(({ tool, agent, from, to, where, count, calls }) => [
        tool,
        agent,
        from,
        to,
        where,
        count,
        calls.map(({ n, approval }) => approval ?? n),
      ]),
      [
        ['t', 'g', 'allow', 'deny', 'tools.t.deny_if[0]', 2, [1, 2]],
        ['t', 'h', 'allow', 'deny', 'tools.t.deny_if[0]', 1, [3]],
        ['u', 'g', 'ask', 'deny', 'default', 1, ['ap_1']],
      ],
    );
    assert.deepEqual(said.unknowns, [{ server: 's', tool: 't', because: 'arguments', count: 1 }]);
  });

  test('P5: limits are counted with time, by agent, exactly, and only what was let through', () => {
    const text =
      'version: "1"\ndefault: deny\ntools:\n  t: { limits: [{ counter: c, window: hour, max: "0.3", by: args.n }] }\n';
    const next = new Date(AT.getTime() + 2_000);
    const said = replay(text, [
      called('t', { n: 0.1 }),
      called('t', { n: 0.2 }),
      called('t', { n: 0.1 }),
      called('t', { n: 0.1 }, { grant: 'h' }),
      called('t', { n: 0.3 }, { at: next }),
      called('t', { n: 0 }, { at: next, said: 'limited', passedAt: null }),
    ]);
    assert.deepEqual(
      said.changes.map(({ from, to, where, count }) => [from, to, where, count]),
      [
        ['allow', 'limited', 'c', 1],
        ['limited', 'allow', 'tools.t.action', 1],
      ],
    );
    assert.deepEqual(said.limits, [{ server: 's', counter: 'c', scope: 'grant', max: '0.3', most: '0.3', refused: 1 }]);
  });

  test('P5: a question that nobody said yes to takes no quota', () => {
    const text =
      'version: "1"\ndefault: deny\ntools:\n  t: { action: require_approval, limits: [{ counter: c, window: day, max: 1 }] }\n';
    const asked = { said: 'ask', passedAt: null } as const;
    const said = replay(text, [called('t', {}, asked), called('t', {}, asked), called('t', {}, { said: 'ask' })]);
    assert.deepEqual([said.same, said.changed, said.limits[0]?.most], [3, 0, '1']);
  });

  for (const [window, expected] of [
    [{ calendar: 'minute' }, '2026-11-30T09:59:00'],
    [{ calendar: 'day' }, '2026-11-30T00:00:00'],
    [{ calendar: 'week' }, '2026-11-30T00:00:00'],
    [{ calendar: 'month' }, '2026-11-01T00:00:00'],
    [{ seconds: 7 }, new Date(Math.floor(AT.getTime() / 7_000) * 7_000).toISOString().slice(0, 19)],
  ] as const) {
    test(`a window of ${JSON.stringify(window)} begins where SQL begins it`, () => {
      assert.equal(new Date(windowStart(window, AT) * 1_000).toISOString().slice(0, 19), expected);
    });
  }

  test('weeks begin on Monday', () => {
    const sunday = windowStart({ calendar: 'week' }, new Date('2026-11-29T23:59:59Z'));
    assert.equal(new Date(sunday * 1_000).toISOString().slice(0, 10), '2026-11-23');
  });
});

test('round numbers lie outside of what was seen, whatever it was', () => {
  for (const value of [0, 0.3, 1, 3, 7, 10, 480, 501, 99_999, 1e14, -1, -3, -480, 0.1 * 3, 5e-324, -5e-324]) {
    assert.ok(roundUp(value) >= value, `${value} up ${roundUp(value)}`);
    assert.ok(roundDown(value) <= value, `${value} down ${roundDown(value)}`);
  }
  assert.deepEqual(
    [roundUp(480), roundUp(3), roundDown(3), roundDown(0.4), roundDown(-3), roundUp(-3)],
    [500, 5, 2, 0, -5, -2],
  );
});

/** A small generator, so that a failure can be repeated. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const STRENGTH = { allow: 0, ask: 1, deny: 2 } as const;
const TOOLS = ['read', 'write', 'list_a', 'list_b', 'purge', '__proto__', 'constructor', 'asked', 'other', 'a/b.c-d'];
const HOSTILE = [
  'x: "y"\n- z',
  '# no',
  '"',
  "'",
  '*alias',
  '&anchor',
  '!!js/function',
  '{{a}}',
  '\u202eevil',
  'a'.repeat(5_000),
  '',
  '~',
  'null',
  '[redacted]',
  '/srv/a/x',
  '/srv/a/y/../z',
  'https://a.example/x',
  '語',
];
const NAMES = [
  'a',
  'b',
  '__proto__',
  'constructor',
  'a.b',
  'a"b',
  'a\\b',
  'a[0]',
  '*',
  'with space',
  'n\nl',
  'toString',
  'x'.repeat(80),
];

const RULINGS = [
  'version: "1"\ndefault: allow\n',
  'version: "1"\ndefault: deny\ntools:\n  read: {}\n  write: { ask_if: [{ path: args.a, op: exists }] }\n',
  'version: "1"\ndefault: require_approval\nall_tools: { deny_if: [{ path: args.b, op: eq, value: 3 }] }\ntools:\n  "list_*": { rate_limit: 5/hour, require: [{ path: args.a, op: exists }] }\n',
  'version: "1"\ndefault: allow\nhide: [purge]\ntools:\n  "*": {}\n  "list_*": { rate_limit: { max: 3, window: 60 } }\n  read: { mode: watch, action: deny }\n  asked: { action: require_approval, approval: { quorum: 2 } }\n  write: { deny_if: [{ path: args.a, op: contains, value: "#" }], limits: [{ counter: w, window: day, max: 3 }] }\nresources: { "file://**": deny }\n',
  'version: "1"\ndefault: allow\ntools:\n  __proto__: { redact: [args.a] }\n  constructor: { action: deny }\n  "*": { action: require_approval }\n',
  'version: "1"\ntools:\n  read: { rules: [{ name: r, conditions: [{ path: args.a, op: eq, value: x }], on_deny: no }] }\n',
];

describe('a suggested policy', () => {
  const randomArgs = (roll: (sides: number) => number): JsonObject => {
    const value = (depth: number): unknown => {
      switch (roll(depth > 2 ? 5 : 8)) {
        case 0:
          return roll(1_000) - 300;
        case 1:
          return roll(100) / 7;
        case 2:
          return roll(2) === 0;
        case 3:
          return null;
        case 4:
        case 5:
          return HOSTILE[roll(HOSTILE.length)];
        case 6:
          return Array.from({ length: roll(4) }, () => value(depth + 1));
        default:
          return randomArgs(roll);
      }
    };
    const entries = Array.from({ length: roll(4) }, () => [NAMES[roll(NAMES.length)]!, value(0)] as const);
    return Object.fromEntries(entries) as JsonObject;
  };
  /** Calls that look alike, so that there is something to bound; with hidden and unknown ones among them. */
  const usedCalls = (roll: (sides: number) => number, ruling: Policy): KnownCall[] => {
    const fixed = TOOLS.map(() => randomArgs(roll));
    const isWhole = roll(2) === 0;
    return Array.from({ length: 120 }, (_, n) => {
      const at = roll(TOOLS.length);
      const args = roll(12) === 0 ? randomArgs(roll) : { ...fixed[at], n: roll(50), role: ['v', 'e'][roll(2)]! };
      const kept = !isWhole && roll(4) === 0 ? null : args;
      const call = called(TOOLS[at]!, kept, { n, grant: `g${roll(3)}` });
      const said = evaluate(ruling, asCall(call), NO_HISTORY).kind as Said;
      return { ...call, said, passedAt: said === 'deny' || roll(9) === 0 ? null : call.at };
    });
  };

  test('P1: is never looser than the one that rules, on any call, and denies nothing that was let through', () => {
    let made = 0;
    let tighter = 0;
    for (let seed = 1; seed <= 120; seed += 1) {
      const roll = dice(seed);
      const text = RULINGS[seed % RULINGS.length]!;
      const policy = policyOf(text);
      const calls = usedCalls(roll, policy);
      const suggested = ended(
        suggesting({
          ...{ server: 's\n# x', text, format: 'yaml', policy, calls, from: AT, until: AT, mayAsk: roll(2) === 0 },
          uses: ended(usesOf(calls)),
        }),
      );
      assert.ok(suggested.ok, `seed ${seed}: ${JSON.stringify(suggested)}`);
      made += 1;
      const next = policyOf(suggested.text);
      for (let n = 0; n < 300; n += 1) {
        const known = n < calls.length ? calls[n]! : called(TOOLS[roll(TOOLS.length)]!, randomArgs(roll));
        if (known.kept === null) continue;
        const call = asCall(known);
        const [was, is] = [evaluate(policy, call, NO_HISTORY), evaluate(next, call, NO_HISTORY)];
        assert.ok(
          STRENGTH[is.kind] >= STRENGTH[was.kind],
          `seed ${seed}: ${call.tool} ${JSON.stringify(call.args)}\n${suggested.text}`,
        );
        if (STRENGTH[is.kind] > STRENGTH[was.kind]) tighter += 1;
        if (was.kind !== 'deny' && is.kind !== 'deny') {
          const counters = (limits: typeof was.limits) =>
            new Set(limits.map((one) => JSON.stringify([one.counter, one.scope, one.window, one.max, one.by])));
          const kept = counters(is.limits);
          for (const counter of counters(was.limits))
            assert.ok(kept.has(counter), `seed ${seed}: ${call.tool} lost ${counter}`);
        }
        if (n < calls.length && known.passedAt !== null && was.kind !== 'deny')
          assert.notEqual(
            is.kind,
            'deny',
            `seed ${seed}: ${call.tool} ${JSON.stringify(call.args)}\n${suggested.text}`,
          );
      }
    }
    assert.equal(made, 120);
    assert.ok(tighter > 1_000, `it is tighter on ${tighter} calls`);
  });

  const suggestFor = (calls: readonly KnownCall[], text: string, mayAsk = true): string => {
    const policy = policyOf(text);
    const suggested = ended(
      suggesting({
        ...{ server: 's', text, format: 'yaml', policy, calls, from: AT, until: AT, mayAsk },
        uses: ended(usesOf(calls)),
      }),
    );
    assert.ok(suggested.ok, JSON.stringify(suggested));
    return suggested.text;
  };

  test('P8: no hidden value bounds anything, and comments are one line each', () => {
    const calls = Array.from({ length: 9 }, (_, n) =>
      called('t', { token: '[redacted]', 'a\nb: {': n, note: `[redacted] ${n % 2}` }),
    );
    const text = suggestFor(calls, 'version: "1"\ndefault: allow\n');
    assert.match(text, /args\.token: not bounded, it is hidden/);
    assert.match(text, /1 more arguments were not looked at/);
    assert.doesNotMatch(text, /value:.*redacted/);
    assert.doesNotMatch(text, /^b: /m);
  });

  test('P8: what was kept before the policy hid it, and secrets where it hides none, stand in no suggestion', () => {
    const args = {
      note: 'told-before',
      inner: { deep: 'below-it' },
      list: ['of-a-list'],
      api_key: 'a-key',
      plain: 'seen',
    };
    const calls = Array.from({ length: 9 }, () => called('t', args));
    const ruling = (redact: string) =>
      `version: "1"\ndefault: deny\ntools: { t: { action: allow, redact: ${redact} } }\n`;
    const hiding = suggestFor(calls, ruling('[args.note, args.inner, "args.list[*]"]'));
    assert.doesNotMatch(hiding, /told-before|below-it|of-a-list|a-key/);
    assert.match(hiding, /args\.note: not bounded, it is hidden/);
    assert.match(hiding, /"seen"/);
    const showing = suggestFor(calls, ruling('none'));
    assert.doesNotMatch(showing, /a-key/);
    assert.match(showing, /told-before/);
  });

  test('where a sample is known, others are asked about and not denied; where nobody can be asked, they pass', () => {
    const calls = [
      ...Array.from({ length: 30 }, (_, n) => called('t', { role: ['v', 'e'][n % 2]! })),
      ...Array.from({ length: 30 }, () => called('t', null)),
    ];
    const kindOf = (text: string, role: string) =>
      evaluate(policyOf(text), asCall(called('t', { role })), NO_HISTORY).kind;
    const asking = suggestFor(calls, 'version: "1"\ndefault: allow\n');
    assert.deepEqual([kindOf(asking, 'v'), kindOf(asking, 'admin')], ['allow', 'ask']);
    const silent = suggestFor(calls, 'version: "1"\ndefault: allow\n', false);
    assert.deepEqual([kindOf(silent, 'v'), kindOf(silent, 'admin')], ['allow', 'allow']);
  });

  test('P5: a tool that gets the rule of its glob goes on counting with the counters of the glob', () => {
    const ruling = 'version: "1"\ndefault: deny\ntools:\n  "list_*": { rate_limit: 5/hour }\n';
    const next = policyOf(suggestFor([called('list_a', {})], ruling));
    const limitsOf = (policy: Policy) => {
      const said = evaluate(policy, asCall(called('list_a', {})), NO_HISTORY);
      return said.kind === 'deny' ? null : said.limits.map(({ counter, scope, max }) => [counter, scope, max]);
    };
    assert.deepEqual(limitsOf(next), [['rate_limit:list_*', 'session', '5']]);
    assert.deepEqual(limitsOf(next), limitsOf(policyOf(ruling)));
    assert.equal(evaluate(next, asCall(called('list_b', {})), NO_HISTORY).kind, 'deny');
  });

  test('resources, prompts and methods keep what a default that allowed gave them', () => {
    const text = suggestFor([], 'version: "1"\ndefault: allow\nprompts: { p: deny }\n');
    const { sections } = policyOf(text);
    assert.deepEqual(
      [sections.methods?.default, sections.prompts?.default, sections.resources],
      ['allow', 'allow', null],
    );
  });
});
