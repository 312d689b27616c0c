import { type RawBuilder, sql } from 'kysely';
import type { AskedQuestion } from '../../domain/approval/answer.ts';
import {
  type Approval,
  type ApprovalGlance,
  type Awaits,
  type BrokenField,
  type Decision,
  isOver,
  type Requirement,
  type State,
  type VoteSignature,
} from '../../domain/approval/approval.ts';
import type { CounterOf } from '../../domain/approval/counter-of.ts';
import { withDecision } from '../../domain/approval/decide.ts';
import { readVoteSignature } from '../../domain/approval/signing.ts';
import { tallyOf } from '../../domain/approval/tally.ts';
import type { Json } from '../../domain/json/json.ts';
import type { AllowedBounds } from '../../domain/policy/allowance-rule.ts';
import type { SealKind, Seals } from '../../ports.ts';
import { type BelievedAnswers, believedAnswers } from './believed-answers.ts';
import { factsOf } from './sealed-facts.ts';
import {
  answerText,
  decisionText,
  type FrozenColumns,
  frozenText,
  reasonsText,
  rightsIn,
  type StateTerms,
  stateText,
} from './sealed-rows.ts';
import { shownCall } from './shown-call.ts';

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
  /** JSON, as the column's own text; so are the other three. */
  requirement: string;
  arguments: string;
  sent: string;
  hidden: string;
  answers_to: string | null;
  asked: unknown;
  questions: number;
  answers: unknown;
  trace: string;
  facts: string | null;
  particulars: string | null;
  stated_reason: string | null;
  later_reasons: unknown;
  previous_unknown: string | null;
  counter_of: string | null;
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
  shown_digest: string | null;
  frozen_seal: string | null;
  state_revision: number;
  state_seal: string | null;
  reasons_seal: string | null;
  decisions: unknown;
  callers: number | string;
  gave_up: number | string;
}

/** The same without what is shown of the call. */
export type GlanceRow = Omit<ApprovalRow, 'arguments' | 'facts' | 'hidden' | 'particulars' | 'sent' | 'trace'>;

/** The columns of a `GlanceRow` of an approval `a`, with its decisions and the number of its waiting callers. */
export const APPROVAL_GLANCE: RawBuilder<unknown> = sql.raw(`
  a.id, a.state, a.revision, a.server, a.tool, a.grant_name, a.owner, a.self_approval, a.fingerprint,
  a.requirement::text as requirement, a.answers_to, a.asked, a.questions, a.answers, a.stated_reason, a.later_reasons,
  a.previous_unknown, a.counter_of, a.policy_digest, a.created_at, a.expires_at, a.pickup_until, a.lease_until, a.reminded_at, a.escalated_at, a.awaits, a.note, a.updated_at,
  a.shown_digest, a.frozen_seal, a.state_revision, a.state_seal, a.reasons_seal,
  (select json_agg(json_build_object('approver', d.approver, 'choice', d.choice, 'reason', d.reason, 'via', d.via,
     'self', d.self, 'userGroup', d.user_group, 'person', d.person, 'rights', d.rights, 'signature', d.signature, 'offers', d.offers, 'allowance', d.allowance, 'counter', d.counter, 'at', d.at, 'seal', d.seal) order by d.at, d.approver)
   from holdfast.decisions d where d.approval_id = a.id) as decisions,
  (select count(*)::int from holdfast.joiners j
   where j.approval_id = a.id and j.collected_at is null and j.left_at is null) as callers,
  (select count(*)::int from holdfast.joiners j where j.approval_id = a.id and j.collected_at is null
   and j.left_at is null and j.gave_up_at is not null) as gave_up`);

/** The columns of an approval `a`, as `APPROVAL_GLANCE`, and what is shown of its call; never its sealed bytes. */
export const APPROVAL: RawBuilder<unknown> = sql`${APPROVAL_GLANCE},
  a.arguments::text as arguments, a.sent::text as sent, a.hidden::text as hidden, a.trace::text as trace, a.facts, a.particulars`;

/**
 * The approval, with the first of its fields that does not fit its seal. `own`: votes that the statement which
 * returned the row was just recording, and that its row does not have yet.
 */
export function approvalOf(seals: Seals, row: ApprovalRow, own?: readonly Decision[]): Approval {
  const { arguments: args, sent, hidden, trace, digest } = shownCall(seals, row);
  const facts = factsOf(seals, row);
  const more = facts === null ? {} : { facts };
  return { ...glanceOf(seals, row, { digest, own }), arguments: args, sent, hidden, trace, ...more };
}

/** The same without what is shown of the call. `digest`: of that; absent: it was not read, and counts as what was sealed. */
export function glanceOf(
  seals: Seals,
  row: GlanceRow,
  { digest, own }: { readonly digest?: string; readonly own?: readonly Decision[] | undefined } = {},
): ApprovalGlance {
  const votes = votesOf(row.decisions);
  const recorded = votes.map(({ decision }) => decision);
  const decisions = (own ?? []).reduce<readonly Decision[]>(withDecision, recorded);
  const given = answersOf(seals, row);
  const broken =
    brokenField(seals, row, digest ?? row.shown_digest, votes, given) ??
    (tooFewVotes(row, decisions) ? 'decisions' : null);
  const requirement = JSON.parse(row.requirement) as Requirement;
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
    requirement: broken === null ? requirement : plainRequirement(requirement),
    answersTo: row.answers_to,
    asked: row.asked as AskedQuestion | null,
    questions: row.questions,
    answers: given.answers,
    statedReason: row.stated_reason,
    laterReasons: row.later_reasons as readonly string[],
    previousUnknown: row.previous_unknown,
    ...(row.counter_of === null ? {} : counterIn(row.counter_of)),
    policyDigest: row.policy_digest,
    decisions,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    pickupUntil: row.pickup_until,
    leaseUntil: row.lease_until,
    remindedAt: row.reminded_at,
    escalatedAt: row.escalated_at,
    awaits: row.awaits,
    note: row.note,
    callers: Number(row.callers),
    gaveUp: Number(row.gave_up),
    updatedAt: row.updated_at,
    broken,
    seal: `${row.frozen_seal ?? ''} ${row.state_seal ?? ''}`,
  };
}

/** Of a requirement that somebody else may have written, what can be shown whatever form it has: no places, no stand-ins and no quiet hours. */
function plainRequirement(requirement: Requirement): Requirement {
  const { places: _, standIns: __, quiet: ___, ...plain } = requirement ?? {};
  if (typeof plain.escalate !== 'object' || plain.escalate === null) return plain;
  const { anyPlace: ____, standIns: _____, ...escalate } = plain.escalate;
  return { ...plain, escalate };
}

/** Of an approval's row, what the state's seal covers besides the state. */
export function stateTerms(row: Pick<ApprovalRow, 'awaits' | 'pickup_until' | 'questions'>): StateTerms {
  return { pickupUntil: row.pickup_until, awaits: row.awaits, questions: row.questions };
}

/** The first field that does not fit its seal; null: all fit. `shown`: the digest of what the row shows of the call. */
function brokenField(
  seals: Seals,
  row: GlanceRow,
  shown: string | null,
  votes: readonly Vote[],
  { foreign, unsealed }: BelievedAnswers,
): BrokenField | null {
  const { id, state, frozen_seal, state_seal, reasons_seal, shown_digest } = row;
  if (frozen_seal === null && state_seal === null) return 'unsealed';
  if (shown_digest === null || shown_digest !== shown) return 'arguments';
  // What a retired secret sealed cannot be checked any more; what the others sealed must still fit.
  let retired = false;
  const fits = (kind: SealKind, text: string, seal: string | null): boolean => {
    if (seals.maker(seal) !== 'retired') return seals.fits(kind, text, seal);
    retired = true;
    return true;
  };
  if (!fits('approval', frozenText(frozenOf(row, shown_digest)), frozen_seal)) return 'requirement';
  if (!fits('state', stateText(id, state, row.state_revision, stateTerms(row)), state_seal)) return 'state';
  if (row.state_revision > row.revision) return 'state';
  if (!fits('reasons', reasonsText(id, row.later_reasons as string[]), reasons_seal)) return 'reasons';
  if (votes.some(({ decision, seal }) => !fits('decision', decisionText(id, decision), seal))) return 'decisions';
  // In what has ended, those from before answers had seals are left out, and are no sign of a forger.
  if (foreign || (unsealed && !isOver(state))) return 'answers';
  return retired ? 'secret' : null;
}

/** What a retired secret sealed cannot be checked, and is left out only where the rest of the record can be. */
function answersOf(seals: Seals, { id, answers, frozen_seal }: GlanceRow): BelievedAnswers {
  const isOld = seals.maker(frozen_seal) === 'retired';
  return believedAnswers(
    answers as Json[],
    (answer, seal) => (isOld && seals.maker(seal) === 'retired') || seals.fits('answer', answerText(id, answer), seal),
  );
}

/**
 * A pass with fewer votes than its quorum, or than the places of its groups: one of them was deleted. Whose they are, and whether they still count, is asked
 * when it is spent, where today's configuration is known.
 */
function tooFewVotes({ state, requirement }: GlanceRow, decisions: readonly Decision[]): boolean {
  if (state !== 'approved') return false;
  const needed = JSON.parse(requirement) as Requirement;
  const voters = new Set(decisions.filter(({ choice }) => choice === 'approve').map(({ approver }) => approver));
  if (voters.size < needed.quorum) return true;
  return needed.places !== undefined && tallyOf({ requirement: needed, decisions }).missing.length > 0;
}

/** Of an approval's row, what is frozen. `shown`: the digest of what is shown of the call. */
export function frozenOf(row: GlanceRow, shown: string): FrozenColumns {
  return {
    id: row.id,
    server: row.server,
    tool: row.tool,
    grant: row.grant_name,
    owner: row.owner,
    selfApproval: row.self_approval,
    fingerprint: row.fingerprint,
    requirement: row.requirement,
    answersTo: row.answers_to,
    asked: row.asked as Json,
    statedReason: row.stated_reason,
    previousUnknown: row.previous_unknown,
    counterOf: row.counter_of,
    policyDigest: row.policy_digest,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    shown,
  };
}

/** What is not readable was written by no gateway, which its seal says. */
function counterIn(text: string): Pick<Approval, 'counterOf'> {
  try {
    return { counterOf: JSON.parse(text) as CounterOf };
  } catch {
    return {};
  }
}

/** null: no gateway wrote this. */
function signatureIn(text: string): VoteSignature | null {
  try {
    return readVoteSignature(JSON.parse(text));
  } catch {
    return null;
  }
}

interface Vote {
  readonly decision: Decision;
  readonly seal: string | null;
}

function votesOf(value: unknown): Vote[] {
  const rows = (value ?? []) as (Omit<
    Decision,
    'at' | 'person' | 'rights' | 'offers' | 'allowance' | 'counter' | 'signature'
  > & {
    at: string;
    person: string | null;
    rights: string | null;
    signature: string | null;
    offers: string | null;
    allowance: string | null;
    counter: string | null;
    seal: string | null;
  })[];
  return rows.map(({ seal, person, rights, signature: text, offers, allowance, counter, ...row }) => {
    const known = rightsIn(rights);
    const signature = text === null ? null : signatureIn(text);
    const more = {
      ...(person === null ? {} : { person }),
      ...(known === null ? {} : { rights: known }),
      ...(signature === null ? {} : { signature }),
      ...(offers === null ? {} : { offers: JSON.parse(offers) as AllowedBounds }),
      ...(allowance === null ? {} : { allowance }),
      ...(counter === null ? {} : { counter }),
    };
    // What cannot be read as a signature has no seal that fits, because the seal covers what was read.
    return {
      decision: { ...row, ...more, at: new Date(row.at) },
      seal: text !== null && signature === null ? '' : seal,
    };
  });
}
