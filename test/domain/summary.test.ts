import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/config/policy/file.ts';
import type { JsonObject } from '../../src/domain/json/json.ts';
import { segments } from '../../src/domain/policy/path.ts';
import type { Policy } from '../../src/domain/policy/policy.ts';
import { isHidden, mayAskOf, ruleFor } from '../../src/domain/policy/rule.ts';
import { LONGEST_SUMMARY, parseSummary, summaryOf, summaryText } from '../../src/domain/policy/summary.ts';
import { renderCard } from '../../src/slack/card/card.ts';
import { fullView } from '../../src/slack/card/modals.ts';
import { waitingCard } from '../../src/web/pages/waiting-card.ts';
import { currentOf, sampleApproval } from '../support/domain/approval.ts';

function said(template: string, args: JsonObject, meta: JsonObject = {}, params: JsonObject = {}): string {
  const read = parseSummary(template);
  if ('wrong' in read) assert.fail(read.wrong);
  return summaryText(summaryOf(read, { arguments: args, sent: { params, meta, headers: {} } }));
}

describe('a summary says what the call says', () => {
  const cases: readonly [string, string, JsonObject, string][] = [
    ['text and a path', 'Create "{args.name}" as {args.role}', { name: 'ci', role: 'viewer' }, 'Create "ci" as viewer'],
    ['a value beside a value', '{args.a}{args.b}', { a: 1, b: true }, '1true'],
    ['a list and an object', '{args.a} and {args.b}', { a: [1, 2], b: { c: 1 } }, '(2 items) and (1 member)'],
    ['what is absent or empty', '{args.a}, {args.b}, {args.c}', { b: '', c: null }, '(absent), (empty), null'],
    ['an index and a quoted name', '{args.a[1]} {args["b.c"]}', { a: [1, 2], 'b.c': 3 }, '2 3'],
    ['no inherited member', '{args.constructor}', {}, '(absent)'],
    ['what the policy hides', 'Key {args.key}', { key: '[redacted]' }, 'Key [redacted]'],
    ['a quote and a line break', 'Create "{args.a}"', { a: 'x" with role "y\nz' }, 'Create "x\\" with role \\"y\\nz"'],
    ['what does not show', '{args.a}', { a: 'a\u202eb\u200bc' }, 'a\\u202eb\\u200bc'],
  ];
  for (const [name, template, args, expected] of cases) {
    test(`P10: ${name}`, () => assert.equal(said(template, args), expected));
  }

  const misleading: readonly [string, string, JsonObject, string][] = [
    [
      'words that go on where policy’s words end',
      'Delete the branch {args.b}',
      { b: 'tmp (a copy; nothing is lost)' },
      'Delete the branch "tmp (a copy; nothing is lost)"',
    ],
    [
      'a value that brings its own quotes',
      'Add {args.a} to {args.b}',
      { a: '"x" to y', b: 'z' },
      'Add "\\"x\\" to y" to z',
    ],
    [
      'quotes that only look like those around it',
      'Create "{args.a}" as {args.b}',
      { a: 'x” as “viewer', b: '«admin»' },
      'Create "x\\u201d as \\u201cviewer" as \\u00abadmin\\u00bb',
    ],
    ['a quote of another kind around it', "Run '{args.a}'", { a: "x' on staging" }, "Run '\"x' on staging\"'"],
    [
      'what reads as if it were absent',
      'Limit to {args.a}, {args.b}',
      { a: '(absent)' },
      'Limit to "(absent)", (absent)',
    ],
    ['what reads as a count, where policy quotes it', 'Add "{args.a}"', { a: '(2 items)' }, 'Add ""(2 items)""'],
    [
      'other blanks than a space',
      'Create {args.a}',
      { a: 'x\u00a0as\u3000viewer' },
      'Create "x\\u00a0as\\u3000viewer"',
    ],
    [
      'one word, a path, an address',
      '{args.a} {args.b}',
      { a: 'a_b-c.d', b: 'https://x.y/z?q=1' },
      'a_b-c.d https://x.y/z?q=1',
    ],
  ];
  for (const [name, template, args, expected] of misleading) {
    test(`P10: a value cannot pass for words of the policy: ${name}`, () =>
      assert.equal(said(template, args), expected));
  }

  test('values beside the arguments', () => {
    assert.equal(said('{params.db} {meta["a.b/c"]}', {}, { 'a.b/c': 'x' }, { db: 'main' }), 'main x');
  });

  test('P10: a long value is cut, and says so', () => {
    const text = said('Run {args.sql} now', { sql: 'x'.repeat(1_000_000) });
    assert.ok(text.length < 120);
    assert.match(text, /^Run x+… now$/);
  });
});

describe('a template that could mislead, or names nothing, is refused with words', () => {
  const cases: readonly [string, RegExp, RegExp][] = [
    ['', /is empty/, /a sentence/],
    ['x'.repeat(LONGEST_SUMMARY + 1), /301 characters/, /at most 300/],
    ['{args.a}'.repeat(11), /too many values/, /at most 10/],
    ['Create {name}', /names \{name\}/, /\{args\.name\}/],
    ['Create {args.items[*]}', /names/, /one value/],
    ['Create {params.name}', /names/, /a rule under the name of the tool/],
    ['Create {args.a', /a single \{/, /in braces/],
    ['Create }', /a single \}/, /in braces/],
    ['*Create* it', /markup \(\*\)/, /plain words/],
    ['<@U0MIRA> asked', /markup \(<\)/, /plain words/],
    ['an _important_ one', /markup \(_\)/, /plain words/],
    ['two\nlines', /do not show/, /one line/],
    ['hid\u200bden', /do not show/, /one line/],
  ];
  for (const [template, wrong, expected] of cases) {
    test(JSON.stringify(template.slice(0, 40)), () => {
      const read = parseSummary(template);
      assert.ok('wrong' in read);
      assert.match(read.wrong, wrong);
      assert.match(read.expected, expected);
    });
  }

  test('at its place in the file', () => {
    const text =
      'version: "1"\ndefault: deny\ntools:\n  t:\n    action: require_approval\n    approval: { summary: "{x}" }\n';
    const read = parsePolicy(text, { path: 'p.yaml' });
    assert.ok(!read.ok);
    assert.equal(read.faults[0]!.line, 6);
    assert.match(read.faults[0]!.message, /names \{x\}/);
  });

  test('a name with an underscore in it is no markup', () => assert.ok('parts' in parseSummary('Call create_api_key')));
});

describe('P10: a summary stands beside the values, and what is the call’s in it is marked', () => {
  const summary = [{ text: 'Create "' }, { value: '<b>*x*</b> {args.role}' }, { text: '"' }];
  const plain = sampleApproval();
  const approval = { ...plain, trace: { ...plain.trace, summary } };

  test('on the card', () => {
    const { blocks, text } = renderCard(approval);
    const [parts] = blocks.filter((block) => JSON.stringify(block).includes('Create'));
    const { elements } = (parts!.elements as unknown as { elements: unknown[] }[])[0]!;
    assert.deepEqual(elements[1], { type: 'text', text: summary[1]!.value, style: { bold: true, code: true } });
    assert.ok(JSON.stringify(blocks).includes('ci-deploy'), 'the arguments are there too');
    assert.match(text, /Create "`&lt;b&gt;\*x\*&lt;\/b&gt; {args.role}`"/, 'no markup of its own in the notification');
    assert.equal(renderCard(approval).complete, renderCard(plain).complete);
  });

  test('in the full view', () => {
    const view = fullView(approval, { channel: 'C0', ts: '1' }, 0, true);
    assert.ok(JSON.stringify(view.blocks).includes('"code":true'));
  });

  test('in the console', () => {
    const page = String(
      waitingCard(approval, {
        reviewer: { id: 'admin', name: 'admin', userGroups: [], credential: '' },
        ...{ current: currentOf(approval), earlier: [], now: approval.createdAt },
        ...{ place: { environment: null, account: null, description: null }, names: new Map() },
      }),
    );
    assert.match(page, /class="in-words">Create &quot;<code>&lt;b&gt;/);
  });
});

/** The ready policies that are used most; each has a summary for every tool that it asks about. */
const WITH_SUMMARIES = [
  ...['filesystem', 'github', 'postgres', 'kubernetes', 'slack', 'notion', 'redis', 'mongodb', 'supabase'],
  ...['sentry', 'neon', 'playwright'],
];

describe('ready policies say what each call would do', () => {
  for (const name of WITH_SUMMARIES) {
    test(`${name}: each tool that is asked about has a summary, of arguments that the tool has`, () => {
      const policy = parsed(name);
      const file = new URL(`../labelled/servers/${name}.json`, import.meta.url);
      const { tools } = JSON.parse(readFileSync(file, 'utf8')) as {
        tools: { name: string; properties: Record<string, unknown> }[];
      };
      const asked = tools.filter((tool) => !isHidden(policy, tool.name) && mayAskOf(policy, tool.name));
      assert.ok(asked.length > 0);
      for (const tool of asked) {
        const { summary } = ruleFor(policy, tool.name)!.ask;
        assert.ok(summary, `${tool.name} has none`);
        for (const part of summary.parts) {
          if (typeof part === 'string') continue;
          assert.equal(part.root, 'args');
          const [first] = segments(part);
          assert.ok(Object.hasOwn(tool.properties, first!), `${tool.name} has no argument ${first}`);
        }
      }
    });
  }

  test('create_api_key has the one that its users read every day', () => {
    const rule = ruleFor(parsed('prometheus-approval'), 'create_api_key');
    assert.equal(rule?.ask.summary?.text, 'Create an API key "{args.name}" with role {args.role}');
  });
});

function parsed(name: string): Policy {
  const path = `policies/${name}.yaml`;
  const read = parsePolicy(readFileSync(path, 'utf8'), { path });
  if (!read.ok) assert.fail(JSON.stringify(read.faults));
  return read.policy;
}
