import type { Approval, Requirement } from '../../../src/domain/approval/approval.ts';
import { type CurrentApprovers, STRANGERS } from '../../../src/domain/approval/current.ts';
import { NOTHING_HIDDEN, NOTHING_MORE } from '../../../src/domain/call/sent.ts';

export const FINGERPRINT = '5f1c0a9e4b7d23861122334455667788990011aabbccddeeff00112233445566';
export const OPENED = new Date('2026-08-01T10:00:00.000Z');

export const REQUIREMENT: Requirement = {
  groups: ['security'],
  people: ['U0MIRA', 'U0ALEX'],
  userGroups: [],
  admin: false,
  quorum: 1,
  denyReason: 'optional',
  remindMs: null,
  escalate: null,
};

/** A pending approval of a `create_api_key` call, with whatever a test wants different. */
export function sampleApproval(
  different: Partial<Omit<Approval, 'requirement'>> & { readonly requirement?: Partial<Requirement> } = {},
): Approval {
  const { requirement, ...rest } = different;
  return {
    id: 'ap_01k0example',
    state: 'pending',
    revision: 1,
    server: 'prometheus',
    tool: 'create_api_key',
    grant: 'release-bot',
    owner: 'U0SAM',
    selfApproval: false,
    fingerprint: FINGERPRINT,
    requirement: { ...REQUIREMENT, ...requirement },
    arguments: { name: 'ci-deploy', role: 'editor', expires_in_days: 30 },
    trace: {
      rule: 'create_api_key',
      risk: 'write',
      severity: 'medium',
      reason: 'Creates a credential that outlives the session.',
      steps: [{ path: 'tools.create_api_key.action', says: 'action is require_approval', decided: true }],
    },
    statedReason: null,
    laterReasons: [],
    sent: NOTHING_MORE,
    hidden: NOTHING_HIDDEN,
    answersTo: null,
    asked: null,
    questions: 0,
    answers: [],
    previousUnknown: null,
    facts: { unusual: [], preview: null, particulars: { at: 0, destinations: {}, amounts: {} } },
    policyDigest: '0'.repeat(64),
    decisions: [],
    createdAt: OPENED,
    expiresAt: new Date(OPENED.getTime() + 30 * 60_000),
    remindedAt: null,
    escalatedAt: null,
    awaits: null,
    pickupUntil: null,
    leaseUntil: null,
    note: null,
    broken: null,
    seal: '',
    callers: 1,
    gaveUp: 0,
    updatedAt: OPENED,
    ...rest,
  };
}

/** Today's configuration as it was when the approval opened, with whatever a test wants different. */
export function currentOf(
  { requirement, owner, selfApproval }: Pick<Approval, 'owner' | 'requirement' | 'selfApproval'>,
  different: Partial<CurrentApprovers> = {},
): CurrentApprovers {
  const { people, userGroups, admin, escalate, places, standIns } = requirement;
  const more = { ...(places && { places }), ...(standIns && { standIns }) };
  return { people, userGroups, admin, escalate, ...more, owner, selfApproval, persons: STRANGERS, ...different };
}
