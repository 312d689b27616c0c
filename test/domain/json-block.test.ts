import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Json } from '../../src/domain/json/json.ts';
import { jsonBlock } from '../../src/web/html/json-block.ts';
import { waitingCard } from '../../src/web/pages/waiting-card.ts';
import { currentOf, sampleApproval } from '../support/domain/approval.ts';

/** What a person reads of it. */
function read(value: Parameters<typeof jsonBlock>[0]): string {
  return String(jsonBlock(value, 'x', 'hidden'))
    .replace(/<[^>]*>/g, '')
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
}

describe('P10: a text over several lines reads as lines, and nothing else looks like a line break', () => {
  const cases: readonly [string, string, string][] = [
    ['one line', 'select 1', '"select 1"'],
    ['a line break at the end', 'select 1\n', '"select 1\\n"'],
    ['two lines', 'select 1\n  from x', '"select 1\\n\n  from x"'],
    ['an empty line between', 'a\n\nb', '"a\\n\n\\n\nb"'],
    ['a quote that seems to end it', 'a\n", "approved": "yes', '"a\\n\n\\", \\"approved\\": \\"yes"'],
    ['a backslash before an n', 'a\\nb\nc', '"a\\\\nb\\n\nc"'],
    ['another kind of line break', 'a\rb\nc', '"a\\rb\\n\nc"'],
    ['markup', '<b>\n</pre>', '"<b>\\n\n</pre>"'],
  ];
  for (const [name, text, expected] of cases) test(name, () => assert.equal(read(text), expected));

  test('a hidden value’s mark among lines is a text', () => {
    assert.equal(read({ a: 'x\n[redacted]' }), '{\n  "a": "x\\n\n[redacted]"\n}');
    assert.doesNotMatch(String(jsonBlock('x\n[redacted]', 'x', 'hidden')), /v-hidden/);
  });

  test('more lines than anybody reads are written as JSON writes them', () => {
    assert.equal(read('a\n'.repeat(3_000)), JSON.stringify('a\n'.repeat(3_000)));
  });
});

test('P4: what indentation would make sixty times as long is shown without, and all of it', async () => {
  const many: readonly number[] = Array.from({ length: 200_000 }, () => 7);
  const deep = [...Array(58)].reduce<Json>((inner) => [inner], many);
  const shown = String(await jsonBlock(deep, 'x')).replace(/<[^>]*>/g, '');
  assert.equal(shown, JSON.stringify(deep));
  const approval = sampleApproval({ arguments: { deep } });
  const began = performance.now();
  for (let n = 0; n < 25; n++) {
    const card = waitingCard(approval, {
      reviewer: { id: 'admin', name: 'admin', userGroups: [], credential: '' },
      ...{ current: currentOf(approval), earlier: [], now: approval.createdAt },
      ...{ place: { environment: null, account: null, description: null }, names: new Map() },
    });
    assert.match(String(card), /The call is 400\d+ characters long/);
  }
  assert.ok(performance.now() - began < 10_000, 'an inbox with such calls opens at once');
  const flat = Array.from({ length: 60_000 }, (_, n) => ({ n }));
  assert.equal(
    String(await jsonBlock(flat, 'x')).replace(/<[^>]*>/g, ''),
    JSON.stringify(flat, null, 2).replaceAll('"', '&quot;'),
  );
});
