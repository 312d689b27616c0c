import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readDocument } from '../../src/config/document/document.ts';
import { faultText } from '../../src/config/document/fault.ts';
import { parsePolicy } from '../../src/config/policy/file.ts';
import type { JsonObject } from '../../src/domain/json/json.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import type { LimitRule } from '../../src/domain/policy/limit.ts';
import { callOf } from '../support/domain/policy.ts';

interface Row {
  readonly tool: string;
  readonly args?: JsonObject;
  readonly expect: 'allow' | 'deny' | 'ask';
  readonly limits?: readonly string[];
  readonly reason?: string;
  readonly timeout?: number | null;
}
type Expected = { readonly calls: readonly Row[] } | { readonly faults: readonly string[] };

const folder = new URL('../corpus/', import.meta.url);
const table = readDocument(readFileSync(new URL('expected.yaml', folder), 'utf8'), 'expected.yaml');
assert.ok(table.ok);
const expected = Object.entries(table.document.value as unknown as Record<string, Expected>);

test('every file of the corpus has its expected table, and there are at least 40', () => {
  const files = readdirSync(folder).filter((name) => name !== 'expected.yaml');
  assert.deepEqual(files.sort(), expected.map(([name]) => name).sort());
  assert.ok(files.length >= 40);
});

for (const [name, want] of expected) {
  test(`${name} comes to what is expected of it`, () => {
    const parsed = parsePolicy(readFileSync(new URL(name, folder), 'utf8'), { path: name });
    if ('faults' in want) {
      assert.ok(!parsed.ok, 'should have been refused');
      const texts = parsed.faults.map(faultText);
      for (const text of want.faults) {
        assert.ok(
          texts.some((line) => line.startsWith(`${name}:`) && line.includes(` ${text}`)),
          `${text}\nnot in\n${texts.join('\n')}`,
        );
      }
      assert.equal(texts.length, want.faults.length, texts.join('\n'));
      return;
    }
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(faultText).join('\n'));
    for (const row of want.calls) {
      const verdict = evaluate(parsed.policy, callOf(row.tool, row.args ?? {}));
      const about = `${row.tool} ${JSON.stringify(row.args ?? {})}`;
      assert.equal(verdict.kind, row.expect, about);
      if (row.limits && verdict.kind !== 'deny') assert.deepEqual(verdict.limits.map(limitText), row.limits, about);
      if (row.reason) assert.ok(verdict.trace.reason?.includes(row.reason), `${about}: ${verdict.trace.reason}`);
      if (row.timeout !== undefined && verdict.kind === 'ask') assert.equal(verdict.ask.timeoutMs, row.timeout, about);
    }
  });
}

function limitText(limit: LimitRule): string {
  const window = 'calendar' in limit.window ? limit.window.calendar : `${limit.window.seconds}s`;
  return `${limit.counter} ${limit.max}/${window} ${limit.scope} ${limit.by}`;
}
