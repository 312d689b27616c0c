import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Allowance } from '../../src/domain/allowance/allowance.ts';
import type { Decision } from '../../src/domain/approval/approval.ts';
import { answerTo } from '../../src/slack/click/answer.ts';
import type { Interaction } from '../../src/slack/click/payload.ts';
import { OPENED, sampleApproval } from '../support/domain/approval.ts';

const submitted = { kind: 'submission', view: 'allow_view', memory: null } as Interaction;
const vote: Decision = {
  ...{ approver: 'U0MIRA', choice: 'approve', reason: null, via: 'slack', self: false, userGroup: null, at: OPENED },
};
const offers = { minutes: 15, calls: 5, within: [], says: [] };

test('P10: who allowed the like too is told where only this call is approved', () => {
  const answered = (state: 'approved' | 'pending', decision: Decision, allowance?: Allowance) => {
    const approval = sampleApproval({ state });
    const outcome = {
      kind: 'recorded',
      approval,
      decision,
      ...(allowance === undefined ? {} : { allowance }),
    } as const;
    return JSON.stringify(answerTo(submitted, outcome).ack);
  };
  // Somebody voted for this call alone in the same moment.
  assert.match(answered('approved', { ...vote, offers }), /"response_action":"update".*and nothing more/);
  const closed = JSON.stringify({ response_action: 'clear' });
  assert.equal(answered('approved', { ...vote, offers }, { id: 'al_1' } as Allowance), closed);
  assert.equal(answered('approved', vote), closed);
  assert.equal(answered('pending', { ...vote, offers }), closed, 'that is not known yet');
});
