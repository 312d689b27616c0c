import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { cardShown, contentDigest } from '../../src/domain/approval/seen-card.ts';
import type { Json } from '../../src/domain/json/json.ts';
import type { ProvenEvent } from '../../src/ports.ts';
import { renderCard } from '../../src/slack/card/card.ts';
import { cardDigest } from '../../src/slack/card/thread.ts';
import { inertMrkdwn } from '../../src/web/html/mrkdwn.ts';
import { cardFace } from '../../src/web/pages/card-face.ts';
import { cardAsSeen, cardDigests, type ShownCards } from '../../src/web/pages/shown-cards.ts';
import { sampleApproval } from '../support/domain/approval.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const EVIL = '<img src=x onerror="window.hit=1"><script>window.hit=2</script>';

function event(n: number, type: ProvenEvent['type'], data: ProvenEvent['data']): ProvenEvent {
  const nothing = { approval: 'ap_1', server: 'prometheus', tool: 'create_api_key', grant: 'release-bot' };
  const link = { text: '', previous: null };
  return {
    ...nothing,
    ...link,
    n,
    seq: n,
    hash: 'f'.repeat(64),
    fits: true,
    type,
    at: new Date(0),
    actor: 'holdfast',
    data,
  };
}

/** A card as the gateway logs and keeps it. */
function posted(n: number, approval = sampleApproval()) {
  const { content, digest } = renderCard(approval);
  const data = { digest: cardDigest(approval, digest), revision: approval.revision };
  return { event: event(n, n === 1 ? 'card.posted' : 'card.updated', data), content };
}

const cardsOf = (...contents: readonly string[]): ShownCards => {
  return { contents: new Map(contents.map((content) => [sha256(content), content])), sha256 };
};
const text = (page: unknown): string =>
  String(page)
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ');

describe('a card, shown again', () => {
  it('P7: is drawn from what was kept, and says that it is what was logged', () => {
    const { event: card, content } = posted(1);
    assert.deepEqual(cardDigests([card]), [sha256(content)]);
    const page = text(cardAsSeen(card, [card], cardsOf(content)));
    for (const words of ['This matches what was logged', 'Approval needed: prometheus.create_api_key', 'release-bot'])
      assert.ok(page.includes(words), words);
    for (const words of ['expires_in_days: 30', 'Creates a credential', '@U0SAM', 'Approve', 'Deny…'])
      assert.ok(page.includes(words), words);
  });

  it('P7: says that it is not what was logged, once a character of it was changed', () => {
    const { event: card, content } = posted(1);
    const contents = new Map([[sha256(content), content.replace('ci-deploy', 'ci-destroy')]]);
    const page = text(cardAsSeen(card, [card], { contents, sha256 }));
    assert.match(page, /This is not what was logged/);
    assert.doesNotMatch(page, /This matches what was logged/);
  });

  it('says so where nothing was kept, or what was kept is no card', () => {
    const { event: card, content } = posted(1);
    assert.match(text(cardAsSeen(card, [card], cardsOf())), /not on this page/);
    for (const broken of ['{', '"text"', '{}', 'null']) {
      const contents = new Map([[sha256(content), broken]]);
      assert.match(text(cardAsSeen(card, [card], { contents, sha256 })), /cannot be drawn/);
    }
  });

  it('stands beside a decision: the revision that was clicked, even when a newer one was logged before', () => {
    const first = posted(1);
    const second = posted(2, sampleApproval({ revision: 2, callers: 2 }));
    const decided = (data: ProvenEvent['data']) => event(3, 'approval.decided', data);
    const see = (data: ProvenEvent['data']): string => {
      const story = [first.event, second.event, decided(data)];
      return text(cardAsSeen(story[2]!, story, cardsOf(first.content, second.content)));
    };
    const clicked = see({ via: 'slack', saw: { surface: 'card', revision: 1 } });
    assert.match(clicked, /Clicked on the card itself, as it was at revision 1/);
    assert.doesNotMatch(clicked, /2 callers wait/);
    const full = see({ via: 'slack', saw: { surface: 'full_view', revision: null } });
    assert.match(full, /full view/);
    assert.match(full, /2 callers wait/);
    assert.match(see({ via: 'console' }), /in the console/);
    assert.match(see({ via: 'api' }), /holdfast approvals/);
    assert.match(see({ via: 'slack' }), /Decided in Slack/);
  });

  it('takes the digest only from events of cards', () => {
    assert.equal(contentDigest(`pending.0..${'a'.repeat(64)}`), 'a'.repeat(64));
    for (const other of ['', 'pending.0', 'A'.repeat(64), 7, null]) assert.equal(contentDigest(other), null);
    assert.equal(cardShown(event(1, 'call.succeeded', { digest: 'a'.repeat(64) })), null);
  });

  it('P10: holds nothing that acts, whatever stands in its blocks', () => {
    const plain = { type: 'plain_text', text: EVIL };
    const marked = { type: 'mrkdwn', text: `*${EVIL}* \`${EVIL}\` <javascript:alert(1)|${EVIL}> <@"><b>>` };
    const button = {
      type: 'button',
      text: plain,
      url: 'javascript:alert(1)',
      style: '" onclick="x',
      confirm: { title: plain, text: marked },
    };
    const blocks: Json[] = [
      { type: 'header', text: plain },
      { type: 'section', text: marked, fields: [plain, marked, EVIL] },
      { type: 'context', elements: [marked, 7] },
      {
        type: 'rich_text',
        elements: [
          {
            type: 'rich_text_section',
            elements: [
              { type: 'text', text: EVIL },
              { type: 'link', url: EVIL },
            ],
          },
          { type: EVIL },
        ],
      },
      { type: 'actions', elements: [button, { type: EVIL }] },
      { type: EVIL, [EVIL]: EVIL },
      null,
      EVIL,
    ];
    const page = String(cardFace(blocks));
    assert.doesNotMatch(page, /<(img|script|a|button|input|form|iframe|svg)\b/i);
    assert.doesNotMatch(page, /<[^>]*\son\w+=/i);
    assert.doesNotMatch(page, /<[^>]*javascript:/i);
  });

  it('leaves no block out: what it cannot draw it shows as it is', () => {
    const many = Array.from({ length: 80 }, (_, i) => ({
      type: 'header',
      text: { type: 'plain_text', text: `n${i}.` },
    }));
    const page = text(cardFace([...many, { type: 'image', alt_text: 'a picture' }]));
    for (let i = 0; i < 80; i += 1) assert.ok(page.includes(`n${i}.`), `block ${i}`);
    assert.ok(page.includes('a picture'));
  });
});

describe('mrkdwn', () => {
  const table: [string, string][] = [
    ['*bold* and _slanted_', '<b>bold</b> and <i>slanted</i>'],
    ['snake_case_name 2*3*4', 'snake_case_name 2*3*4'],
    ['`a*b*c` &lt;x&gt; &amp;amp;', '<code>a*b*c</code> &lt;x&gt; &amp;amp;'],
    [
      '<@U0MIRA> <!subteam^S0OPS> <#C0A>',
      '<span class="mention">@U0MIRA</span> <span class="mention">@S0OPS</span> <span class="mention">#C0A</span>',
    ],
    ['one\ntwo', 'one<br>two'],
    ['*open and `open and <open', '*open and `open and &lt;open'],
    ['', ''],
  ];
  for (const [given, markup] of table)
    it(`shows ${JSON.stringify(given)}`, () => assert.equal(String(inertMrkdwn(given)), markup));

  it('writes a date in UTC', () => {
    const page = String(inertMrkdwn('<!date^1785578400^{date_short_pretty} {time}|2026-08-01T10:00:00.000Z>'));
    assert.match(page, /datetime="2026-08-01T10:00:00.000Z"/);
    assert.match(String(inertMrkdwn('<!date^x^y|soon>')), /^soon$/);
  });

  it('is quick with any text', () => {
    for (const sign of ['*', '_', '`', '<', '* ', '*_']) {
      const begun = performance.now();
      String(inertMrkdwn(sign.repeat(4_000 / sign.length)));
      String(inertMrkdwn(sign.repeat(300_000)));
      assert.ok(performance.now() - begun < 2_000, sign);
    }
  });
});
