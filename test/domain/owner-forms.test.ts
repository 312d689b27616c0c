import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ROLES, type Role } from '../../src/domain/people/role.ts';
import type { Reviewer } from '../../src/web/http/reviewer.ts';
import { mayCounter, mayDecide, takeBackForm } from '../../src/web/pages/decide-form.ts';
import { waitingCard } from '../../src/web/pages/waiting-card.ts';
import { currentOf, sampleApproval } from '../support/domain/approval.ts';

const approval = sampleApproval({ owner: 'U0SAM' });
const now = approval.createdAt;
const current = currentOf(approval);
const [approver] = approval.requirement.people;

function reviewer(id: string, roles: readonly Role[] | null): Reviewer {
  return { id, name: id, userGroups: [], credential: '', roles: roles === null ? null : new Set(roles) };
}

function card(who: Reviewer): string {
  return String(
    waitingCard(approval, {
      ...{ reviewer: who, current, earlier: [], now, names: new Map(), together: true },
      place: { environment: null, account: null, description: null },
    }),
  );
}

describe('P10: the console offers what the API takes', () => {
  const others = ROLES.filter((role) => role !== 'approver');
  for (const roles of [[], ...others.map((role) => [role])] as Role[][]) {
    test(`with the roles ${roles.join() || 'none'} an owner may deny it, and nothing else`, () => {
      const owner = reviewer('U0SAM', roles);
      assert.deepEqual(mayDecide(approval, owner, now, current), { approve: false, deny: true });
      assert.equal(mayCounter(approval, owner, now, current), false);
      assert.match(card(owner), /value="deny"/);
      assert.doesNotMatch(card(owner), /value="approve"|data-pick|data-snooze/);
      const approved = sampleApproval({ owner: 'U0SAM', state: 'approved' });
      assert.equal(String(takeBackForm(approved, owner, now, current)), '');
    });
    test(`with the roles ${roles.join() || 'none'} whom a group lists may do nothing`, () => {
      const listed = reviewer(approver!, roles);
      assert.deepEqual(mayDecide(approval, listed, now, current), { approve: false, deny: false });
      assert.match(card(listed), /you need the role approver/);
      assert.doesNotMatch(card(listed), /value="(?:approve|deny)"|data-pick|data-snooze/);
    });
  }
  test('with the role, and by the admin token, as before', () => {
    for (const listed of [reviewer(approver!, ['approver', 'auditor']), reviewer(approver!, null)]) {
      assert.deepEqual(mayDecide(approval, listed, now, current), { approve: true, deny: true });
      assert.match(card(listed), /value="approve"[\s\S]*value="deny"[\s\S]*data-snooze/);
      assert.match(card(listed), /data-pick/);
    }
  });
});
