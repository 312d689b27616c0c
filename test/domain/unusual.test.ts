import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/config/policy/file.ts';
import type { Approval } from '../../src/domain/approval/approval.ts';
import { type Particulars, unbelievedFacts } from '../../src/domain/approval/facts.ts';
import { particularsOf } from '../../src/domain/approval/particulars.ts';
import { previewSays, previewText } from '../../src/domain/approval/preview-text.ts';
import { unusualOf, unusualSaid } from '../../src/domain/approval/unusual.ts';
import type { Json } from '../../src/domain/json/json.ts';
import { DEFAULT_REDACTION } from '../../src/domain/json/redact.ts';
import { filledArgs, parseArgsTemplate } from '../../src/domain/policy/preview-rule.ts';
import { summaryText } from '../../src/domain/policy/summary.ts';
import { batchView } from '../../src/slack/card/batch-view.ts';
import { renderCard } from '../../src/slack/card/card.ts';
import { fullView } from '../../src/slack/card/modals.ts';
import { approvalJson } from '../../src/web/api/approval-json.ts';
import { waitingCard } from '../../src/web/pages/waiting-card.ts';
import { currentOf, sampleApproval } from '../support/domain/approval.ts';

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

test('P10: what nobody has looked up yet is not told as nothing, wherever the call is read', () => {
  const { facts: _, ...asked } = sampleApproval();
  const said = (different: Partial<Approval>): string =>
    unusualSaid({ ...asked, ...different })
      .map(summaryText)
      .join();
  assert.equal(said({}), 'What is unusual about this call is not known yet');
  assert.equal(said({ state: 'succeeded' }) + said({ answersTo: 'ap_x' }) + unusualSaid(sampleApproval()).join(), '');
  const place = { channel: 'C1', ts: '1.1' };
  const around = {
    reviewer: { id: 'admin', name: 'admin', userGroups: [], credential: '' },
    ...{ current: currentOf(asked), earlier: [], now: asked.createdAt },
    ...{ place: { environment: null, account: null, description: null }, names: new Map() },
  };
  const terms = { choice: 'approve', leader: asked, from: place, publicUrl: null, notice: null } as const;
  for (const shown of [
    JSON.stringify(renderCard(asked).blocks),
    JSON.stringify(fullView(asked, place, 0, true)),
    JSON.stringify(batchView([{ approval: asked, why: null }], terms)),
    JSON.stringify(approvalJson(asked)),
    String(waitingCard(asked, around)),
  ]) {
    assert.match(shown, /What is unusual about this call is not known yet/);
  }
  const rev = (approval: Approval): string => /data-rev="([^"]*)"/.exec(String(waitingCard(approval, around)))![1]!;
  assert.notEqual(rev(asked), rev(sampleApproval()), 'a page that is open takes over what is found out');
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

describe('P10: no call gets past the comparison by writing a value in another way', () => {
  const calls = Array.from({ length: 6 }, () => of({ to: 'ops@x.example', amount: 10 }));
  const says = (path: string): string =>
    `args.${path} cannot be compared with its 6 approved calls in 30 days: it is not written as a plain value, as it was there`;
  const cases: readonly [string, Record<string, Json>, readonly string[]][] = [
    ['an object', { to: { email: 'evil@x.example' } }, [says('to')]],
    ['a list with an empty text', { to: ['', 'evil@x.example'] }, [says('to')]],
    ['a list with an object', { to: ['ops@x.example', { email: 'evil' }] }, [says('to')]],
    ['a text with the mark in it', { to: '[redacted] <evil@x.example>' }, [says('to')]],
    ['an amount with an exponent', { amount: '1e9' }, [says('amount')]],
    ['an amount in a list', { amount: [1_000_000] }, [says('amount')]],
    ['an amount with more digits than are kept', { amount: '9'.repeat(41) }, [says('amount')]],
    ['nothing there', { to: null, amount: '' }, []],
    ['a value that is hidden whole, of which the card tells', { to: '[redacted]' }, []],
    ['what was never compared', { url: { deep: 1 } }, []],
  ];
  for (const [name, args, expected] of cases) test(name, () => assert.deepEqual(lines(of(args), calls), expected));
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
    '{"env":[{"name":"DB_PASSWORD","value":"hunter2"}]}',
    '{"value":{"deep":["hunter2"]},"key":"api-token","role":"admin"}',
    '{"password":{"value":"hunter2","length":7}}',
    '{"tokens":[{"id":"a","stringValue":"hunter2"}]}',
    '{"n":12345678901234567890,"name": "DB_PASSWORD", "value": "hunter2"}',
    'env:\n- name: DB_PASSWORD\n  value: hunter2\n- name: MODE\n  value: fast',
    `${'token:\\"\n'.repeat(20)}hunter2`,
    `{"tokens":["a","hunter2"],"more":"${'x'.repeat(20_000)}"}`,
    `{"password":{"value":"hunter2"},"more":"${'x'.repeat(20_000)}"}`,
    `{"a":${JSON.stringify('x'.repeat(15_990))},"password":{"value":"hunter2"},"b":"token=hunter2"}`,
  ]) {
    assert.doesNotMatch(kept(text), HIDDEN, text);
  }
  assert.match(kept('{"n":12345678901234567890,"password":"hunter2"}'), /"n":12345678901234567890,/);
  assert.equal(kept('{"n":12345678901234567890}'), '{"n":12345678901234567890}');
  for (const text of [
    '{"keys":[{"name":"api-token","role":"admin","created":"today"}]}',
    '{"name":"MODE","value":"fast"}',
    'env:\n- name: MODE\n  value: fast',
    '{"token":{"id":"a","scopes":["read"]}}',
  ]) {
    assert.equal(kept(text), text);
  }
  assert.equal(kept('postgres://db:5432/x mail: a@b.example'), 'postgres://db:5432/x mail: a@b.example');
  assert.deepEqual(previewText('x'.repeat(20_000), DEFAULT_REDACTION).omitted, 16_000);
  const from = performance.now();
  for (const text of ['token: "', "token: '", 'token: \\"', 'a '.repeat(9), '-----BEGIN ', '://a:', 'password: |\n '])
    kept(text.repeat(262_144 / text.length));
  for (const text of ['token: "', 'token:\\"\n', 'token:,', 'token:\\"'])
    kept(`{"a":${JSON.stringify(text.repeat(200_000 / text.length))}}`);
  for (const text of ['1,', '"a",', '{"password":"a"},'])
    for (let n = 0; n < 10; n++) kept(`${'['.repeat(55)}${text.repeat(260_000 / text.length)}1${']'.repeat(55)}`);
  assert.ok(performance.now() - from < 2_000);
});
