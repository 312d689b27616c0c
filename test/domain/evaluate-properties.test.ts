import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePolicy } from '../../src/config/policy/file.ts';
import { amount, compare, decimal } from '../../src/domain/json/decimal.ts';
import type { JsonObject } from '../../src/domain/json/json.ts';
import { OPERATORS } from '../../src/domain/policy/condition.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import { glob, matchesGlob } from '../../src/domain/policy/glob.ts';
import { callOf } from '../support/domain/policy.ts';

const RUNS = { numRuns: 300 };

const names = fc.constantFrom('a', 'b', 'get_a', '*', 'get_*', '?', '__proto__', 'constructor', 'toString');
const paths = fc.constantFrom('args.x', 'args.y.z', 'args.l[*]', 'args.l[0]', 'args.constructor', 'args.__proto__');
const scalars = fc.oneof(
  fc.constantFrom('yes', 'no', ''),
  fc.integer({ min: -3, max: 3 }),
  fc.boolean(),
  fc.constant(null),
);
const leaf = fc.record({ path: paths, op: fc.constantFrom(...OPERATORS), value: scalars }).map((made) => {
  switch (made.op) {
    case 'in':
    case 'not_in':
      return { ...made, value: [made.value, 'yes'] };
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      return { ...made, value: typeof made.value === 'number' ? made.value : 1 };
    case 'regex':
    case 'starts_with':
      return { ...made, value: 'y' };
    case 'path_under':
      return { ...made, value: '/y' };
    case 'exists':
      return { ...made, value: made.value === true };
    default:
      return made;
  }
});
const condition = fc.oneof(
  { weight: 4, arbitrary: leaf as fc.Arbitrary<object> },
  { weight: 1, arbitrary: fc.record({ all: fc.array(leaf, { minLength: 1, maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ any: fc.array(leaf, { minLength: 1, maxLength: 3 }) }) },
);
const conditions = fc.array(condition, { maxLength: 2 });
const checks = {
  deny_if: conditions,
  require: conditions,
  ask_if: conditions,
  limits: fc.constantFrom([], [{ counter: 'c', window: 'day', max: 1, by: 'args.x' }]),
};
const tool = fc.record({ action: fc.constantFrom('allow', 'require_approval'), ...checks }, { requiredKeys: [] });
const policies = fc.record(
  {
    version: fc.constant('1'),
    default: fc.constantFrom('allow', 'deny', 'require_approval'),
    hide: fc.uniqueArray(names, { maxLength: 1 }),
    all_tools: fc.record({ deny_if: conditions, require: conditions, ask_if: conditions }, { requiredKeys: [] }),
    tools: fc.dictionary(names, tool, { maxKeys: 4 }),
  },
  { requiredKeys: ['version', 'default', 'tools'] },
);
type PolicyFile = {
  hide?: string[];
  all_tools?: { deny_if?: object[] };
  tools: Record<string, Record<string, unknown>>;
};

const value = fc.letrec((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    scalars,
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('x', 'y', 'z', 'l', '__proto__', 'constructor'), tie('json'), { maxKeys: 3 }),
  ),
})).json;
const args = fc.dictionary(fc.constantFrom('x', 'y', 'l', '__proto__', 'constructor'), value, { maxKeys: 4 });
const called = fc.oneof(fc.constantFrom('a', 'b', 'get_a', 'get_b', '__proto__', 'constructor', ''), fc.string());

function compiled(file: object) {
  const parsed = parsePolicy(JSON.stringify(file), { path: 'p.json' });
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.faults));
  return parsed.policy;
}

const STRICTNESS = { allow: 0, ask: 1, deny: 2 } as const;

test('evaluation is total and deterministic, and exactly one step decides', () => {
  fc.assert(
    fc.property(policies, called, args, (file, name, given) => {
      const call = callOf(name, given as JsonObject);
      const verdict = evaluate(compiled(file), call);
      assert.deepEqual(evaluate(compiled(file), call), verdict);
      assert.equal(verdict.trace.steps.filter((step) => step.decided).length, 1);
      assert.equal(verdict.trace.steps.at(-1)?.decided, true);
    }),
    RUNS,
  );
});

test('adding a denial never allows more', () => {
  const ruleOf = (file: PolicyFile, name: string) => (Object.hasOwn(file.tools, name) ? file.tools[name] : undefined);
  const additions: ((file: PolicyFile, name: string, extra: object) => void)[] = [
    (file, name) => {
      file.hide = [...new Set([...(file.hide ?? []), name])];
    },
    (file, _, extra) => {
      file.all_tools = { ...file.all_tools, deny_if: [...(file.all_tools?.deny_if ?? []), extra] };
    },
    (file, name, extra) => {
      const rule = ruleOf(file, name);
      if (rule !== undefined) rule.deny_if = [...((rule.deny_if as object[]) ?? []), extra];
    },
    (file, name, extra) => {
      const rule = ruleOf(file, name);
      if (rule !== undefined) rule.require = [...((rule.require as object[]) ?? []), extra];
    },
    (file, name) => {
      const rule = ruleOf(file, name);
      if (rule === undefined) return;
      rule.action = 'deny';
      delete rule.ask_if;
    },
  ];
  fc.assert(
    fc.property(
      policies,
      names,
      condition,
      fc.nat(additions.length - 1),
      called,
      args,
      (file, name, extra, which, tool, given) => {
        const more = structuredClone(file) as unknown as PolicyFile;
        additions[which]!(more, name, extra);
        const call = callOf(tool, given as JsonObject);
        const before = evaluate(compiled(file), call);
        const after = evaluate(compiled(more), call);
        assert.ok(STRICTNESS[after.kind] >= STRICTNESS[before.kind], `${before.kind} became ${after.kind}`);
      },
    ),
    RUNS,
  );
});

test('leaving an argument out never allows more than any value of another type than the rule expects', () => {
  fc.assert(
    fc.property(leaf, fc.constantFrom('require', 'deny_if'), (made, key) => {
      if (made.op === 'exists') return;
      const policy = compiled({ version: '1', default: 'deny', tools: { t: { [key]: [made] } } });
      assert.equal(evaluate(policy, callOf('t')).kind, 'deny');
    }),
    RUNS,
  );
});

test('globs match what the same regular expression matches', () => {
  const pattern = fc
    .array(fc.constantFrom('a', 'b', '_', '.', '*', '?'), { minLength: 1, maxLength: 8 })
    .map((all) => `${all.join('')}*`);
  const name = fc.array(fc.constantFrom('a', 'b', '_', '.'), { maxLength: 10 }).map((all) => all.join(''));
  fc.assert(
    fc.property(pattern, name, (text, tool) => {
      const source = text.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
      assert.equal(matchesGlob(glob(text), tool), new RegExp(`^${source}$`).test(tool));
    }),
    { numRuns: 2_000 },
  );
});

test('decimals compare as the integers they are scaled from, and keep their value in canonical form', () => {
  const texts = fc.tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.nat(8)).map(([units, scale]) => {
    const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
    const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
    return { text: `${units < 0n ? '-' : ''}${text}`, scaled: units * 10n ** BigInt(8 - scale) };
  });
  fc.assert(
    fc.property(texts, texts, (a, b) => {
      const [left, right] = [decimal(a.text), decimal(b.text)];
      assert.ok(left !== null && right !== null);
      assert.equal(Math.sign(compare(left, right)), a.scaled < b.scaled ? -1 : a.scaled > b.scaled ? 1 : 0);
      assert.equal(left === right, a.scaled === b.scaled);
    }),
    RUNS,
  );
});

test('every number has an exact text that is the number again', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      const text = decimal(number);
      assert.equal(Number(text), number === 0 ? 0 : number);
      assert.doesNotMatch(text!, /e/);
      const taken = amount(number);
      assert.equal(
        'amount' in taken,
        !text!.startsWith('-') && (text!.split('.')[0]?.length ?? 0) <= 30 && (text!.split('.')[1]?.length ?? 0) <= 12,
      );
    }),
    RUNS,
  );
});
