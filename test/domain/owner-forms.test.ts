import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Approval } from '../../src/domain/approval/approval.ts';
import { ROLES, type Role } from '../../src/domain/people/role.ts';
import type { Reviewer } from '../../src/web/http/reviewer.ts';
import { allowancesPage } from '../../src/web/pages/allowances.ts';
import { mayCounter, mayDecide, takeBackForm } from '../../src/web/pages/decide-form.ts';
import { type Inbox, inboxPage } from '../../src/web/pages/inbox.ts';
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
  test('who may end nothing in advance is offered no button for it', () => {
    const place = { approval: 'ap_1', grant: 'release-bot', server: 'prometheus', tool: 'create_api_key' };
    const times = { at: now, until: new Date(now.getTime() + 60_000), ended: null };
    const bounds = { minutes: 1, calls: 2, within: [], says: [] };
    const shown = (roles: readonly Role[] | null): string =>
      String(
        allowancesPage({
          allowances: [
            { ...place, ...times, id: 'al_1', mayVary: [], within: [], bounds, used: 0, by: ['U0MIRA'] } as never,
          ],
          denials: [{ ...place, ...times, id: 'sd_1', mayVary: [], reason: null, by: 'U0MIRA' } as never],
          ...{ endedAllowances: [], endedDenials: [], names: new Map(), now, reviewer: reviewer('U0EVE', roles) },
        }),
      );
    for (const roles of [null, ['approver'], ['operator']] as const)
      assert.match(shown(roles), /data-end="allowance"[\s\S]*data-end="denial"/, String(roles));
    for (const roles of [[], ['auditor']] as const) {
      assert.doesNotMatch(shown(roles), /data-end=|data-deciding/, String(roles));
      assert.match(shown(roles), /in force/);
    }
  });
});

test('an inbox that is empty when it is opened has what decides several together, for the calls that come', () => {
  const waiting = { items: [], total: 0, matching: 0, mine: 0, before: 0, next: null };
  const inbox: Inbox = {
    ...{ query: {}, waiting, recent: [], snoozed: [], others: new Map(), earlier: new Map(), approvers: () => current },
    ...{ servers: [], grants: [], names: new Map() },
    placeOf: () => ({ environment: null, account: null, description: null }),
  };
  assert.match(String(inboxPage(inbox, reviewer(approver!, ['approver']), now)), /data-batch[\s\S]*id="inbox"/);
  assert.doesNotMatch(String(inboxPage(inbox, reviewer(approver!, ['auditor']), now)), /data-batch/);
});

test('P10: what is found out about a call changes its card in the inbox, and the server’s word is marked there', () => {
  const who = reviewer(approver!, null);
  const around = {
    ...{ reviewer: who, current, earlier: [], now, names: new Map(), together: true },
    place: { environment: null, account: null, description: null },
  };
  const facts: NonNullable<Approval['facts']> = {
    unusual: [[{ text: 'First call of this tool' }]],
    preview: {
      kind: 'said',
      tool: 'list_keys',
      text: 'three keys',
      omitted: 0,
      failed: false,
      at: '2026-08-01T10:00:00.000Z',
    },
    particulars: { at: 0, destinations: {}, amounts: {} },
  };
  const { facts: _, ...unknown } = approval;
  const [before, after] = [unknown, { ...approval, facts }].map((one) => String(waitingCard(one, around)));
  const revOf = (text: string | undefined) => /data-rev="([^"]*)"/.exec(text ?? '')?.[1];
  // The page keeps a card whose mark is as before.
  assert.notEqual(revOf(before), revOf(after));
  assert.equal(revOf(after)?.split('.')[0], String(approval.revision), 'by which it is decided');
  assert.match(after!, /First call of this tool[\s\S]*<figure class="view" data-said>[\s\S]*three keys/);
});
