import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withSeen } from '../../src/config/policy/accept.ts';
import { draftPolicy } from '../../src/config/policy/draft.ts';
import { parsePolicy } from '../../src/config/policy/file.ts';
import { seenNow } from '../../src/config/policy/seen.ts';
import type { Json } from '../../src/domain/json/json.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import { mayAsk } from '../../src/domain/policy/policy.ts';
import { changesOf } from '../../src/domain/tool/drift.ts';
import { toolOf } from '../../src/domain/tool/tool.ts';
import { ToolDrift } from '../../src/gateway/tools/tool-drift.ts';
import { callOf } from '../support/domain/policy.ts';

const ENTRY = {
  name: 't',
  description: 'Lists.',
  inputSchema: { type: 'object', properties: { a: {}, b: {} } },
  annotations: { readOnlyHint: true },
};
const at = (more: object) => toolOf({ ...ENTRY, ...more } as Json)!;
const SEEN = seenNow(at({}));

function policyOf(file: object) {
  const parsed = parsePolicy(JSON.stringify({ version: '1', default: 'deny', ...file }), { path: 'p.json' });
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.faults));
  return parsed.policy;
}

test('the order of keys is no change; words, schema and annotations are', () => {
  const changed = (more: object) => changesOf(SEEN, seenNow(at(more)));
  assert.deepEqual(changed({ inputSchema: { properties: { b: {}, a: {} }, type: 'object' } }), []);
  assert.deepEqual(changed({ description: 'Lists!' }), ['description']);
  assert.deepEqual(changed({ title: 'T' }), ['description']);
  assert.deepEqual(changed({ inputSchema: {} }), ['schema']);
  assert.deepEqual(changed({ outputSchema: {} }), ['schema']);
  assert.deepEqual(changed({ annotations: {} }), ['annotations']);
  assert.deepEqual(changed({ annotations: { readOnlyHint: false } }), ['annotations']);
});

const DRIFTS: [name: string, file: object, verdict: string][] = [
  ['nothing says what to do', { tools: { t: { seen: SEEN } } }, 'allow'],
  ['drift is ask', { drift: 'ask', tools: { t: { seen: SEEN } } }, 'ask'],
  ['drift is deny', { drift: 'deny', tools: { t: { seen: SEEN } } }, 'deny'],
  ['the tool’s own word beats the file’s', { drift: 'deny', tools: { t: { seen: SEEN, drift: 'allow' } } }, 'allow'],
  ['it was never seen', { drift: 'deny', tools: { t: {} } }, 'allow'],
  ['a denial stays a denial', { drift: 'ask', tools: { t: { seen: SEEN, action: 'deny' } } }, 'deny'],
  ['drift: deny beats a question', { drift: 'deny', tools: { t: { seen: SEEN, action: 'require_approval' } } }, 'deny'],
];

for (const [name, file, kind] of DRIFTS) {
  test(`P1: a changed tool, when ${name}: ${kind}`, () => {
    const live = new ToolDrift(seenNow);
    const policy = policyOf(file);
    live.observe('s', { ...ENTRY, description: 'Lists, and sends it on.' } as Json);
    const verdict = evaluate(live.judge('s', policy), callOf('t'));
    assert.equal(verdict.kind, kind);
    assert.equal(verdict.trace.steps.filter((step) => step.decided).length, 1);
    assert.doesNotMatch(JSON.stringify(verdict), /sends it on/);
  });
}

test('a tool is judged by how it was listed last, and one server’s tools are not another’s', () => {
  const live = new ToolDrift(seenNow);
  const policy = policyOf({ drift: 'deny', tools: { t: { seen: SEEN } } });
  const kind = (server: string) => evaluate(live.judge(server, policy), callOf('t')).kind;
  live.observe('one', { ...ENTRY, title: 'New' } as Json);
  live.observe('two', ENTRY as Json);
  assert.deepEqual([kind('one'), kind('two'), kind('three')], ['deny', 'allow', 'allow']);
  live.observe('one', ENTRY as Json);
  live.observe('two', { ...ENTRY, title: 'New' } as Json);
  assert.deepEqual([kind('one'), kind('two')], ['allow', 'deny']);
});

test('a policy that may ask about drift needs approvers', () => {
  assert.equal(mayAsk(policyOf({ drift: 'ask', tools: { t: { seen: SEEN } } })), true);
  assert.equal(mayAsk(policyOf({ drift: 'ask', tools: { t: {} } })), false);
});

const FAULTS: [name: string, file: object, says: string][] = [
  ['an unknown action', { drift: 'maybe', tools: {} }, 'drift: is "maybe"'],
  ['a short digest', { tools: { t: { seen: { ...SEEN, schema: 'ab' } } } }, 'tools.t.seen.schema'],
  ['an unknown key', { tools: { t: { seen: { ...SEEN, name: 'x' } } } }, 'tools.t.seen.name: unknown key'],
  ['seen under a glob', { tools: { 't*': { seen: SEEN } } }, 'tools.t*.seen: is set under a glob'],
];

for (const [name, file, says] of FAULTS) {
  test(`${name} is refused with its path`, () => {
    const parsed = parsePolicy(JSON.stringify({ version: '1', default: 'deny', ...file }), { path: 'p.json' });
    assert.ok(!parsed.ok);
    assert.ok(
      parsed.faults.some((fault) => `${fault.path}: ${fault.message}`.includes(says)),
      JSON.stringify(parsed.faults),
    );
  });
}

test('a draft names no tool that is denied anyway, and nothing of a server’s words', () => {
  const tools = [at({}), at({ name: 'a b' }), at({ name: 'null', description: '# }]: "' }), at({ name: '1e5' })];
  const text = draftPolicy({ product: 'x\nversion: "2"', tools });
  const parsed = parsePolicy(text, { path: 'p.yaml' });
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.faults));
  assert.deepEqual([...parsed.policy.exact.keys()], ['t', 'null', '1e5']);
  assert.deepEqual(parsed.policy.exact.get('t')?.seen, SEEN);
  assert.ok(parsePolicy(draftPolicy({ product: '', tools: [] }), { path: 'p.yaml' }).ok);
});

test('P10: a draft declares secrets of tools about which it asks, so that one click can approve', () => {
  const text = { type: 'string' };
  const properties = {
    api_token: text,
    max_tokens: { type: 'integer' },
    token: { type: 'object' },
    'a: b token': text,
  };
  const tools = [at({ name: 'delete_everything', inputSchema: { type: 'object', properties } })];
  const parsed = parsePolicy(draftPolicy({ product: 'p', tools }), { path: 'p.yaml' });
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.faults));
  const rule = parsed.policy.exact.get('delete_everything');
  assert.equal(rule?.action, 'require_approval');
  assert.deepEqual(rule?.redaction.paths, [{ part: 'args', segments: ['api_token'] }]);
});

const HOLDERS: [path: string, text: string][] = [
  ['p.yaml', 'version: "1" # one\ndefault: deny\ntools:\n  t: { risk: read } # two\n  u:\n'],
  ['p.yaml', 'version: "1" # one\ndefault: deny\ntools:\n  t:\n    # two\n    risk: read\n  u: {}\n'],
  ['p.json', '{"version":"1","default":"deny","tools":{"t":{"risk":"read"},"u":{}}}'],
];

for (const [path, text] of HOLDERS) {
  test(`accepting writes only what was seen into ${JSON.stringify(text)}`, () => {
    const tools = [at({}), at({ name: 'u' }), at({ name: 'stranger' })];
    const accepted = withSeen({ path, text }, tools);
    assert.deepEqual(accepted?.tools, ['t', 'u']);
    const parsed = parsePolicy(accepted.text, { path });
    assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.faults));
    assert.deepEqual([...parsed.policy.exact.keys()], ['t', 'u']);
    assert.deepEqual([parsed.policy.exact.get('t')?.risk, parsed.policy.exact.get('u')?.seen], ['read', SEEN]);
    if (path === 'p.yaml') assert.match(accepted.text, /# one[\s\S]*# two/);
    const again = withSeen({ path, text: accepted.text }, [at({ description: 'New.' })]);
    const reread = parsePolicy(again?.text ?? '', { path });
    assert.ok(reread.ok);
    assert.equal(reread.policy.exact.get('t')?.seen?.description, seenNow(at({ description: 'New.' })).description);
    assert.equal(withSeen({ path, text: accepted.text }, tools), null);
  });
}

test('a tool that policy has seen is watched however many others its server lists before it', () => {
  const rules = { t: { drift: 'deny', seen: SEEN } };
  const policy = policyOf({ tools: rules });
  const live = new ToolDrift(seenNow);
  for (let n = 0; n < 10_000; n += 1) live.observe('s', { name: `other_${n}` });
  live.observe('s', { ...ENTRY, name: 'u', title: 'New' } as Json);
  live.observe('s', { ...ENTRY, title: 'New' } as Json, { inPolicy: true });
  assert.equal(evaluate(live.judge('s', policy), callOf('t')).kind, 'deny');
});

test('words that have no canonical form are a change like any other', () => {
  assert.deepEqual(changesOf(SEEN, seenNow(at({ description: 'Lists.\ud800' }))), ['description']);
  assert.deepEqual(changesOf(SEEN, seenNow(at({ inputSchema: { title: '\udc00' } }))), ['schema']);
});

for (const [what, innermost] of [
  ['', '1'],
  [', and has no canonical form', '"\\ud800"'],
  [', and holds a number too large for JSON', '1e999'],
] as const) {
  test(`P1: a schema nested without end is seen like any other${what}`, () => {
    const schema = JSON.parse(`${'{"a":'.repeat(20_000)}${innermost}${'}'.repeat(20_000)}`) as Json;
    assert.deepEqual(changesOf(SEEN, seenNow(at({ inputSchema: schema }))), ['schema']);
    const live = new ToolDrift(seenNow);
    live.observe('s', { name: 'first', inputSchema: schema });
    live.observe('s', { ...ENTRY, description: 'Lists, and sends it on.' } as Json);
    const policy = policyOf({ drift: 'deny', tools: { t: { seen: SEEN } } });
    assert.equal(evaluate(live.judge('s', policy), callOf('t')).kind, 'deny');
  });
}

test('a tool that is listed twice has changed if one of its entries has', () => {
  const policy = policyOf({ tools: { t: { drift: 'deny', seen: SEEN } } });
  const changed = { ...ENTRY, description: 'Lists, and sends it on.' } as Json;
  const same = ENTRY as Json;
  const kinds = (live: ToolDrift): string => evaluate(live.judge('s', policy), callOf('t')).kind;
  for (const order of [
    [changed, same],
    [same, changed],
    [changed, same, same],
    [same, changed, same],
  ]) {
    const live = new ToolDrift(seenNow);
    for (const [at, entry] of order.entries()) live.observe('s', entry, { again: at > 0 });
    assert.equal(kinds(live), 'deny', JSON.stringify(order));
    // The whole list again, and then one that names it once, as it was seen.
    for (const [at, entry] of order.entries()) live.observe('s', entry, { again: at > 0 });
    assert.equal(kinds(live), 'deny');
    live.observe('s', same);
    assert.notEqual(kinds(live), 'deny');
  }
});
