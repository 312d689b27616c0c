import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvidenceStep } from '../../src/domain/log/evidence-report.ts';
import { judgeStory } from '../../src/domain/log/judge-story.ts';

const PLACES = [
  { group: 'security', count: 1 },
  { group: 'dba', count: 1 },
];
const step = (type: string, actor: string, data: object): EvidenceStep =>
  ({
    seq: 1,
    type,
    actor,
    at: '2026-08-01T10:00:00.000Z',
    data: { fingerprint: 'f', ...data },
  }) as unknown as EvidenceStep;
const vote = (id: string, rights: readonly (readonly [string | null, string?])[], more = {}): EvidenceStep =>
  step('approval.decided', `slack:${id}`, {
    choice: 'approve',
    rights: rights.map(([group, absent]) => ({ group, userGroup: null, for: absent ?? null, until: null })),
    ...more,
  });
const story = (votes: readonly EvidenceStep[], places: object = { places: PLACES }): string[] =>
  judgeStory(
    [
      step('approval.requested', 'grant:bot', { quorum: 2, ...places }),
      ...votes,
      step('call.dispatched', 'holdfast', {}),
    ],
    'ap_1',
  ).map((fault) => ('why' in fault ? String(fault.why) : fault.kind));

test('P7: the evidence of a decision shows that each group’s places were filled, each by another person', () => {
  const mira = vote('U0MIRA', [['security']]);
  const dan = vote('U0DAN', [['dba']]);
  const both = vote('U0BOTH', [['security'], ['dba']]);
  const fault = (group: string) => [`the call is sent without enough approvals of ${group}`];
  assert.deepEqual(story([mira, dan]), []);
  assert.deepEqual(story([both, mira]), []);
  assert.deepEqual(story([vote('U0OLGA', [[null]]), dan]), []);
  assert.deepEqual(story([mira, vote('U0ALEX', [['security']])]), fault('dba'));
  assert.deepEqual(story([mira, vote('U0ALEX', [])]), fault('dba'));
  assert.deepEqual(story([mira, vote('U0ALEX', [['security', 'U0MIRA']])]), fault('dba'));
  assert.deepEqual(story([both]), ['the call is sent after 1 of 2 approvals']);
  const two = { places: [{ group: 'security', count: 2 }] };
  assert.deepEqual(story([mira, vote('U0ALEX', [['security', 'U0MIRA']])], two), fault('security'), 'one membership');
  const named = vote('U0MIRA', [['security']], { person: 'mira' });
  assert.deepEqual(story([named, vote('U0ALEX', [['security', 'U0MIRA']])], two), fault('security'));
  assert.deepEqual(story([mira, vote('U0ALEX', [['security', 'U0SAM']])], two), []);
  assert.deepEqual(story([mira, dan], {}), [], 'without places, as before');
});
