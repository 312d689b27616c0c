import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultsOf } from '../../src/demo/slack/limits/blocks.ts';
import { faultsOfView } from '../../src/demo/slack/limits/views.ts';
import type { Json } from '../../src/domain/json/json.ts';
import { DIFF_BOUNDS, lineDiff } from '../../src/domain/view/line-diff.ts';
import { shownLine } from '../../src/domain/view/shown-line.ts';
import { VIEW_BOUNDS, viewsOf } from '../../src/domain/view/view.ts';
import { renderCard } from '../../src/slack/card/card.ts';
import { fullView } from '../../src/slack/card/modals.ts';
import { sampleApproval } from '../support/domain/approval.ts';

/** What a person reads of a call's views. */
function shown(args: Json): string {
  return viewsOf(args)
    .map(({ path, name, says, lines }) =>
      [`${path}${name === null ? '' : ` (${name})`}: ${says}`, ...lines.map(shownLine)].join('\n'),
    )
    .join('\n\n');
}

describe('a value is shown as what it is', () => {
  const cases: readonly [string, Json, string][] = [
    ['an edit', { old_string: 'a\nb\nc', new_string: 'a\nc' }, 'new_string: an edit: 1 line out, 0 in\n  a\n- b\n  c'],
    [
      'edits in a list',
      { edits: [{ oldText: 'x', newText: 'y' }] },
      'edits[0].newText: an edit: 1 line out, 1 in\n- x\n+ y',
    ],
    ['an edit of nothing', { old_str: 'x', new_str: 'x' }, 'new_str: an edit: nothing changes\n  x'],
    ['blanks at an end', { old_str: 'x ', new_str: 'x\t' }, 'new_str: an edit: 1 line out, 1 in\n- x·\n+ x→'],
    ['another line end', { old_str: 'x\r', new_str: 'x' }, 'new_str: an edit: 1 line out, 1 in\n- x\\u000d\n+ x'],
    ['cursors are no edit', { before: 'abc', after: 'def' }, ''],
    ['a hidden text is compared with nothing', { old_string: '[redacted]', new_string: 'x' }, ''],
    ['a command', { command: 'ls -la' }, 'command: a command, 6 bytes\nls -la'],
    ['words', { command: ['rm', '-rf', 'a b', "it's"] }, "command: a command, 22 bytes\nrm -rf 'a b' 'it'\\''s'"],
    ['SQL behind comments', { query: '-- x\n/* y */ DROP TABLE t' }, 'query: SQL, 2 lines\n-- x\n/* y */ DROP TABLE t'],
    ['a search is no SQL', { query: 'selected items' }, ''],
    ['a file', { path: 'a.txt', content: 'one\ntwo' }, 'content (a.txt): a file of 7 bytes\none\ntwo'],
    [
      'a packed file',
      { filename: 'a.txt', content: 'aGVsbG8=', encoding: 'base64' },
      'content (a.txt): a file of 5 bytes, sent as base64\nhello',
    ],
    [
      'a packed file that is no text',
      { filename: 'a.bin', content: 'AAECAw==', encoding: 'base64' },
      'content (a.bin): a file of 4 bytes, sent as base64, not text',
    ],
    ['JSON', { body: '{"a":[1]}' }, 'body: JSON in a text, 9 bytes\n{\n  "a": [\n    1\n  ]\n}'],
    ['JSON that parsing would change', { body: '{"a":1e2}' }, ''],
    ['JSON with a member twice', { body: '{"a":1,"a":2}' }, ''],
    [
      'a patch',
      { patch: '--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y' },
      'patch: a patch, 5 lines\n--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y',
    ],
    [
      'a command with its words beside it',
      { command: 'rm', args: ['-rf', '/'] },
      'command: a command, 8 bytes\nrm -rf /',
    ],
    ['P10: no part of a command: words beside it that are none', { command: 'rm', args: ['-rf', 1] }, ''],
    ['P10: no part of a command: it has blanks itself', { command: 'rm -rf', args: ['/'] }, ''],
    ['P10: no part of a command: under another name', { command: 'echo', arguments: 'x; rm -rf /' }, ''],
    ['P10: no part of a command: a list, and more of it', { command: ['ls'], argv: ['sh', '-c', 'rm'] }, ''],
    [
      'P10: no name of a file that has two',
      { path: 'notes.txt', file_path: '/etc/passwd', content: 'one\ntwo' },
      'content: a file of 7 bytes\none\ntwo',
    ],
    [
      'P10: no name of a file beside one that is hidden',
      { path: '[redacted]', name: 'notes.txt', content: 'one\ntwo' },
      'content: a file of 7 bytes\none\ntwo',
    ],
    ['P10: no file of two contents', { path: 'a', content: 'fine\n', file_text: 'evil\n' }, ''],
    ['P10: no file of two contents, one packed', { path: 'a', content: 'fine\n', content_base64: 'ZXZpbA==' }, ''],
    ['P10: no file of two contents, one hidden', { path: 'a', content: 'fine\n', data: '[redacted]' }, ''],
    [
      'P10: a packed file that ends within a character is no text',
      { path: 'a', content: 'b2sK4oA=', encoding: 'base64' },
      'content (a): a file of 5 bytes, sent as base64, not text',
    ],
    [
      'P10: the mark at the beginning of a packed file is seen',
      { path: 'a', content: '77u/b2s=', encoding: 'base64' },
      'content (a): a file of 5 bytes, sent as base64\n\\ufeffok',
    ],
    ['P10: no part of a command: an object beside it', { command: 'rm', args: { 0: '-rf' } }, ''],
    [
      'P10: no edit with two new texts, of which only one counts',
      { search: 'a\nb', replace: 'a\nb', replacement: 'evil' },
      '',
    ],
    ['P10: no edit with two new texts, one hidden', { find: 'a\n', replace: 'b', replacement: '[redacted]' }, ''],
    ['P10: no edit with two old texts', { search: 'a\n', find: 'b\n', replace: 'c' }, ''],
    [
      'JSON that is too long once it is indented',
      { body: `[${'1,'.repeat(VIEW_BOUNDS.lines)}1]` },
      `body: JSON in a text, ${VIEW_BOUNDS.lines * 2 + 3} bytes; it is among the arguments`,
    ],
    ['what deceives', { command: 'echo \u202e1' }, 'command: a command, 9 bytes\necho \\u202e1'],
  ];
  for (const [name, args, expected] of cases) test(name, () => assert.equal(shown(args), expected));
});

test('P10: a diff hides no line that changes: what it folds is equal, counted, and both texts come back from it', () => {
  let seed = 7;
  const next = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  const text = (): string => Array.from({ length: next(40) }, () => 'abc '[next(4)]).join('\n');
  for (let round = 0; round < 2_000; round++) {
    const [before, after] = [text(), text()];
    const diff = lineDiff(before, after)!;
    const [a, b] = [before.split('\n'), after.split('\n')];
    let [x, y] = [0, 0];
    for (const line of diff.lines) {
      const equal = line.mark === '…' ? line.equal : line.mark === ' ' ? 1 : 0;
      for (let n = 0; n < equal; n++) assert.equal(a[x++], b[y++]);
      if (line.mark === ' ') assert.equal(a[x - 1], line.text);
      if (line.mark === '-') assert.equal(a[x++], line.text);
      if (line.mark === '+') assert.equal(b[y++], line.text);
    }
    assert.deepEqual([x, y], [a.length, b.length]);
  }
});

test('P10: edits for which there is no room are told of', () => {
  const edit = { old_string: 'a', new_string: 'b' };
  const edits = (count: number) => viewsOf({ edits: Array.from({ length: count }, () => edit) });
  assert.equal(edits(VIEW_BOUNDS.views).length, VIEW_BOUNDS.views);
  const last = edits(VIEW_BOUNDS.views + 9).at(-1)!;
  assert.equal(
    `${last.path}: ${last.says}`,
    'edits[12].new_string: this, and what may follow, stands among the arguments only',
  );
  assert.equal(edits(VIEW_BOUNDS.views + 9).length, VIEW_BOUNDS.views + 1);
});

test('P10: what lies beyond what is looked at is told of, so that nobody takes an edit for all of them', () => {
  const edit = { old_string: 'a', new_string: 'b' };
  const told = (args: Json): readonly string[] => viewsOf(args).map(({ path, says }) => `${path}: ${says}`);
  const more = 'this, and what may follow, stands among the arguments only';
  const first = 'edits[0].new_string: an edit: 1 line out, 1 in';
  const junk = Array.from({ length: VIEW_BOUNDS.values }, () => 0);
  assert.deepEqual(told({ edits: [edit, junk, edit] }), [first, `edits[1][${VIEW_BOUNDS.values - 6}]: ${more}`]);
  const wide = Object.fromEntries(junk.map((_, n) => [`k${n}`, 0]));
  assert.deepEqual(told({ edits: [edit, wide, edit] }).slice(0, 2), [
    first,
    'edits[2].new_string: an edit: 1 line out, 1 in',
  ]);
  assert.equal(told({ edits: [edit, wide, edit] }).at(-1), `edits[1]: ${more}`);
  const deep = [...Array(VIEW_BOUNDS.depth)].reduce<Json>((inner) => ({ a: inner }), edit);
  assert.deepEqual(told({ edits: [edit], deep }), [first, `deep${'.a'.repeat(VIEW_BOUNDS.depth)}: ${more}`]);
  assert.deepEqual(told({ deep }), [], 'where nothing is shown so, nothing can be taken for all');
});

test('P4: JSON that is nested deeply in many texts takes no time, and no memory', () => {
  const nested = (levels: number, inside: string): string => `${'['.repeat(levels)}${inside}${']'.repeat(levels)}`;
  const from = performance.now();
  for (const [text, count] of [
    [nested(2_000, '1'), 0],
    [nested(190, '1,'.repeat(5_000).slice(0, -1)), VIEW_BOUNDS.views + 1],
    [nested(11_000, '1e2'), 0],
  ] as const) {
    for (const args of [
      Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${n}`, text])),
      { list: Array.from({ length: 500 }, () => ({ body: text })) },
    ]) {
      const views = viewsOf(args);
      assert.equal(views.length, count);
      assert.ok(views.every(({ lines }) => lines.length === 0));
    }
  }
  assert.ok(performance.now() - from < 5_000);
});

test('P10: a card on which not all views have room says so', () => {
  const edits = (count: number, lines: number) => ({
    edits: Array.from({ length: count }, () => ({ old_string: 'a\n'.repeat(lines), new_string: 'b\n'.repeat(lines) })),
  });
  const said = (args: Json): string => JSON.stringify(renderCard(sampleApproval({ arguments: args })).blocks);
  assert.match(said(edits(10, 60)), /More of the arguments is not shown again here/);
  assert.doesNotMatch(said(edits(2, 2)), /not shown again/);
});

test('a text that is too large for a diff is said to be, and takes no time', () => {
  const lines = (of: string, count: number): string => Array.from({ length: count }, (_, n) => `${of}${n}`).join('\n');
  const big = { old_string: lines('a', DIFF_BOUNDS.changes), new_string: lines('b', DIFF_BOUNDS.changes) };
  assert.match(
    shown(big),
    /^new_string: an edit, too large for a diff: 400 lines become 400 lines; both are among the arguments$/,
  );
  const from = performance.now();
  for (const args of [
    { edits: Array.from({ length: 3_000 }, () => ({ old_string: 'a\n'.repeat(200), new_string: 'b\n'.repeat(190) })) },
    { sql: '/*'.repeat(2_000_000) },
    { path: 'x', content: '\n'.repeat(4_000_000) },
    { old_string: '\n'.repeat(3_999), new_string: `${'x\n\n'.repeat(1_900)}` },
    { a: '['.repeat(1_000_000) },
  ]) {
    assert.ok(viewsOf(args).length <= VIEW_BOUNDS.views + 1);
  }
  assert.ok(performance.now() - from < 3_000);
});

test('P10: views and preview take only the room that the arguments leave, and never make a card whole or not', () => {
  const facts = {
    unusual: Array.from({ length: 12 }, () => [{ text: 'New: ' }, { value: '*x*<@U1>'.repeat(40) }]),
    preview: { kind: 'said', tool: 'list', text: '<!channel>\n'.repeat(300), omitted: 3, failed: false, at: '' },
    particulars: { at: 0, destinations: {}, amounts: {} },
  } as const;
  for (const args of [
    { old_string: 'a\n'.repeat(100), new_string: 'b\n'.repeat(100) },
    { old_string: 'x'.repeat(3_000), new_string: 'y'.repeat(3_000) },
    { command: 'echo "\u202e"'.repeat(300) },
    Object.fromEntries(Array.from({ length: 80 }, (_, n) => [`k${n}`, { command: 'x' }])),
  ]) {
    const plain = renderCard(sampleApproval({ arguments: args }));
    const full = sampleApproval({ arguments: args, facts });
    for (const plainText of [false, true]) {
      const card = renderCard(full, { plainText });
      assert.deepEqual(faultsOf(card.blocks, 'message', '/blocks'), []);
      assert.ok(card.content.length <= 10_000, `${card.content.length}`);
      assert.ok(!card.complete || plain.complete, 'what is beside does not complete a card');
      assert.ok(!/<!channel>/.test(JSON.stringify(card.blocks.filter(({ type }) => type === 'section' && !plainText))));
    }
    for (let page = 0; page < 3; page++) {
      assert.deepEqual(faultsOfView(fullView(full, { channel: 'C0', ts: '1.1' }, page, true)), []);
    }
  }
});
