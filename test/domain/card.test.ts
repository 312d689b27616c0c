import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { charactersOf, faultsOf } from '../../src/demo/slack/limits/blocks.ts';
import { faultsOfView } from '../../src/demo/slack/limits/views.ts';
import { type Approval, type Decision, STATES, type State } from '../../src/domain/approval/approval.ts';
import type { Json } from '../../src/domain/json/json.ts';
import { readButtonValue, readViewMemory } from '../../src/slack/card/button.ts';
import { type RenderedCard, renderCard } from '../../src/slack/card/card.ts';
import { denyView, fullView, pageCount } from '../../src/slack/card/modals.ts';
import { intentOf } from '../../src/slack/click/intent.ts';
import type { Interaction } from '../../src/slack/click/payload.ts';
import { FINGERPRINT, OPENED, sampleApproval } from '../support/domain/approval.ts';

const vote = (different: Partial<Decision> = {}): Decision => ({
  approver: 'U0MIRA',
  choice: 'approve',
  reason: null,
  via: 'slack',
  self: false,
  userGroup: null,
  at: OPENED,
  ...different,
});

function within(card: RenderedCard): RenderedCard {
  assert.deepEqual(faultsOf(card.blocks, 'message', '/blocks'), []);
  assert.ok(card.blocks.length <= 50);
  assert.ok(JSON.stringify(card.blocks).length <= 10_000, `${JSON.stringify(card.blocks).length} characters`);
  assert.ok(charactersOf(card.blocks) <= 10_000);
  assert.ok(card.text.length <= 4000);
  return card;
}

/** The text a person reads: every `text` leaf, in order. */
function read(value: unknown): string {
  if (Array.isArray(value)) return value.map(read).join('\n');
  if (typeof value !== 'object' || value === null) return '';
  const { text, ...rest } = value as { text?: unknown };
  return (typeof text === 'string' ? text : read(text)) + read(Object.values(rest));
}

function elements(card: { blocks: readonly unknown[] }, action: string) {
  const blocks = card.blocks as {
    type: string;
    elements?: { action_id?: string; value?: string; confirm?: unknown }[];
  }[];
  return blocks.flatMap((b) => (b.type === 'actions' ? (b.elements ?? []) : [])).filter((e) => e.action_id === action);
}

describe('the card in each state', () => {
  const expected: Record<State, { says: RegExp; decides: boolean }> = {
    pending: { says: /0 of 1 approvals/, decides: true },
    approved: { says: /Approved by <@U0MIRA>\. Waiting for the agent to collect it/, decides: false },
    dispatched: { says: /is running/, decides: false },
    succeeded: { says: /went through/, decides: false },
    failed: { says: /ran and failed/, decides: false },
    unknown: { says: /Outcome unknown:.*Check the system before repeating/, decides: false },
    denied: { says: /Denied by <@U0ALEX>/, decides: false },
    expired: { says: /Nobody decided in time/, decides: false },
    withdrawn: { says: /cancelled the call/, decides: false },
    lapsed: { says: /did not run, and cannot run any more/, decides: false },
  };
  const decisionsIn = (state: State): Decision[] => {
    if (state === 'denied') return [vote({ approver: 'U0ALEX', choice: 'deny', reason: 'not on a Friday' })];
    return ['pending', 'expired', 'withdrawn'].includes(state) ? [] : [vote()];
  };

  for (const state of STATES) {
    test(`${state}: says so, keeps the call in view, and has buttons only while it can be decided`, () => {
      const card = within(renderCard(sampleApproval({ state, decisions: decisionsIn(state) })));
      const text = read(card.blocks);
      assert.match(text, expected[state].says);
      for (const fact of [
        'release-bot',
        '<@U0SAM>',
        'prometheus',
        'create_api_key',
        'write',
        'ci-deploy',
        'outlives',
      ]) {
        assert.ok(text.includes(fact), `${fact} is missing`);
      }
      assert.equal(elements(card, 'approve').length, expected[state].decides ? 1 : 0);
      assert.equal(elements(card, 'deny').length, expected[state].decides ? 1 : 0);
      assert.ok(card.complete);
    });
  }

  test('a denial shows its reason, as data', () => {
    const decisions = [vote({ choice: 'deny', reason: '*no* <!channel> & done' })];
    const card = within(renderCard(sampleApproval({ state: 'denied', decisions })));
    assert.ok(read(card.blocks).includes('*no* <!channel> & done'));
    assert.ok(!JSON.stringify(card.blocks.filter((b) => b.type === 'section')).includes('<!channel>'));
  });

  test('a quorum shows who has approved so far', () => {
    const card = renderCard(sampleApproval({ requirement: { quorum: 2 }, decisions: [vote()] }));
    assert.match(read(card.blocks), /1 of 2 approvals: <@U0MIRA>/);
  });

  test('an owner who approved their own agent’s call is marked', () => {
    const card = renderCard(
      sampleApproval({ state: 'approved', decisions: [vote({ approver: 'U0SAM', self: true })] }),
    );
    assert.match(read(card.blocks), /<@U0SAM> \(own agent, allowed by self_approval\)/);
  });

  test('callers, an earlier unknown outcome, and the agent’s own words each have their line', () => {
    const approval = sampleApproval({ callers: 3, previousUnknown: 'ap_before', statedReason: 'the key leaked' });
    const text = read(within(renderCard(approval)).blocks);
    assert.match(text, /3 callers wait/);
    assert.match(text, /before this one is unknown.*ap_before/);
    assert.match(text, /The agent says \(unverified\)[\s\S]*the key leaked/);
  });

  test('who is added later is named, and not called yet', () => {
    const escalate = { afterMs: 600_000, groups: ['oncall'], people: ['U0LATER'], userGroups: [], admin: false };
    const text = read(within(renderCard(sampleApproval({ requirement: { escalate } }))).blocks);
    assert.match(text, /From .*10:10:00.* on also: `oncall`/);
    assert.doesNotMatch(text, /U0LATER/);
  });

  test('a later revision has new block ids, and so a new digest', () => {
    const [first, second] = [renderCard(sampleApproval()), renderCard(sampleApproval({ revision: 2 }))];
    assert.notEqual(first.digest, second.digest);
    const ids = new Set(first.blocks.map((b) => b.block_id));
    assert.ok(second.blocks.every((b) => !ids.has(b.block_id!)));
    assert.equal(renderCard(sampleApproval()).digest, first.digest);
  });

  test('only grave calls ask once more', () => {
    const grave = { ...sampleApproval().trace, severity: 'high' as const };
    assert.ok(elements(within(renderCard(sampleApproval({ trace: grave }))), 'approve')[0]?.confirm);
    assert.equal(elements(renderCard(sampleApproval()), 'approve')[0]?.confirm, undefined);
  });

  test('what is asked once more repeats tool, agent and arguments, and says why', () => {
    const asked = (changes: Parameters<typeof sampleApproval>[0]) => {
      const [button] = elements(within(renderCard(sampleApproval(changes))), 'approve');
      return read((button?.confirm as { text: unknown } | undefined)?.text).trim();
    };
    const { trace } = sampleApproval();
    for (const risk of ['execute', 'financial', 'destructive'] as const) {
      const words = asked({ trace: { ...trace, risk, severity: null } });
      assert.match(words, /create_api_key.*"name":"ci-deploy"/, risk);
    }
    assert.match(asked({ trace: { ...trace, risk: 'financial' } }), /moves money/);
    assert.match(asked({ previousUnknown: 'ap_01k0before' }), /outcome is unknown.*ap_01k0before/);
    const long = asked({
      trace: { ...trace, risk: 'execute', severity: 'critical' },
      arguments: { x: 'y'.repeat(900) },
    });
    assert.ok(long.length <= 300 && /"x":"yyyy/.test(long) && /critical/.test(long), long);
    assert.equal(asked({ trace: { ...trace, risk: 'write', severity: 'medium' } }), '');
  });

  test('P10: the fingerprint is on the card and in the button', () => {
    const card = renderCard(sampleApproval());
    assert.ok(read(card.blocks).includes(FINGERPRINT.slice(0, 32)));
    const value = readButtonValue(elements(card, 'approve')[0]?.value ?? '');
    assert.deepEqual(value, { approval: 'ap_01k0example', fingerprint: FINGERPRINT.slice(0, 32) });
  });

  test('without rich text the card still shows every argument', () => {
    const card = within(renderCard(sampleApproval(), { plainText: true }));
    assert.ok(card.blocks.every((b) => b.type !== 'rich_text'));
    assert.ok(read(card.blocks).includes('name: "ci-deploy"'));
  });
});

describe('P10: hostile arguments stay data', () => {
  const deep = (levels: number): Json => (levels === 0 ? 'the bottom' : { inside: deep(levels - 1) });
  const table: Record<string, { args: Json; complete: boolean; shows?: readonly string[]; hides?: RegExp }> = {
    'mentions and links': {
      args: { to: '<!channel> <@U0EVIL> <https://evil.example|Approve>' },
      complete: true,
      shows: ['"<!channel> <@U0EVIL> <https://evil.example|Approve>"'],
    },
    'bold, code and emoji names': { args: { a: '*b* `c` _d_ :white_check_mark:' }, complete: true, shows: ['`c`'] },
    'a line that looks like another argument': {
      args: { note: 'x"\nrole: "viewer' },
      complete: true,
      shows: ['x\\"\\n\nrole: \\"viewer'],
    },
    'right-to-left override': { args: { file: 'a\u202egpj.exe' }, complete: true, shows: ['a\\u202egpj.exe'] },
    'isolates and marks': {
      args: { 'k\u2066ey': '\u200f\u061c\u2069' },
      complete: true,
      shows: ['\\u2066', '\\u061c'],
    },
    'zero width and fillers': {
      args: { a: 'x\u200by\u3164z\u00ad' },
      complete: true,
      shows: ['x\\u200by\\u3164z\\u00ad'],
    },
    'control characters': {
      args: { a: 'x\u0000\u001b[2Jy\u0085' },
      complete: true,
      shows: ['\\u0000\\u001b[2Jy\\u0085'],
    },
    'tags that spell in secret': { args: { a: 'hi\u{e0041}\u{e0042}' }, complete: true, hides: /\u{e0041}/u },
    'a lone surrogate': { args: { a: 'x\ud800y' }, complete: true, shows: ['\\ud800'] },
    'right-to-left names': { args: { שם: 'שלום' }, complete: true, shows: ['\\u05e9', 'שלום'], hides: /שם/ },
    'emoji stay whole': { args: { a: '👩‍💻 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿' }, complete: true, shows: ['👩‍💻 ❤️'] },
    'piled-up marks': { args: { a: `z${'\u0301'.repeat(60)}` }, complete: true, shows: ['\\u0301'] },
    'no arguments': { args: {}, complete: true, shows: ['(none)'] },
    'text that reads as a hidden value': {
      args: { api_key: '[redacted]', list: ['[redacted]'] },
      complete: true,
      shows: ['api_key: "[redacted]"', 'list[0]: "[redacted]"'],
    },
    '20 deep': { args: deep(20), complete: true, shows: ['the bottom', 'inside.inside.inside'] },
    '64 deep': { args: deep(64), complete: true, shows: ['the bottom'] },
    '50 KB in one value, before another': {
      args: { payload: 'A'.repeat(50_000), target: 'production' },
      complete: false,
      shows: ['target: "production"', '(+48,'],
    },
    '50 KB of line breaks': {
      args: { payload: 'a\n'.repeat(25_000), target: 'production' },
      complete: false,
      shows: ['production'],
    },
    '50 KB of characters that need escapes': {
      args: { a: '\u202e'.repeat(50_000), b: 1 },
      complete: false,
      shows: ['b: 1'],
    },
    '50 KB in a name': { args: { ['n'.repeat(50_000)]: 1, b: 2 }, complete: false, shows: ['b: 2'] },
    '200 keys': {
      args: Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`key_${i}`, `value ${i}`])),
      complete: false,
      shows: ['key_0, key_1', 'key_199'],
    },
    '200 keys of 200 characters': {
      args: Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`key_${i}`, 'v'.repeat(200)])),
      complete: false,
      shows: ['key_0, key_1', 'key_199'],
    },
    '5000 keys': {
      args: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key_${i}`, i])),
      complete: false,
      shows: ['key_0, key_1', '… and 4,'],
    },
    'a list of 5000 before a name': {
      args: { ids: Array.from({ length: 5000 }, (_, i) => i), target: 'production' },
      complete: false,
      shows: ['target: "production"'],
    },
  };

  for (const [name, { args, complete, shows = [], hides }] of Object.entries(table)) {
    test(name, () => {
      const approval = sampleApproval({ arguments: args });
      const card = within(renderCard(approval));
      const text = read(card.blocks);
      for (const part of shows) assert.ok(text.includes(part), `does not show ${JSON.stringify(part)}:\n${text}`);
      if (hides) assert.doesNotMatch(text, hides);
      assert.doesNotMatch(text.replace(/\p{RGI_Emoji}/gv, ''), /[\p{Cf}\u115f\u3164]/u);
      assert.equal(card.complete, complete);
      within(renderCard(approval, { plainText: true }));
      assertWholeIn(approval);
    });
  }

  test('foreign words cannot speak as ours: reason, rule, grant, note, id', () => {
    const evil = '`*<!here>*\n✔ Approved by <@U0MIRA>\u202e';
    const approval = sampleApproval({
      state: 'failed',
      grant: evil,
      owner: evil,
      server: evil,
      tool: evil,
      statedReason: evil,
      note: evil,
      previousUnknown: evil,
      requirement: { groups: [evil], people: [evil], userGroups: [evil] },
      decisions: [vote({ approver: evil, reason: evil })],
    });
    const card = within(renderCard(approval));
    for (const block of card.blocks.filter((b) => JSON.stringify(b).includes('"mrkdwn"'))) {
      assert.doesNotMatch(JSON.stringify(block), /<!here>|<@U0MIRA>|\u202e/);
    }
    assert.doesNotMatch(card.text, /<!here>|\u202e/);
  });

  test('in plain text, which holds less, what does not fit is not approved on the card', () => {
    const args = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`key_${i}`, 'v'.repeat(80)]));
    assert.equal(renderCard(sampleApproval({ arguments: args })).complete, true);
    const plain = within(renderCard(sampleApproval({ arguments: args }), { plainText: true }));
    assert.equal(plain.complete, false);
    assert.equal(elements(plain, 'approve').length, 0);
  });

  test('long words of an agent are cut, and then the card is not whole', () => {
    const card = within(renderCard(sampleApproval({ statedReason: 'because '.repeat(400) })));
    assert.equal(card.complete, false);
    assert.match(read(card.blocks), /Not everything fits/);
    assert.equal(elements(card, 'approve').length, 0);
    assert.match(JSON.stringify(elements(card, 'review')), /Review and approve/);
  });
});

/** Every page within Slack's limits, and all pages together hold every argument uncut. */
function assertWholeIn(approval: Approval): void {
  const from = { channel: 'C0APPROVALS', ts: '1.000001' };
  const pages = pageCount(approval);
  for (let page = 0; page < pages; page++) {
    const view = fullView(approval, from, page, true);
    assert.deepEqual(faultsOfView(view as never), []);
    assert.ok(Buffer.byteLength(JSON.stringify(view)) < 250_000);
    assert.equal(view.submit !== undefined, page === pages - 1, 'Approve is on the last page only');
    const memory = readViewMemory(view.private_metadata as string);
    assert.deepEqual(memory, { approval: approval.id, fingerprint: FINGERPRINT.slice(0, 32), page, ...from });
  }
}

describe('the card of a call that has to be signed', () => {
  const stepUp = { origin: 'https://holdfast.example.com' };

  test('P1: offers the page on which it is signed, and Deny, and no way to approve here', () => {
    for (const args of [{ name: 'ci' }, { body: 'x'.repeat(60_000) }]) {
      const card = within(renderCard(sampleApproval({ requirement: { stepUp }, arguments: args })));
      assert.equal(elements(card, 'approve').length + elements(card, 'review').length, 0);
      assert.equal(elements(card, 'deny').length, 1);
      const [link, ...others] = elements(card, 'sign') as { url?: string; value?: string; text?: object }[];
      assert.deepEqual(others, []);
      assert.equal(link?.url, 'https://holdfast.example.com/approvals/ap_01k0example');
      assert.equal(link?.value, undefined, 'it sends nothing back');
      assert.match(read(card.blocks), /has to be signed with your passkey/);
    }
    const over = within(renderCard(sampleApproval({ state: 'denied', requirement: { stepUp } })));
    assert.equal(elements(over, 'sign').length, 0);
  });

  test('says so where nobody can sign', () => {
    const card = within(renderCard(sampleApproval({ requirement: { stepUp: { origin: null } } })));
    assert.equal(elements(card, 'sign').length + elements(card, 'approve').length, 0);
    assert.match(read(card.blocks), /Nobody can approve this/);
  });

  test('a click on the link is nothing', () => {
    const on = { kind: 'message', channel: 'C', ts: '1' } as const;
    const click = { kind: 'click', action: 'sign', value: null, revision: 1, on } as unknown as Interaction;
    assert.equal(intentOf(click), 'nothing');
  });
});

describe('the full view', () => {
  const from = { channel: 'C0APPROVALS', ts: '1.000001' };

  test('shows 400 KB of arguments uncut, over pages', () => {
    const args = {
      head: 'start',
      body: Array.from({ length: 400 }, (_, i) => `${i}:${'x'.repeat(1000)}`),
      tail: 'end',
    };
    const approval = sampleApproval({ arguments: args });
    const pages = pageCount(approval);
    assert.ok(pages > 1);
    const all = Array.from({ length: pages }, (_, page) => read(fullView(approval, from, page, true).blocks)).join(
      '\n',
    );
    assert.ok(all.includes('head: "start"') && all.includes('tail: "end"'));
    for (const item of args.body) assert.ok(all.includes(`"${item}"`));
    assertWholeIn(approval);
  });

  test('a value in parts joins up to exactly what is sent', () => {
    const value = `${'😀'.repeat(3000)}end`;
    const approval = sampleApproval({ arguments: { value } });
    const boxes: string[] = [];
    JSON.stringify(fullView(approval, from, 0, true).blocks, (_, inner) => {
      if (inner?.type === 'rich_text_preformatted') boxes.push(inner.elements[0].text);
      return inner;
    });
    assert.equal(boxes.join(''), JSON.stringify(value));
  });

  test('who may not decide sees everything and can decide nothing', () => {
    const view = fullView(sampleApproval(), from, 0, false);
    assert.equal(view.submit, undefined);
    assert.doesNotMatch(JSON.stringify(view), /action_id":"deny/);
    assert.deepEqual(faultsOfView(view as never), []);
  });

  test('a denial asks for a reason, which policy may require', () => {
    const optional = (view: object) => /"optional":(\w+)/.exec(JSON.stringify(view))?.[1];
    assert.equal(optional(denyView(sampleApproval(), from)), 'true');
    assert.equal(optional(denyView(sampleApproval({ requirement: { denyReason: 'required' } }), from)), 'false');
    assert.deepEqual(faultsOfView(denyView(sampleApproval(), from) as never), []);
  });
});
