import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/config/policy/file.ts';
import { compilePattern, patternSteps } from '../../src/config/rule/pattern.ts';
import { inTime } from '../../src/gateway/replay/in-time.ts';
import { ended } from '../../src/text/ended.ts';

describe('what a pattern costs', () => {
  for (const [pattern, steps] of [
    [String.raw`(?i)^\s*select\s`, 13],
    [String.raw`^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){0,10}$`, 715],
    [String.raw`((a{100}){10})`, 1_011],
    [String.raw`\{5}`, 3],
    [String.raw`[\]{3}]{9}`, 9],
    [String.raw`[]a]{5}`, 5],
    [String.raw`[^]a]{5}`, 5],
    [String.raw`[[:alpha:]{7}]{10}`, 10],
    [String.raw`\p{Greek}{2}`, 40],
    [String.raw`(?:ab|cd){500}`, 4_000],
    ['x{1000}'.repeat(280), 280_000],
    // A bracket that is quoted opens no class.
    [`${String.raw`\Q[\E`}${'x{1000}'.repeat(50)}]`, 50_006],
  ] as const) {
    test(`${pattern.slice(0, 50)}: ${steps} steps`, () => assert.equal(patternSteps(pattern), steps));
  }

  test('one that takes seconds and hundreds of megabytes to compile is refused at once', () => {
    for (const pattern of ['x{1000}'.repeat(280), `(${'a'.repeat(900)}){1000}`, String.raw`[\p{L}\p{N}]{1000}`]) {
      const began = performance.now();
      assert.deepEqual(compilePattern(pattern), { ok: false, why: 'too much is repeated too often' });
      assert.ok(performance.now() - began < 500);
    }
    assert.equal(compilePattern('^[a-z]{1,1000}$').ok, true);
  });

  test('P6: all patterns of one file are bounded together, so that no text that somebody tries stalls the gateway', () => {
    const rules = (patterns: number): string =>
      `version: "1"\ndefault: deny\ntools:\n  t:\n    deny_if:\n${`      - { path: args.a, op: regex, value: "${'x{1000}'.repeat(15)}" }\n`.repeat(patterns)}`;
    assert.equal(parsePolicy(rules(6), { path: 'p.yaml' }).ok, true);
    const began = performance.now();
    const parsed = parsePolicy(rules(600), { path: 'p.yaml' });
    assert.ok(!parsed.ok);
    assert.equal(parsed.faults.length, 594);
    assert.match(String(parsed.faults[0]?.expected), /fewer patterns/);
    assert.ok(performance.now() - began < 20_000);
  });
});

describe('a replay that takes too long', () => {
  function* steps(count: number): Generator<void, string> {
    for (let nth = 0; nth < count; nth += 1) yield;
    return 'done';
  }
  const clock = (ms: number): (() => number) => {
    let now = 0;
    return () => (now += ms);
  };

  test('ends where one call takes long, or all of them do, and not before', () => {
    assert.equal(ended(inTime(steps(1_000), clock(100))), 'done');
    assert.equal(ended(inTime(steps(3), clock(2_001))), null);
    assert.equal(ended(inTime(steps(2_000), clock(100))), null);
  });
});
