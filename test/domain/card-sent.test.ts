import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultsOf } from '../../src/demo/slack/limits/blocks.ts';
import { faultsOfView } from '../../src/demo/slack/limits/views.ts';
import type { Approval } from '../../src/domain/approval/approval.ts';
import { NOTHING_MORE } from '../../src/domain/call/sent.ts';
import type { Json, JsonObject } from '../../src/domain/json/json.ts';
import { renderCard } from '../../src/slack/card/card.ts';
import { fullView, pageCount } from '../../src/slack/card/modals.ts';
import { sampleApproval } from '../support/domain/approval.ts';

const FROM = { channel: 'C0APPROVALS', ts: '1.000001' };
const HUGE = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`member_${i}`, `value ${i}`]));

/** Every text of the blocks, a line each. */
function textsOf(blocks: unknown): string {
  const texts: string[] = [];
  JSON.stringify(blocks, (key, inner) => {
    if (key === 'text' && typeof inner === 'string') texts.push(inner);
    return inner;
  });
  return texts.join('\n');
}

function cardOf(different: Parameters<typeof sampleApproval>[0]) {
  const card = renderCard(sampleApproval(different));
  assert.deepEqual(faultsOf(card.blocks, 'message', '/blocks'), []);
  assert.ok(card.content.length <= 10_000);
  return { ...card, says: textsOf(card.blocks) };
}

function fullViewOf(approval: Approval): string {
  return Array.from({ length: pageCount(approval) }, (_, page) => {
    const view = fullView(approval, FROM, page, true);
    assert.deepEqual(faultsOfView(view as never), []);
    assert.ok((view.blocks as unknown[]).length <= 100);
    assert.equal(view.submit !== undefined, page === pageCount(approval) - 1, 'Approve is on the last page only');
    return textsOf(view.blocks);
  }).join('\n');
}

const approves = (card: { blocks: readonly JsonObject[] }) =>
  JSON.stringify(card.blocks).includes('"action_id":"approve"');

describe('P10: the card shows what is sent besides the arguments', () => {
  const table: Record<string, { sent: Partial<typeof NOTHING_MORE>; shows: readonly string[]; complete?: boolean }> = {
    'a member of params': { sent: { params: { options: { force: true } } }, shows: ['params.options.force: true'] },
    'a member of _meta': {
      sent: { meta: { 'acme.com/tenant': 'north' } },
      shows: ['meta["acme.com/tenant"]: "north"'],
    },
    'a header': { sent: { headers: { 'mcp-param-region': 'eu' } }, shows: ['header mcp-param-region: "eu"'] },
    'empty things': { sent: { params: { a: {}, b: [] } }, shows: ['params.a: {}', 'params.b: []'] },
    'a list': { sent: { params: { ids: [1, 2] } }, shows: ['params.ids: [1,2]'] },
    'names that hide': {
      sent: { params: { 'a\u202eb': 1, שם: 2 } },
      shows: ['params["a\\u202eb"]: 1', 'params.\\u05e9\\u05dd: 2'],
    },
    'a name that an object inherits': {
      sent: { params: JSON.parse('{"__proto__":{"constructor":"x"}}') as JsonObject },
      shows: ['params.__proto__.constructor: "x"'],
    },
    'more than fits, in one value': {
      sent: { params: { big: 'x'.repeat(20_000) } },
      shows: ['params.big: "xxx', '(+'],
      complete: false,
    },
    'more than fits, in many': {
      sent: { meta: HUGE },
      shows: ['Also sent, by name', 'meta.member_0', '… and 1,'],
      complete: false,
    },
  };
  for (const [name, { sent, shows, complete = true }] of Object.entries(table)) {
    test(name, () => {
      const all = { sent: { ...NOTHING_MORE, ...sent } };
      const card = cardOf(all);
      for (const part of ['Also sent', 'name: "ci-deploy"', ...shows])
        assert.ok(card.says.includes(part), `${part}\n${card.says}`);
      assert.equal(card.complete, complete);
      assert.equal(approves(card), complete);
      fullViewOf(sampleApproval(all));
    });
  }

  test('arguments and what goes along share the card: neither pushes the other out', () => {
    const card = cardOf({
      arguments: { sql: 'x'.repeat(20_000), to: 'prod' },
      sent: { ...NOTHING_MORE, params: { other: 'y'.repeat(20_000), db: 'main' } },
    });
    for (const part of ['to: "prod"', 'params.db: "main"', 'sql: "xxx', 'params.other: "yyy'])
      assert.ok(card.says.includes(part), part);
    assert.equal(card.complete, false);
  });

  test('the full view has every value, uncut, with Approve on the last page', () => {
    const approval = sampleApproval({
      sent: { params: { deep: { list: [{ a: 'x'.repeat(9_000) }, 2] } }, meta: HUGE, headers: { 'mcp-param-x': 'y' } },
    });
    assert.ok(pageCount(approval) > 1);
    const says = fullViewOf(approval);
    for (const [name, value] of Object.entries(HUGE)) assert.ok(says.includes(`meta.${name}: "${value}"`));
    assert.ok(says.includes('header mcp-param-x: "y"'));
    assert.equal(says.replaceAll(/[^x]/g, '').length >= 9_000, true);
  });

  test('with nothing more sent, there is no such section', () => {
    assert.doesNotMatch(cardOf({}).says, /Also sent|Client/);
    assert.doesNotMatch(fullViewOf(sampleApproval()), /Also sent/);
  });

  const meta = (info: Json, capabilities: Json = {}) => ({
    ...NOTHING_MORE,
    meta: { 'io.modelcontextprotocol/clientInfo': info, 'io.modelcontextprotocol/clientCapabilities': capabilities },
  });

  test('a plain introduction is small print, and not a section', () => {
    const card = cardOf({
      sent: meta({ name: 'case', version: '1' }, { elicitation: { form: {} }, roots: { listChanged: true } }),
    });
    assert.doesNotMatch(card.says, /Also sent/);
    assert.match(
      card.says,
      /Client \(unverified\): `case 1`, can do `elicitation \(form\)`, `roots \(listChanged: true\)`/,
    );
    assert.equal(card.complete, true);
  });

  test('what the SDKs say of a client stays small print; the full view has the icons whole', () => {
    const src = `data:image/png;base64,${'A'.repeat(4_000)}`;
    const info = { name: 'case', version: '1', websiteUrl: 'https://a.example', icons: [{ src, sizes: ['48x48'] }] };
    const approval = { sent: meta(info) };
    const card = cardOf(approval);
    assert.doesNotMatch(card.says, /Also sent/);
    assert.match(
      card.says,
      /Client \(unverified\): `case 1, https:\/\/a\.example, 1 icon of 4,0\d\d characters in all`/,
    );
    assert.equal(card.complete && approves(card), true);
    assert.ok(fullViewOf(sampleApproval(approval)).replaceAll(/[^A]/g, '').length >= 4_000);
  });

  test('an introduction with more to it is a section', () => {
    const card = cardOf({ sent: meta({ name: 'case', version: '1', target: 'prod' }, { hidden: 'words' }) });
    assert.ok(card.says.includes('meta["io.modelcontextprotocol/clientInfo"].target: "prod"'));
    assert.ok(card.says.includes('meta["io.modelcontextprotocol/clientCapabilities"].hidden: "words"'));
    assert.doesNotMatch(card.says, /Client \(unverified\)/);
  });
});

describe('P10: values that are hidden are counted', () => {
  const args = { amount: 5, token: '[redacted]' };

  test('hidden by policy: one click approves', () => {
    const card = cardOf({ arguments: args, hidden: { byPolicy: 1, byName: 0 } });
    assert.ok(card.says.includes('token: [redacted]'));
    assert.match(card.says, /1 value is hidden by policy \(`\[redacted\]`\); the call contains the real value/);
    assert.equal(card.complete, true);
    assert.ok(approves(card));
  });

  test('hidden because of their names: one click does not approve', () => {
    const card = cardOf({
      arguments: { a: { token: '[redacted]' }, secret: '[redacted]' },
      hidden: { byPolicy: 0, byName: 2 },
    });
    assert.match(card.says, /2 values are hidden because their names look secret/);
    assert.equal(card.says.match(/Review and approve…\* opens the full view/g)?.length, 1);
    assert.doesNotMatch(card.says, /Not everything fits/);
    assert.equal(card.complete, false);
    assert.ok(!approves(card));
  });

  test('hidden by name in a call that does not fit: one sentence says where it is decided', () => {
    const card = cardOf({ arguments: { ...args, sql: 'x'.repeat(20_000) }, hidden: { byPolicy: 0, byName: 1 } });
    assert.match(card.says, /Not everything fits here[\s\S]*1 value is hidden because/);
    assert.equal(card.says.match(/opens the full view/g)?.length, 1);
  });

  test('text that only reads so is quoted, and where both are there, one click does not approve', () => {
    const forged = cardOf({ arguments: { note: '[redacted]' } });
    assert.ok(forged.says.includes('note: "[redacted]"'));
    assert.doesNotMatch(forged.says, /hidden/);
    const both = cardOf({ arguments: { note: '[redacted]', ...args }, hidden: { byPolicy: 1, byName: 0 } });
    assert.ok(both.says.includes('note: "[redacted]"') && both.says.includes('token: "[redacted]"'));
    assert.match(both.says, /agent also sent text that reads/);
    assert.equal(both.complete, false);
  });

  test('a hidden value has a line of its own', () => {
    const card = cardOf({ arguments: { list: [{ token: '[redacted]', n: 1 }] }, hidden: { byPolicy: 1, byName: 0 } });
    assert.ok(card.says.includes('list[0].token: [redacted]'), card.says);
  });
});

describe('P10: why, in the callers’ own words', () => {
  test('a long reason is whole in the full view', () => {
    const reason = `${'because '.repeat(480)}the end\u200b`;
    const approval = sampleApproval({ statedReason: reason });
    const says = fullViewOf(approval).replaceAll('\n', '');
    assert.ok(says.includes('the end\\u200b'));
    assert.match(says, /The agent says \(unverified\), part 2 of 2/);
    assert.equal(says.match(/because /g)?.length, 480, 'it stands there once');
  });

  test('invisible characters do not push its end out', () => {
    const says = fullViewOf(sampleApproval({ statedReason: `${'\u200b'.repeat(600)}drop everything` }));
    assert.ok(says.includes('drop everything'));
  });

  test('what another caller says is added, and not put in its place', () => {
    const card = cardOf({ statedReason: 'first', laterReasons: ['second', 'third'] });
    assert.match(
      card.says,
      /The agent says \(unverified\)\nfirst[\s\S]*Another caller says \(unverified\)\nsecond[\s\S]*third/,
    );
    assert.equal(card.complete, true);
    const long = sampleApproval({ laterReasons: ['x'.repeat(500), '\u200b'.repeat(80)] });
    assert.equal(renderCard(long).complete, false);
    assert.ok(fullViewOf(long).includes('x'.repeat(500)));
  });

  test('pages that are turned keep their call, and nothing that denies comes to stand where a page was turned', () => {
    const approval = sampleApproval({ arguments: { text: 'A'.repeat(200_000) } });
    const pages = pageCount(approval);
    assert.ok(pages > 2);
    const memories = new Set<string>();
    for (const page of Array.from({ length: pages }, (_, at) => at)) {
      const view = fullView(approval, FROM, page, true);
      const { approval: id, fingerprint } = JSON.parse(String(view.private_metadata)) as Record<string, string>;
      memories.add(`${id} ${fingerprint}`);
      const rows = (view.blocks as { type: string; elements: { action_id: string }[] }[])
        .filter(({ type }) => type === 'actions')
        .map(({ elements }) => elements.map((element) => element.action_id));
      assert.deepEqual(rows.at(-1), ['deny']);
      assert.ok(rows.slice(0, -1).every((row) => !row.includes('deny')));
    }
    assert.equal(memories.size, 1);
  });
});
