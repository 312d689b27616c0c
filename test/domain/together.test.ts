import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultsOf } from '../../src/demo/slack/limits/blocks.ts';
import { faultsOfHome, faultsOfView } from '../../src/demo/slack/limits/views.ts';
import type { Approval, Approver, Requirement } from '../../src/domain/approval/approval.ts';
import {
  asksTheSame,
  burstKindOf,
  digestMark,
  digestMarkIn,
  isAlike,
  withoutDigestMark,
} from '../../src/domain/approval/burst.ts';
import { type BatchItem, judgeTogether, type TogetherWord } from '../../src/domain/approval/together.ts';
import { aloneBecause, batchView, fitsTogether, readTick } from '../../src/slack/card/batch-view.ts';
import { renderDigest } from '../../src/slack/card/digest.ts';
import { homeView } from '../../src/slack/card/home-view.ts';
import { fullView } from '../../src/slack/card/modals.ts';
import { admit } from '../../src/slack/click/admit.ts';
import { currentOf, OPENED, sampleApproval } from '../support/domain/approval.ts';

const MIRA: Approver = { id: 'U0MIRA', via: 'slack', userGroups: [] };
const YES: TogetherWord = { choice: 'approve', reason: null };
const soon = new Date(OPENED.getTime() + 60_000);

function named(n: number, different: Parameters<typeof sampleApproval>[0] = {}): Approval {
  const fingerprint = n.toString(16).padStart(64, '0');
  return sampleApproval({ id: `ap_${String(n).padStart(26, '0')}`, fingerprint, ...different });
}
const itemOf = ({ id, fingerprint, revision }: Approval): BatchItem => ({ id, fingerprint, revision });
const judged = (approvals: readonly Approval[], items = approvals.map(itemOf), word = YES, by = MIRA) =>
  judgeTogether(
    items.map((shown, index) => {
      const approval = approvals[index];
      return { shown, found: approval === undefined ? null : { approval, approver: by, current: currentOf(approval) } };
    }),
    word,
    soon,
  );
const inTheWay = (judgement: ReturnType<typeof judged>) =>
  judgement.kind === 'all' ? [] : judgement.items.map(({ id, state, why }) => [id, state, why]);

describe('several calls, one word', () => {
  test('P1: all are judged as each would be alone, and one that may not be decided keeps all from it', () => {
    const [one, two] = [named(1), named(2)];
    const both = judged([one, two]);
    assert.deepEqual(both.kind === 'all' && both.judgements.map(({ next }) => next), ['approved', 'approved']);
    for (const [bad, why] of [
      [named(3, { state: 'denied' }), 'already_decided'],
      [named(3, { state: 'expired' }), 'expired'],
      [named(3, { expiresAt: OPENED }), 'expired'],
      [named(3, { broken: 'arguments' }), 'broken'],
      [named(3, { requirement: { people: ['U0ALEX'] } }), 'not_an_approver'],
      [named(3, { owner: 'U0MIRA' }), 'own_call'],
      [
        named(3, { requirement: { stepUp: { origin: 'https://x.example', rp: 'x.example' } } } as never),
        'signature_required',
      ],
    ] as const)
      assert.deepEqual(inTheWay(judged([one, bad, two])), [[bad.id, bad.state, why]], why);
  });

  test('P10: each is bound by its own fingerprint and by the revision that was shown', () => {
    const [one, two] = [named(1), named(2)];
    const swapped = [{ ...itemOf(one), fingerprint: two.fingerprint }, itemOf(two)];
    assert.deepEqual(inTheWay(judged([one, two], swapped)), [[one.id, 'pending', 'other_call']]);
    for (const revision of [one.revision - 1, one.revision + 1])
      assert.deepEqual(inTheWay(judged([one], [{ ...itemOf(one), revision }])), [[one.id, 'pending', 'changed']]);
    assert.deepEqual(inTheWay(judged([], [itemOf(one)])), [[one.id, null, 'not_found']]);
  });

  test('P10: what does not fit a view whole, hides what its policy did not name, or is to be signed has no box', () => {
    const long = named(99, { arguments: { rows: Array.from({ length: 90 }, (_, n) => `${n}:${'x'.repeat(2_500)}`) } });
    assert.equal(fitsTogether([long]), false);
    assert.equal(fitsTogether([named(1), named(2)]), true);
    const hidden = named(4, { arguments: { token: '[redacted]' }, hidden: { byPolicy: 0, byName: 1 } });
    assert.match(aloneBecause(hidden, 'approve')!, /hides values/);
    assert.equal(aloneBecause(hidden, 'deny'), null);
    const many = Array.from({ length: 40 }, (_, n) =>
      named(n + 1, { arguments: { n, text: `<b> & ${'"\\u202e'.repeat(20)}` } }),
    );
    const from = { channel: 'C1', ts: '1.5' };
    const terms = { choice: 'approve', leader: many[0]!, from, publicUrl: 'https://h.example', notice: null } as const;
    const calls = [{ approval: long, why: null }, ...many.map((approval) => ({ approval, why: null }))];
    const view = batchView(calls, terms) as { blocks: { block_id?: string }[] } & Record<string, unknown>;
    assert.deepEqual(faultsOfView(view), []);
    const boxes = view.blocks
      .filter(({ block_id }) => block_id?.startsWith('tick:'))
      .map(({ block_id }) => block_id!.slice(5));
    assert.ok(boxes.length > 3 && boxes.length <= 25, String(boxes.length));
    assert.equal(boxes.includes(long.id), false);
    assert.match(JSON.stringify(view.blocks), /does not fit here/);
  });

  test('P10: what a card warns of stands with the call, there and in its full view', () => {
    const counterOf = {
      ...{ approval: 'ap_before', by: 'U0ALEX', via: 'slack' as const, depth: 1, more: 0 },
      changes: [{ path: 'role', before: '"admin"', after: '"viewer"' }],
    } as const;
    const facts = {
      unusual: [[{ text: 'Goes to an address that no call went to before: ' }, { value: 'x.example' }]],
      preview: null,
      particulars: { at: 0, destinations: {}, amounts: {} },
    };
    const odd = named(5, {
      counterOf,
      facts,
      previousUnknown: 'ap_unknown',
      trace: { ...named(5).trace, cues: ['first_use'] },
    });
    const from = { channel: 'C1', ts: '1.5' };
    const terms = { choice: 'approve', leader: odd, from, publicUrl: null, notice: null } as const;
    const many = Array.from({ length: 12 }, (_, n) => ({
      approval: named(n + 10, { ...odd, id: named(n + 10).id }),
      why: null,
    }));
    assert.deepEqual(faultsOfView(batchView(many, terms)), []);
    for (const view of [batchView([{ approval: odd, why: null }], terms), fullView(odd, from, 0, true)]) {
      const text = JSON.stringify(view);
      for (const words of [
        /A counter-proposal by/,
        /role: .*admin.* → .*viewer/,
        /x\.example/,
        /ap_unknown/,
        /First use/,
      ])
        assert.match(text, words);
    }
  });

  test('a box is read only as it was written', () => {
    const { id, fingerprint } = named(1);
    const value = `7:${fingerprint.slice(0, 32)}`;
    assert.deepEqual(readTick(`tick:${id}`, value), { id, fingerprint: fingerprint.slice(0, 32), revision: 7 });
    for (const [block, text] of [
      [id, value],
      ['tick:', value],
      [`tick:${id}`, `-7:${fingerprint.slice(0, 32)}`],
      [`tick:${id}`, `7:${fingerprint.slice(0, 31)}`],
      [`tick:${id}`, `7:${fingerprint}`],
      [`tick:${id}' or 1=1`, value],
    ] as const)
      assert.equal(readTick(block, text), null, `${block} ${text}`);
  });
});

describe('calls of a burst', () => {
  test('more than so many of one grant or tool share a message', () => {
    const terms = { over: 3, withinMs: 60_000 };
    assert.equal(burstKindOf({ grant: 2, tool: 2 }, terms), null);
    assert.equal(burstKindOf({ grant: 3, tool: 9 }, terms), 'grant');
    assert.equal(burstKindOf({ grant: 0, tool: 3 }, terms), 'tool');
    assert.equal(isAlike('grant', named(1), named(2, { tool: 'other' })), true);
    assert.equal(isAlike('tool', named(1), named(2, { grant: 'other' })), true);
    assert.equal(isAlike('tool', named(1), named(2, { server: 'other' })), false);
    const night = named(2, { requirement: { groups: ['oncall'] } });
    assert.equal(isAlike('grant', named(1), night), false, 'nobody is told of what others are asked');
    assert.equal(isAlike('grant', night, named(3, { requirement: { groups: ['oncall'] } })), true);
  });

  test('each line says whom it is asked of in quiet hours, and what makes it look different', () => {
    const hours = { from: '22:00', to: '07:00', zone: 'UTC', group: 'oncall', insteadOf: ['security'] };
    const plain = named(1);
    const different = named(2, {
      requirement: { groups: ['oncall'], quiet: hours },
      trace: { ...plain.trace, cues: ['changed_tool', 'first_use'] },
      escalatedAt: plain.createdAt,
    });
    const textOf = (approval: Approval) => {
      const calls = [{ approval, card: null, freeze: null }];
      return renderDigest({ kind: 'grant', calls }, { publicUrl: null }).content;
    };
    assert.match(textOf(different), /⏫ Escalated · 🔀 Changed tool · 🆕 First use · .*🌙 asked of `oncall`/);
    assert.doesNotMatch(textOf(plain), /🌙|⏫|🔀|🆕/);
    assert.doesNotMatch(textOf({ ...different, state: 'denied' }), /🌙|⏫|🔀|🆕/);
    // It has no card of its own, so wherever it is looked at before a yes says so too.
    const from = { channel: 'C1', ts: '1.5' };
    const terms = { choice: 'approve', leader: different, from, publicUrl: null, notice: null } as const;
    for (const [view, whole] of [
      [batchView([{ approval: different, why: null }], terms), true],
      [fullView(different, from, 0, true), true],
      [homeView({ calls: [different], total: 1 }, null), false],
    ] as const) {
      const text = JSON.stringify(view);
      assert.match(text, whole ? /🔀 \*Changed tool\.\* The server describes/ : /🔀 Changed tool/);
      assert.match(text, /First use/);
    }
  });

  test('P4: calls that ask other people share no message, so whoever may decide one is told of it', () => {
    const asked = (requirement: Partial<Requirement>) => named(2, { requirement });
    const further = { afterMs: 60_000, groups: ['cto'], people: ['U0CTO'], userGroups: [], admin: false };
    const all: [ReturnType<typeof asked>, boolean][] = [
      [asked({ people: ['U0ALEX', 'U0MIRA'], quorum: 2 }), true],
      [asked({ people: ['U0MIRA'] }), false],
      [asked({ userGroups: ['S0DBA'] }), false],
      [asked({ admin: true }), false],
      [asked({ escalate: further }), false],
    ];
    for (const [other, same] of all)
      assert.equal(asksTheSame(named(1), other), same, JSON.stringify(other.requirement));
    const calls = [named(1), named(2)].map((approval) => ({ approval, card: null, freeze: null }));
    assert.match(
      renderDigest({ kind: 'grant', calls }, { publicUrl: null }).content,
      /May approve: .*<@U0MIRA>, <@U0ALEX>/,
    );
  });

  test('a card’s digest says whose message it is in, and nothing else does', () => {
    const mark = { leader: named(1).id, kind: 'grant' } as const;
    const text = `${digestMark(mark)}pending.0..abc`;
    assert.deepEqual(digestMarkIn(text), mark);
    assert.equal(withoutDigestMark(text), 'pending.0..abc');
    for (const other of [
      undefined,
      '',
      'pending.0..abc',
      `x${text}`,
      'digest:ap_1',
      'digest:AP_1:grant:',
      'digest:ap_1:all:',
    ])
      assert.equal(digestMarkIn(other), null);
  });

  test('what makes a call look different is said in its line and on the Home, as on its card', () => {
    const { trace } = named(1);
    const changed = named(1, { trace: { ...trace, cues: ['changed_tool'] } });
    const counterOf = { approval: 'ap_1', by: 'U0MIRA', via: 'slack', depth: 1, changes: [], more: 0 } as const;
    const proposed = named(2, { counterOf });
    const calls = [changed, proposed].map((approval) => ({ approval, card: null, freeze: null }));
    const { content } = renderDigest({ kind: 'grant', calls }, { publicUrl: null });
    assert.equal(content.split('🔀 Changed tool').length, 2);
    assert.equal(content.split('↩ a counter-proposal').length, 2);
    const home = homeView({ calls: [changed, proposed], total: 2 }, null);
    assert.equal(JSON.stringify(home).split('🔀 Changed tool').length, 2);
    assert.equal(JSON.stringify(home).split('↩ a counter-proposal').length, 2);
  });

  test('a message links to the inbox with what its calls have in common', () => {
    const calls = [named(1), named(2)].map((approval) => ({ approval, card: null, freeze: null }));
    const link = (kind: 'grant' | 'tool') =>
      /<([^|>]*)\|Open the inbox>/.exec(renderDigest({ kind, calls }, { publicUrl: 'https://h.example' }).content)?.[1];
    const { grant, server, tool } = named(1);
    assert.equal(link('grant'), `https://h.example/?agent=${grant}`);
    assert.equal(link('tool'), `https://h.example/?server=${server}&amp;tool=${tool}`);
  });

  test('P10: twenty calls fit one message, whatever they say; nothing is approved on it', () => {
    const trace = {
      ...named(1).trace,
      summary: [{ text: 'Say ' }, { value: '`&'.repeat(80) }, { value: '`'.repeat(160) }],
    };
    for (const [args, words] of [
      [{ a: 1 }, {}],
      [{ a: '<!channel> *x* `y`'.repeat(40) }, {}],
      [{ a: '\u202e\u200b"\\'.repeat(200) }, {}],
      [{ a: '`'.repeat(400) }, { trace }],
    ] as const) {
      const calls = Array.from({ length: 20 }, (_, n) => ({
        approval: named(n + 1, {
          arguments: args,
          tool: 'x'.repeat(120),
          state: n > 15 ? 'denied' : 'pending',
          ...words,
        }),
        card: null,
        freeze: null,
      }));
      const { blocks, content, complete } = renderDigest({ kind: 'grant', calls }, { publicUrl: 'https://h.example' });
      assert.deepEqual(faultsOf(blocks, 'message', ''), []);
      assert.ok(content.length <= 12_500, String(content.length));
      assert.equal(complete, false);
      assert.doesNotMatch(content, /"action_id":"approve"/);
      assert.doesNotMatch(content, /<!channel>/);
      for (const { approval } of calls.slice(0, 16)) assert.ok(content.includes(`${approval.id}:`));
      const home = homeView({ calls: calls.map(({ approval }) => approval), total: 31 }, 'https://h.example');
      assert.deepEqual(faultsOfHome(home), []);
      assert.match(JSON.stringify(home), /11 more did not fit/);
      assert.doesNotMatch(JSON.stringify(home), /"action_id":"approve"|<!channel>/);
    }
  });

  test('P4: of arguments of megabytes only what is shown at a glance is looked at', () => {
    const args = { a: 'é\u200b'.repeat(500_000) };
    const approvals = Array.from({ length: 20 }, (_, n) => named(n + 1, { arguments: args }));
    const calls = approvals.map((approval) => ({ approval, card: null, freeze: null }));
    const from = { channel: 'C1', ts: '1.5' };
    const terms = { choice: 'approve', leader: approvals[0]!, from, publicUrl: null, notice: null } as const;
    const began = performance.now();
    assert.equal(renderDigest({ kind: 'grant', calls }, { publicUrl: null }).complete, false);
    const few = renderDigest({ kind: 'grant', calls: calls.slice(0, 3) }, { publicUrl: null }).content;
    for (const view of [few, JSON.stringify(homeView({ calls: approvals, total: 20 }, null))])
      assert.match(view, /é\\\\u200bé.*…/);
    const batch = batchView(
      approvals.map((approval) => ({ approval, why: null })),
      terms,
    );
    assert.match(JSON.stringify(batch), /does not fit here/);
    assert.ok(performance.now() - began < 20_000, String(performance.now() - began));
  });

  test('P10: a click on a Home or a digest decides nothing that its card does not show', async () => {
    const approval = named(1);
    const place = { channel: 'C1', ts: '1.5' };
    const mark = digestMark({ leader: approval.id, kind: 'grant' });
    const refusals: string[] = [];
    const clicked = (ts: string | null, from: Parameters<typeof admit>[2]['from']) => {
      const card = { approval: approval.id, channel: 'C1', ts, revision: 1, digest: mark, postedAt: null };
      const terms = {
        ...{ app: null, routing: { channel: 'C1' }, recall: () => null, adopt: async () => undefined },
        people: {
          home: async () => ({ team: 'T1', everywhere: false }),
          standing: async () => ({ kind: 'member' }),
          groupsOf: async () => [],
        },
        look: async () => ({ approval, card }),
        approvers: () => currentOf(approval),
        refused: async (_: string, __: string, reason: string) => void refusals.push(reason),
      };
      const who = { user: 'U0MIRA', userTeam: 'T1', team: 'T1', enterprise: null, app: null };
      const value = { approval: approval.id, fingerprint: approval.fingerprint };
      return admit(terms as never, who, { kind: 'approve_on_card', choice: 'approve', revision: 1, value, from });
    };
    assert.deepEqual(await clicked(null, 'home'), { kind: 'turned_away', reason: 'no_card' });
    assert.deepEqual(await clicked('1.4', place), { kind: 'turned_away', reason: 'wrong_message' });
    assert.deepEqual(refusals, ['no_card', 'wrong_message']);
    for (const [ts, from] of [
      ['1.5', place],
      ['1.5', 'home'],
      // The answer to the post was lost, so the click itself tells where the message is.
      [null, place],
    ] as const) {
      const admitted = await clicked(ts, from);
      assert.equal(admitted.kind === 'admitted' && admitted.inDigest, true);
    }
  });
});
