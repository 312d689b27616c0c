import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ownConditions } from '../../src/config/own-conditions.ts';
import { boundsOfVotes, endingOf, isSameBounds } from '../../src/domain/allowance/allowance.ts';
import { liesWithin, likenessMaterial } from '../../src/domain/allowance/likeness.ts';
import type { Decision } from '../../src/domain/approval/approval.ts';
import { needsNoCard } from '../../src/domain/approval/approval.ts';
import { judgeDecision } from '../../src/domain/approval/decide.ts';
import type { Call } from '../../src/domain/call/call.ts';
import { fingerprintMaterial } from '../../src/domain/call/fingerprint.ts';
import { canonical } from '../../src/domain/json/canonical.ts';
import type { Json, JsonObject } from '../../src/domain/json/json.ts';
import type { EvidenceStep } from '../../src/domain/log/evidence-report.ts';
import { judgeStory } from '../../src/domain/log/judge-story.ts';
import { type Path, parsePath } from '../../src/domain/policy/path.ts';
import { decisionText } from '../../src/sql/table/sealed-rows.ts';
import { currentOf, sampleApproval } from '../support/domain/approval.ts';
import { callOf, faultsOf, policyOf } from '../support/domain/policy.ts';

const pathsOf = (...texts: string[]): Path[] => texts.map((text) => parsePath(text)!);
const NAME = pathsOf('args.name');
const APPROVED: JsonObject = { name: 'ci-1', role: 'viewer', days: 3, filter: { id: 'a', deep: true } };

function likeness(call: Call, paths = NAME): string | null {
  const material = likenessMaterial(call, paths);
  return material === null ? null : canonical(material);
}
const of = (args: JsonObject, more: Partial<Call> = {}, params: JsonObject = {}): Call => {
  const call = callOf('create_key', args);
  return { ...call, params: { ...call.params, ...params }, ...more };
};

describe('the likeness of calls', () => {
  test('P1: only the value of what may vary may be another', () => {
    const approved = likeness(of(APPROVED));
    assert.notEqual(approved, null);
    assert.equal(likeness(of({ ...APPROVED, name: 'ci-2' })), approved);
    assert.equal(likeness(of({ filter: { deep: true, id: 'a' }, days: 3.0, role: 'viewer', name: '' })), approved);
    const { name: _, ...unnamed } = APPROVED;
    const table: Readonly<Record<string, Call>> = {
      'a fixed text': of({ ...APPROVED, role: 'admin' }),
      'its case': of({ ...APPROVED, role: 'Viewer' }),
      'a letter that looks alike': of({ ...APPROVED, role: 'v\u0456ewer' }),
      'another normal form': of({ ...APPROVED, role: 'viewer\u0301' }),
      'a number as text': of({ ...APPROVED, days: '3' }),
      'another number': of({ ...APPROVED, days: 3.5 }),
      'a missing fixed one': of({ name: 'ci-1', days: 3, filter: { id: 'a', deep: true } }),
      'one that is null': of({ ...APPROVED, role: null }),
      'one in a list': of({ ...APPROVED, role: ['viewer'] }),
      'one more': of({ ...APPROVED, force: false }),
      'one more, null': of({ ...APPROVED, force: null }),
      'one more, deep': of({ ...APPROVED, filter: { id: 'a', deep: true, more: 1 } }),
      'the varied one missing': of(unnamed),
      'the varied one null': of({ ...APPROVED, name: null }),
      'the varied one a list': of({ ...APPROVED, name: ['ci-1'] }),
      'the varied one an object': of({ ...APPROVED, name: { $kind: 'string' } }),
      'the varied one of another kind': of({ ...APPROVED, name: 7 }),
      'the varied one true': of({ ...APPROVED, name: true }),
      'its name in another case': of({ ...unnamed, Name: 'ci-1' }),
      'a member of params': of(APPROVED, {}, { arguments: APPROVED, options: {} }),
      'a member of _meta': of(APPROVED, {}, { arguments: APPROVED, _meta: { 'acme.com/x': 1 } }),
      baggage: of(APPROVED, {}, { arguments: APPROVED, _meta: { baggage: 'a=b' } }),
      'a header': of(APPROVED, { headers: { 'mcp-param-region': 'eu' } }),
      'another grant': of(APPROVED, { principal: { grant: 'other', owner: 'U0SAM', selfApproval: false } }),
      'another server': of(APPROVED, { server: 'other' }),
      'another tool': of(APPROVED, { tool: 'create_keys' }),
      'another era': of(
        APPROVED,
        {},
        {
          arguments: APPROVED,
          _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' },
        },
      ),
      'an answer': of(APPROVED, {}, { arguments: APPROVED, inputResponses: {} }),
      'a state': of(APPROVED, {}, { arguments: APPROVED, requestState: 'x' }),
    };
    for (const [what, call] of Object.entries(table)) assert.notEqual(likeness(call), approved, what);
  });

  test('P1: no likeness is the fingerprint of a call, nor that of other paths', () => {
    const call = of(APPROVED);
    const seen = [NAME, pathsOf('args.role'), pathsOf('args.name', 'args.role'), pathsOf('args.filter.id'), []].map(
      (paths) => likeness(call, paths),
    );
    assert.equal(new Set([...seen, canonical(fingerprintMaterial(call))]).size, seen.length + 1);
  });

  test('P1: through lists, prototypes and what is no single value nothing is like anything', () => {
    for (const path of ['args.filter', 'args.list.0', 'args.constructor', 'args.__proto__', 'args.name.length']) {
      assert.equal(likeness(of({ ...APPROVED, list: ['a'] }), pathsOf(path)), null, path);
    }
    const own = JSON.parse('{"__proto__":"x","name":"n"}') as JsonObject;
    const other = JSON.parse('{"__proto__":"y","name":"n"}') as JsonObject;
    assert.notEqual(likeness(of(own)), likeness(of(other)));
    assert.equal(likeness(of(own), pathsOf('args.__proto__')), likeness(of(other), pathsOf('args.__proto__')));
  });

  const value: fc.Arbitrary<Json> = fc.oneof(
    fc.constantFrom('a', 'b', '', 1, 2, true, false, null),
    fc.array(fc.constantFrom('a', 1), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('name', 'x'), fc.constantFrom('a', 1, null), { maxKeys: 2, noNullPrototype: true }),
  );
  const args = fc.dictionary(fc.constantFrom('name', 'Name', 'x', 'y', 'constructor'), value, {
    maxKeys: 4,
    noNullPrototype: true,
  });

  test('P1: two calls are alike only if they differ in nothing but the values of what may vary, of one kind', () => {
    fc.assert(
      fc.property(args, args, (one, other) => {
        const [a, b] = [likeness(of(one)), likeness(of(other))];
        const rest = ({ name: _, ...left }: JsonObject) => canonical(left);
        const isSingle = (found: Json | undefined) => ['string', 'number', 'boolean'].includes(typeof found);
        const alike = isSingle(one.name) && typeof one.name === typeof other.name && rest(one) === rest(other);
        assert.equal(a !== null && a === b, alike);
      }),
      { numRuns: 2_000 },
    );
  });
});

test('P1: a condition that is not met, missing or mistyped puts a call out of bounds', () => {
  const within = ownConditions([
    { path: 'args.name', op: 'starts_with', value: 'ci-' },
    { path: 'args.days', op: 'lte', value: 5 },
  ]);
  assert.ok(typeof within !== 'string');
  const table: readonly (readonly [JsonObject, boolean])[] = [
    [{ name: 'ci-1', days: 5 }, true],
    [{ name: 'ci-1', days: '5' }, true],
    [{ name: 'CI-1', days: 5 }, false],
    [{ name: 'ci-1', days: 6 }, false],
    [{ name: 'ci-1', days: '5e9' }, false],
    [{ name: 'ci-1', days: null }, false],
    [{ name: 'ci-1', days: [1] }, false],
    [{ name: 'ci-1' }, false],
    [{ days: 5 }, false],
    [{ name: ['ci-1'], days: 5 }, false],
  ];
  for (const [args, so] of table) assert.equal(liesWithin(of(args), within), so, JSON.stringify(args));
  assert.equal(liesWithin(of({}), []), true);
});

test('what a person adds as conditions is checked as a policy’s, and bounded', () => {
  const table: readonly (readonly [readonly Json[], RegExp])[] = [
    [[{ path: 'args.name', op: 'like', value: 'x' }], /within\[?.*op/],
    [[{ path: 'name', op: 'eq', value: 'x' }], /path/],
    [[{}], /condition/],
    [['x'], /within/],
    [Array.from({ length: 11 }, () => ({ path: 'args.a', op: 'exists' })), /at most 10/],
    [[{ path: 'args.a', op: 'eq', value: 'x'.repeat(5_000) }], /at most 4000/],
    [[{ path: 'args.a', op: 'eq', value: '\ud800' }], /cannot be kept/],
    [[{ path: 'args.a', op: 'eq', value: '\0' }], /cannot be kept/],
  ];
  for (const [within, says] of table) {
    const read = ownConditions(within);
    assert.match(typeof read === 'string' ? read : 'no fault', says);
  }
  const good = ownConditions([{ path: 'args.a', op: 'in', value: ['x', 'y'] }]);
  assert.deepEqual(typeof good === 'string' ? good : good.map(({ says }) => says), ['args.a is one of "x", "y"']);
});

test('P1: an allowance ends with what it rests on', () => {
  const now = new Date('2026-11-30T10:00:00Z');
  const until = new Date(now.getTime() + 1);
  const bounds = { minutes: 1, calls: 2, within: [], says: [] };
  const one = { bounds, look: 'l', owner: 'U0SAM', policyDigest: 'p', token: 't', until, used: 1 };
  const today = { now, policyDigest: 'p', look: 'l', principal: { owner: 'U0SAM' }, token: 't' };
  const table: readonly (readonly [object, object, string | null])[] = [
    [{}, {}, null],
    [{}, { look: null }, null],
    [{ look: null }, {}, null],
    [{ used: 2 }, {}, 'spent'],
    [{}, { now: until }, 'over'],
    [{}, { principal: null }, 'grant'],
    [{}, { token: 'u' }, 'grant'],
    [{}, { token: null }, 'grant'],
    [{}, { principal: { owner: 'U0ALEX' } }, 'owner'],
    [{}, { principal: { owner: null } }, 'owner'],
    [{}, { policyDigest: 'q' }, 'policy'],
    [{}, { policyDigest: null }, 'policy'],
    [{}, { look: 'm' }, 'drift'],
  ];
  for (const [other, different, why] of table) {
    assert.equal(endingOf({ ...one, ...other }, { ...today, ...different }), why, JSON.stringify(different));
  }
  assert.equal(endingOf({ ...one, look: null }, today, 'k'), 'drift', 'as this process saw it first');
});

const vote = (more: Partial<Decision> = {}): Decision => ({
  approver: 'U0MIRA',
  choice: 'approve',
  reason: null,
  via: 'slack',
  self: false,
  userGroup: null,
  at: new Date(1_000),
  ...more,
});
const BOUNDS = { minutes: 5, calls: 3, within: [], says: [] };

test('P1: votes allow what all of them are for, and otherwise nothing', () => {
  const offers = BOUNDS;
  const table: readonly (readonly [readonly Decision[], boolean])[] = [
    [[vote({ offers })], true],
    [[vote({ offers }), vote({ approver: 'U0ALEX', offers: { ...offers, says: ['other words'] } })], true],
    [[vote({ offers }), vote({ approver: 'U0ALEX' })], false],
    [[vote({}), vote({ approver: 'U0ALEX', offers })], false],
    [[vote({ offers }), vote({ approver: 'U0ALEX', offers: { ...offers, calls: 2 } })], false],
    [[vote({ offers }), vote({ approver: 'U0ALEX', offers: { ...offers, minutes: 4 } })], false],
    [[vote({ offers }), vote({ approver: 'U0ALEX', offers: { ...offers, within: [{ path: 'args.a' }] } })], false],
    [[vote({ offers, self: true })], false],
    [[vote({ offers }), vote({ approver: 'U0ALEX', offers, self: true })], false],
    [[], false],
  ];
  for (const [decisions, so] of table) assert.equal(boundsOfVotes(decisions) !== null, so);
  assert.ok(isSameBounds(BOUNDS, { ...BOUNDS, says: ['x'] }));
});

test('P1: a person narrows what is offered and widens nothing; an owner allows nothing', () => {
  const offered = { minutes: 5, calls: 3, mayVary: [], within: [], like: 'l', look: null };
  const approval = sampleApproval();
  const asked = { ...approval, trace: { ...approval.trace, allowance: offered } };
  const judged = (of: typeof approval, allowance: typeof BOUNDS, who = 'U0MIRA'): string => {
    const word = { choice: 'approve', reason: null, fingerprint: null, allowance } as const;
    const approver = { id: who, via: 'slack', userGroups: [] } as const;
    const judgement = judgeDecision(of, word, approver, of.createdAt, currentOf(of));
    return judgement.kind === 'refused' ? judgement.reason : judgement.next;
  };
  assert.equal(judged(asked, BOUNDS), 'approved');
  assert.equal(judged(asked, { ...BOUNDS, minutes: 1, calls: 1 }), 'approved');
  assert.equal(judged(asked, { ...BOUNDS, minutes: 6 }), 'too_wide');
  assert.equal(judged(asked, { ...BOUNDS, calls: 4 }), 'too_wide');
  assert.equal(judged(approval, BOUNDS), 'no_allowance');
  const none = { ...asked, trace: { ...asked.trace, allowance: { ...offered, calls: 0, minutes: 0 } } };
  assert.equal(judged(none, BOUNDS), 'no_allowance');
  assert.equal(judged({ ...asked, answersTo: 'ap_1' }, BOUNDS), 'no_allowance');
  assert.equal(judged(asked, BOUNDS, 'U0SAM'), 'not_an_approver');
  const own = { ...asked, owner: 'U0MIRA', selfApproval: true };
  const word = { choice: 'approve', reason: null, fingerprint: null, allowance: BOUNDS } as const;
  const current = { ...currentOf(own), owner: 'U0MIRA', selfApproval: true };
  const judgement = judgeDecision(own, word, { id: 'U0MIRA', via: 'slack', userGroups: [] }, own.createdAt, current);
  assert.equal(judgement.kind === 'refused' ? judgement.reason : 'recorded', 'own_allowance');
});

test('P1: the seal of a vote covers what it allows, and votes from before still fit theirs', () => {
  const texts = [
    decisionText('ap', vote()),
    decisionText('ap', vote({ person: 'mira' })),
    decisionText('ap', vote({ offers: BOUNDS })),
    decisionText('ap', vote({ offers: { ...BOUNDS, calls: 4 } })),
    decisionText('ap', vote({ allowance: 'al_1' })),
    decisionText('ap', vote({ allowance: 'al_2' })),
    decisionText('ap', vote({ person: 'mira', allowance: 'al_1' })),
  ];
  assert.equal(new Set(texts).size, texts.length);
  assert.equal(texts[0], '["ap","U0MIRA","approve",null,"slack",false,null,1000]');
});

test('what runs under an allowance has no card, unless its outcome is unknown', () => {
  const decisions = [vote({ allowance: 'al_1' })];
  for (const state of ['approved', 'dispatched', 'succeeded', 'failed', 'lapsed'] as const) {
    assert.equal(needsNoCard({ state, decisions }), true);
  }
  assert.equal(needsNoCard({ state: 'unknown', decisions }), false);
  assert.equal(needsNoCard({ state: 'pending', decisions: [vote()] }), false);
});

describe('approval.allowance in a policy', () => {
  const file = (tool: string, top = ''): string =>
    `version: "1"\ndefault: deny\n${top}tools:\n  t:\n    action: require_approval\n${tool}`;
  const allowance = (more: string): string => `    approval: { allowance: { max_minutes: 15, max_calls: 5${more} } }\n`;

  test('it compiles', () => {
    const policy = policyOf({
      tools: {
        t: {
          action: 'require_approval',
          approval: {
            allowance: {
              max_minutes: 15,
              max_calls: 5,
              may_vary: ['args.name', 'args.filter.id'],
              within: [{ path: 'args.name', op: 'starts_with', value: 'ci-' }],
            },
          },
        },
      },
    });
    const rule = policy.exact.get('t')?.ask.allowance;
    assert.deepEqual(
      rule?.mayVary.map(({ text }) => text),
      ['args.name', 'args.filter.id'],
    );
    assert.deepEqual(
      rule?.within.map(({ says }) => says),
      ['args.name starts with "ci-"'],
    );
    assert.deepEqual(faultsOf(file(allowance(''))), []);
  });

  test('P1: where each call needs its own approval, and where nobody would see what varies, it is a fault that says so', () => {
    const table: readonly (readonly [string, RegExp])[] = [
      [file(`    risk: financial\n${allowance('')}`), /risk is financial: each such call needs its own approval/],
      [file(`    risk: destructive\n${allowance('')}`), /risk is destructive/],
      [file(`    severity: critical\n${allowance('')}`), /severity is critical/],
      [file(allowance(', may_vary: [args.password]')), /hidden on cards/],
      [file(`    redact: [args.user]\n${allowance(', may_vary: [args.user.name]')}`), /hidden on cards/],
      [file(allowance(', may_vary: ["args.to[*]"]')), /a path to one argument/],
      [file(allowance(', may_vary: [meta.x]')), /a path to one argument/],
      [file(allowance(', may_vary: [name]')), /a path to one argument/],
      [file(allowance(', may_vary: [args.a, args.a]')), /none leads into another/],
      [file(allowance(', may_vary: [args.a.b, args.a]')), /none leads into another/],
      [file(allowance(', within: [{ path: args.a }]')), /op is missing|op: is missing/],
      [file(allowance(', max: 1')), /max/],
      [file('    approval: { allowance: { max_minutes: 0, max_calls: 5 } }\n'), /max_minutes/],
      [file('    approval: { allowance: { max_minutes: 1441, max_calls: 5 } }\n'), /max_minutes/],
      [file('    approval: { allowance: { max_minutes: 5, max_calls: 1001 } }\n'), /max_calls/],
      [file('    approval: { allowance: { max_minutes: 5 } }\n'), /max_calls/],
      [file('', 'all_tools: { approval: { allowance: { max_minutes: 5, max_calls: 5 } } }\n'), /set for all tools/],
    ];
    for (const [text, says] of table) assert.match(faultsOf(text).join('\n') || 'no fault', says, text);
  });
});

test('P7: the story of a use is whole by the votes of its allowance, and only of this call', () => {
  const step = (type: string, data: JsonObject, seq: number): EvidenceStep =>
    ({ seq, type, data, actor: 'grant:a', at: '2026-11-30T10:00:00.000Z' }) as unknown as EvidenceStep;
  const story = (used: JsonObject, quorum = 2) =>
    judgeStory(
      [
        step('approval.requested', { fingerprint: 'f', quorum }, 1),
        step('allowance.used', used, 2),
        step('call.dispatched', { fingerprint: 'f' }, 3),
      ],
      'ap_1',
    ).length;
  assert.equal(story({ fingerprint: 'f', by: ['U0MIRA', 'U0ALEX'] }), 0);
  assert.equal(story({ fingerprint: 'f', by: ['U0MIRA', 'U0MIRA'] }), 1);
  assert.equal(story({ fingerprint: 'f', by: ['U0MIRA'] }), 1);
  assert.equal(story({ fingerprint: 'f' }), 1);
  assert.equal(story({ fingerprint: 'g', by: ['U0MIRA', 'U0ALEX'] }), 1);
});
