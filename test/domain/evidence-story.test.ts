import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EvidenceStep } from '../../src/domain/log/evidence-report.ts';
import { judgeStory } from '../../src/domain/log/judge-story.ts';

const step = (type: string, data: object = {}, actor = 'holdfast'): EvidenceStep =>
  ({
    seq: 1,
    type,
    actor,
    at: '2026-08-01T10:00:00.000Z',
    data: { fingerprint: 'f', ...data },
  }) as unknown as EvidenceStep;
const asked = (data: object = { quorum: 1 }): EvidenceStep => step('approval.requested', data, 'grant:bot');
const yes = (id: string, data: object = {}): EvidenceStep =>
  step('approval.decided', { choice: 'approve', ...data }, `slack:${id}`);
const no = (id: string): EvidenceStep => step('approval.changed', { choice: 'deny' }, `slack:${id}`);
const sent = (data: object = {}): EvidenceStep => step('call.dispatched', data);
const ran = step('call.succeeded');
const story = (...steps: EvidenceStep[]): string[] =>
  judgeStory(steps, 'ap_1').map((fault) => ('why' in fault ? fault.why : fault.kind));
const used = (data: object): EvidenceStep => step('allowance.used', data, 'grant:bot');

describe('The story that evidence tells', () => {
  const TRUE: Readonly<Record<string, EvidenceStep[]>> = {
    'approved and run': [asked(), yes('U0MIRA'), sent(), ran],
    'not sent after all, and sent again': [asked(), yes('U0MIRA'), sent(), step('call.returned'), sent(), ran],
    'unknown, and then known': [asked(), yes('U0MIRA'), sent(), step('call.unknown'), ran],
    'answers to what its server asked': [asked(), yes('U0MIRA'), sent(), sent({ continues: 'ap_1' }), ran],
    denied: [asked(), yes('U0MIRA'), no('U0ALEX')],
    'taken back before it was sent': [asked(), yes('U0MIRA'), step('approval.taken_back')],
    'a counter-proposal, with what is told beside it': [
      step('approval.requested', { quorum: 2, counterOf: { approval: 'ap_0', by: 'U0MIRA' } }, 'slack:U0MIRA'),
      yes('U0MIRA', { person: 'mira', proposed: true }),
      step('call.previewed', { tool: 'get_key' }),
      step('approval.described', { unusual: [] }),
      step('approval.joined', { again: false }, 'grant:bot'),
      yes('U0ALEX', { batch: { id: 'ba_1', count: 3 }, saw: { surface: 'batch_view', revision: 3 } }),
      sent(),
      ran,
    ],
    'denied with another call': [
      asked({ quorum: 2 }),
      yes('U0ALEX'),
      step('approval.decided', { choice: 'deny', counter: 'ap_2' }, 'slack:U0MIRA'),
    ],
    'refused with others, then decided with others': [
      asked(),
      step('approval.refused', { reason: 'changed', choice: 'approve' }, 'slack:U0MIRA'),
      yes('U0MIRA', { batch: { id: 'ba_2', count: 2 } }),
      sent(),
      ran,
    ],
    'by an allowance of two people': [
      asked({ quorum: 2 }),
      used({ by: ['U0MIRA', 'U0ALEX'], votes: [{ approver: 'U0MIRA' }, { approver: 'U0ALEX', person: 'alex' }] }),
      sent(),
    ],
    'by an allowance of people of two groups': [
      asked({
        quorum: 2,
        places: [
          { group: 'security', count: 1 },
          { group: 'dba', count: 1 },
        ],
      }),
      used({
        votes: [
          { approver: 'U0MIRA', rights: [{ group: 'security', for: null }] },
          { approver: 'U0DAN', rights: [{ group: 'dba', for: null }] },
        ],
      }),
      sent(),
    ],
  };
  for (const [what, steps] of Object.entries(TRUE)) {
    test(`P7: fits: ${what}`, () => assert.deepEqual(story(...steps), []));
  }

  const FALSE: readonly (readonly [string, EvidenceStep[], RegExp])[] = [
    ['sent after a denial', [asked(), yes('U0MIRA'), no('U0ALEX'), sent()], /although it was denied/],
    [
      'a counter-proposal on its proposer’s word alone',
      [
        step('approval.requested', { quorum: 2, counterOf: { approval: 'ap_0', by: 'U0MIRA' } }, 'slack:U0MIRA'),
        yes('U0MIRA', { person: 'mira', proposed: true }),
        step('approval.decided', { choice: 'approve', person: 'mira' }, 'login:mira'),
        sent(),
      ],
      /after 1 of 2/,
    ],
    ['sent after it expired', [asked(), yes('U0MIRA'), step('approval.expired'), sent()], /although it had expired/],
    ['sent after it was taken back', [asked(), yes('U0MIRA'), step('approval.taken_back'), sent()], /taken back/],
    ['sent after it lapsed', [asked(), yes('U0MIRA'), step('approval.lapsed'), sent()], /lapsed/],
    ['sent after it was withdrawn', [asked(), yes('U0MIRA'), step('approval.withdrawn'), sent()], /withdrawn/],
    ['sent twice at once', [asked(), yes('U0MIRA'), sent(), sent()], /a second time/],
    ['run twice', [asked(), yes('U0MIRA'), sent(), ran, sent()], /although it had run/],
    ['run again when nobody knew', [asked(), yes('U0MIRA'), sent(), step('call.unknown'), sent()], /it may have run/],
    ['goes on with nothing', [asked(), sent({ continues: 'ap_1' })], /not sent before/],
    ['goes on with another', [asked(), yes('U0MIRA'), sent(), sent({ continues: 'ap_2' })], /not sent before/],
    [
      'one person by an allowance and a vote',
      [
        asked({ quorum: 2 }),
        used({ votes: [{ approver: 'U0MIRA', person: 'mira' }] }),
        yes('U0MIRA', { person: 'mira' }),
        sent(),
      ],
      /after 1 of 2/,
    ],
    [
      'a giver who is no more than one',
      [asked({ quorum: 2 }), used({ by: ['U0MIRA', 'U0MIRA'] }), sent()],
      /after 1 of 2/,
    ],
    ['a quorum that is none', [asked({ quorum: {} }), sent()], /does not say how many/],
    ['a quorum below one', [asked({ quorum: -1 }), sent()], /does not say how many/],
    ['no quorum', [asked({}), sent()], /does not say how many/],
    [
      'places without a number',
      [asked({ quorum: 1, places: [{ group: 'security' }] }), yes('U0MIRA'), sent()],
      /of security/,
    ],
    ['places that are no list', [asked({ quorum: 1, places: 7 }), yes('U0MIRA'), sent()], /without enough approvals/],
    ['a word that is no yes', [asked(), yes('U0MIRA', { choice: 'Approve' }), sent()], /after 0 of 1/],
  ];
  for (const [what, steps, why] of FALSE) {
    test(`P7: does not fit: ${what}`, () => assert.match(story(...steps).join('; '), why));
  }
});
