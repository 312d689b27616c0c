import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/config/policy/file.ts';
import { type Particulars, unbelievedFacts } from '../../src/domain/approval/facts.ts';
import { particularsOf } from '../../src/domain/approval/particulars.ts';
import { previewSays, previewText } from '../../src/domain/approval/preview-text.ts';
import { unusualOf } from '../../src/domain/approval/unusual.ts';
import type { Json } from '../../src/domain/json/json.ts';
import { DEFAULT_REDACTION } from '../../src/domain/json/redact.ts';
import { filledArgs, parseArgsTemplate } from '../../src/domain/policy/preview-rule.ts';
import { summaryText } from '../../src/domain/policy/summary.ts';

const DAY = 86_400_000;
const NOON = Date.UTC(2026, 10, 30, 12);
const SENT = { params: {}, meta: {}, headers: {} };

const of = (args: Json, at = NOON): Particulars => particularsOf({ arguments: args, sent: SENT }, null, new Date(at));

function lines(own: Particulars, known: readonly Particulars[], unknown = 0, more = false, unapproved = 0): string[] {
  return unusualOf(own, 'release-bot/issuer', { known, unknown, more, unapproved }).map(summaryText);
}

describe('what is unusual is said with its numbers', () => {
  const calls = Array.from({ length: 24 }, (_, n) =>
    of({ to: 'ops', amount: 10 + n }, NOON - (n % 6) * DAY - (n % 3) * 3_600_000),
  );
  test('the first call', () => {
    assert.deepEqual(lines(of({ to: 'ops' }), []), [
      'First call of this tool that people are asked about for release-bot in 30 days',
    ]);
  });
  test('P1: rows that nobody believes make no call look usual', () => {
    assert.deepEqual(lines(of({ to: 'ops' }), [], 2), [
      'Nothing is kept of the 2 approved calls of this tool for release-bot in 30 days, so that this one is compared with none',
    ]);
    assert.deepEqual(lines(of({ to: 'ops' }), [], 300, true, 4), [
      'Nothing is kept of the latest 300 approved calls of this tool for release-bot, so that this one is compared with none',
    ]);
  });
  test('P1: what nobody said yes to makes nothing usual, and is counted', () => {
    assert.deepEqual(lines(of({ to: 'ops' }), [], 0, false, 3), [
      'Asked 3 times for release-bot in 30 days, and no such call was approved and made',
    ]);
  });
  test('nothing, of a call like the others', () => assert.deepEqual(lines(of({ to: 'ops', amount: 20 }), calls), []));
  test('a new destination', () => {
    assert.deepEqual(lines(of({ to: 'evil', amount: 20 }), calls), [
      'New: args.to is evil; none of its 24 approved calls in 30 days named it',
    ]);
  });
  test('an amount above all others', () => {
    assert.deepEqual(lines(of({ to: 'ops', amount: '5200.5' }), calls), [
      'args.amount is 5,200.5; its 24 approved calls in 30 days had 10 to 33',
    ]);
  });
  test('an hour in which none came', () => {
    assert.deepEqual(lines(of({ to: 'ops', amount: 20 }, NOON - 9 * 3_600_000), calls), [
      'It is 03:00 UTC; its 24 approved calls in 30 days came between 10:00 and 13:00 UTC',
    ]);
  });
  test('too few calls have no usual hours or amounts', () => {
    assert.deepEqual(lines(of({ to: 'ops', amount: 999 }, NOON - 9 * 3_600_000), calls.slice(0, 4)), []);
  });
});

describe('what is compared of a call', () => {
  const cases: readonly [string, Json, Record<string, string>][] = [
    [
      'the host of an address, whatever stands before it',
      { url: 'https://good.example@evil.example/x?y' },
      { 'args.url': 'https://evil.example' },
    ],
    ['every recipient', { to: ['a@x.example', 'b@y.example'] }, { 'args.to': 'a@x.example, b@y.example' }],
    ['nothing that is hidden', { to: '[redacted]', channel: 'C1' }, { 'args.channel': 'C1' }],
    ['nothing of objects', { to: { deep: 1 } }, {}],
  ];
  for (const [name, args, expected] of cases) test(name, () => assert.deepEqual(of(args).destinations, expected));
  test('a destination that is too long to be kept equals no other', () => {
    const long = of({ to: 'x'.repeat(400) });
    const [said, ...more] = lines(long, [long]);
    assert.match(said!, /^args\.to is x+…; it is too long to be compared with others$/);
    assert.equal(more.length, 0);
  });
  test('P10: arguments that an agent adds take no line away without a word', () => {
    const names = ['cc', 'bcc', 'url', 'uri', 'host', 'domain', 'room', 'org', 'db', 'env', 'table', 'queue', 'topic'];
    const many = Object.fromEntries([...names, 'repo', 'owner', 'bucket', 'to'].map((name) => [name, 'new']));
    const said = lines(of(many), [of({ to: 'ops' })]);
    assert.equal(said.length, 13);
    assert.equal(said.at(-1), '4 values more that are unusual; 1 argument more that was not compared');
    const junk = { ...Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`x${n}`, 1])), to: 'new' };
    assert.deepEqual(lines(of(junk), [of({ to: 'ops' })]), ['2 arguments more that were not compared']);
  });
});

describe('what is said of a preview', () => {
  const said = { kind: 'said', tool: 'list_keys', text: '{}', failed: false, omitted: 0, at: '' } as const;
  const cases = [
    [said, 'the server says by list_keys, unverified'],
    [{ ...said, omitted: 1 }, 'the server says by list_keys, unverified, without its last 1 character'],
    [
      { ...said, failed: true, omitted: 1_200 },
      'the server says by list_keys, unverified, which it calls an error, without its last 1,200 characters',
    ],
    [{ kind: 'none', tool: 'list_keys', why: 'it took too long' }, 'list_keys was not shown: it took too long'],
    [unbelievedFacts(new Date(NOON)).preview!, 'the record of it was changed outside Holdfast'],
  ] as const;
  for (const [preview, expected] of cases) {
    test(expected, () => assert.equal(summaryText(previewSays(preview)), expected));
  }
});

describe('the arguments of a preview', () => {
  const filled = (template: Json, args: Json) => {
    const read = parseArgsTemplate(template);
    assert.ok(!(typeof read === 'object' && read !== null && 'wrong' in read), JSON.stringify(read));
    return filledArgs(read, { arguments: args, sent: SENT });
  };
  test('keep types, and take texts apart', () => {
    const template = { n: '{args.n}', list: ['{args.tags}', 'of {args.name}'], fixed: 3, none: null };
    const args = { n: 5, tags: ['a'], name: 'x' };
    assert.deepEqual(filled(template, args), { args: { n: 5, list: [['a'], 'of x'], fixed: 3, none: null } });
  });
  test('P8: hold nothing that is hidden', () =>
    assert.deepEqual(filled({ q: 'a {args.key}' }, { key: '[redacted]' }), { why: 'args.key is hidden' }));
  test('are told where a value is missing', () =>
    assert.deepEqual(filled({ q: '{args.x}' }, {}), { why: 'the call has no args.x' }));
});

test('a preview may name only a tool that its own policy lets read: whatever else is a fault with its place', () => {
  const faults = (tools: string, head = ''): string => {
    const policy = `version: "1"\ndefault: deny\n${head}tools:\n${tools}  write: { action: require_approval, approval: { preview: { tool: look, args: { q: "{args.q}" } } } }\n`;
    const parsed = parsePolicy(policy, { path: 'p.yaml' });
    return parsed.ok ? 'fine' : parsed.faults.map(({ message }) => message).join('; ');
  };
  assert.equal(faults('  look: { risk: read }\n'), 'fine');
  assert.match(faults(''), /names look, which has no rule here/);
  assert.match(faults('  look: { risk: write }\n'), /whose risk is write/);
  assert.match(faults('  look: {}\n'), /whose risk is not stated/);
  assert.match(faults('  look: { risk: read, action: require_approval }\n'), /whose action is require_approval/);
  assert.match(faults('  look: { risk: read, mode: watch }\n'), /only watched/);
  assert.match(faults('  look: { risk: read }\n', 'hide: [look]\n'), /which is hidden/);
});

test('P8: what a server says under names of secrets is replaced before it is kept', () => {
  const kept = (text: string): string => previewText(text, DEFAULT_REDACTION).text;
  assert.equal(kept('{"name":"a","api_key":"k"}'), '{\n  "name": "a",\n  "api_key": "[redacted]"\n}');
  assert.equal(kept('PASSWORD=hunter2 user=x\ntoken: "a b" end'), 'PASSWORD=[redacted] user=x\ntoken: [redacted] end');
  assert.equal(kept('Authorization header was Bearer abcdefghijkl'), 'Authorization header was Bearer [redacted]');
  assert.equal(kept('monkeys: 3'), 'monkeys: 3');
  const HIDDEN = /hunter|staple|MII/;
  for (const text of [
    'config: password=hunter2',
    'https://h.example/x?a=1&token=hunter2',
    'postgres://root:hunter2@db/x',
    'password: correct horse battery staple',
    'Authorization: Token hunter22',
    'it has "password": "a\\"hunter2" and more',
    'password: "two\nhunter2"',
    'password: "hunter2',
    'data:\n  password: |\n    hunter2\n\tstaple\nnext: 1',
    'private_key: -----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----',
    '-----BEGIN RSA PRIVATE KEY-----\nMII',
    '{"out":"PASSWORD=hunter2"}',
    '{"n":12345678901234567890,"password":"hunter2"}',
    'text {\\"password\\": \\"hunter2\\"}',
    `password: ${'x'.repeat(15_990)}\npassword: hunter2`,
  ]) {
    assert.doesNotMatch(kept(text), HIDDEN, text);
  }
  assert.match(kept('{"n":12345678901234567890,"password":"hunter2"}'), /"n":12345678901234567890,/);
  assert.equal(kept('{"n":12345678901234567890}'), '{"n":12345678901234567890}');
  assert.equal(kept('postgres://db:5432/x mail: a@b.example'), 'postgres://db:5432/x mail: a@b.example');
  assert.deepEqual(previewText('x'.repeat(20_000), DEFAULT_REDACTION).omitted, 16_000);
  const from = performance.now();
  for (const text of ['token: "', "token: '", 'token: \\"', 'a '.repeat(9), '-----BEGIN ', '://a:', 'password: |\n '])
    kept(text.repeat(262_144 / text.length));
  kept(`{"a":${JSON.stringify('token: "'.repeat(30_000))}}`);
  assert.ok(performance.now() - from < 2_000);
});
