import { type RawBuilder, sql } from 'kysely';
import type { AskedQuestion, GivenAnswer } from '../../domain/approval/answer.ts';
import type { Approval, Awaits, Decision, Requirement, State } from '../../domain/approval/approval.ts';
import type { HiddenValues, Sent } from '../../domain/call/sent.ts';
import type { Json } from '../../domain/json/json.ts';
import type { RuleTrace } from '../../domain/policy/verdict.ts';

/** An approval's row as `APPROVAL` selects it. */
export interface ApprovalRow {
  id: string;
  state: State;
  revision: number;
  server: string;
  tool: string;
  grant_name: string;
  owner: string | null;
  self_approval: boolean;
  fingerprint: string;
  requirement: unknown;
  arguments: unknown;
  sent: unknown;
  hidden: unknown;
  answers_to: string | null;
  asked: unknown;
  questions: number;
  answers: unknown;
  trace: unknown;
  stated_reason: string | null;
  later_reasons: unknown;
  previous_unknown: string | null;
  policy_digest: string;
  created_at: Date;
  expires_at: Date;
  pickup_until: Date | null;
  lease_until: Date | null;
  reminded_at: Date | null;
  escalated_at: Date | null;
  awaits: Awaits | null;
  note: string | null;
  updated_at: Date;
  decisions: unknown;
  callers: number | string;
}

/** The columns of an approval `a`, with its decisions and the number of its waiting callers; never its sealed bytes. */
export const APPROVAL: RawBuilder<unknown> = sql.raw(`
  a.id, a.state, a.revision, a.server, a.tool, a.grant_name, a.owner, a.self_approval, a.fingerprint,
  a.requirement, a.arguments, a.sent, a.hidden, a.answers_to, a.asked, a.questions, a.answers, a.trace, a.stated_reason, a.later_reasons,
  a.previous_unknown, a.policy_digest, a.created_at, a.expires_at, a.pickup_until, a.lease_until, a.reminded_at, a.escalated_at, a.awaits, a.note, a.updated_at,
  (select json_agg(json_build_object('approver', d.approver, 'choice', d.choice, 'reason', d.reason, 'via', d.via,
     'self', d.self, 'userGroup', d.user_group, 'at', d.at) order by d.at, d.approver)
   from holdfast.decisions d where d.approval_id = a.id) as decisions,
  (select count(*)::int from holdfast.joiners j
   where j.approval_id = a.id and j.collected_at is null and j.left_at is null) as callers`);

export function approvalOf(row: ApprovalRow): Approval {
  return {
    id: row.id,
    state: row.state,
    revision: row.revision,
    server: row.server,
    tool: row.tool,
    grant: row.grant_name,
    owner: row.owner,
    selfApproval: row.self_approval,
    fingerprint: row.fingerprint,
    requirement: row.requirement as Requirement,
    arguments: row.arguments as Json,
    sent: row.sent as Sent,
    hidden: row.hidden as HiddenValues,
    answersTo: row.answers_to,
    asked: row.asked as AskedQuestion | null,
    questions: row.questions,
    answers: row.answers as GivenAnswer[],
    trace: row.trace as RuleTrace,
    statedReason: row.stated_reason,
    laterReasons: row.later_reasons as readonly string[],
    previousUnknown: row.previous_unknown,
    policyDigest: row.policy_digest,
    decisions: decisionsOf(row.decisions),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    pickupUntil: row.pickup_until,
    leaseUntil: row.lease_until,
    remindedAt: row.reminded_at,
    escalatedAt: row.escalated_at,
    awaits: row.awaits,
    note: row.note,
    callers: Number(row.callers),
    updatedAt: row.updated_at,
  };
}

function decisionsOf(value: unknown): Decision[] {
  const rows = (value ?? []) as (Omit<Decision, 'at'> & { at: string })[];
  return rows.map((row) => ({ ...row, at: new Date(row.at) }));
}
