import { type RawBuilder, sql } from 'kysely';
import type { Json } from '../../domain/json/json.ts';
import type { NewApproval, Seals } from '../../ports.ts';
import { standBack } from '../../time/stand-back.ts';
import { writeRows } from '../connection/not-taken.ts';
import { frozenText, reasonsText, shownDigest, stateText } from '../table/sealed-rows.ts';
import type { ShownTexts } from '../table/shown-call.ts';
import type { Db } from '../table/tables.ts';

/** The columns that a new approval fills, with their types. */
export const APPROVAL_COLUMNS = [
  ['id', 'text'],
  ['state', 'text'],
  ['revision', 'int'],
  ['server', 'text'],
  ['tool', 'text'],
  ['grant_name', 'text'],
  ['owner', 'text'],
  ['self_approval', 'boolean'],
  ['fingerprint', 'text'],
  ['requirement', 'json'],
  ['arguments', 'json'],
  ['sent', 'json'],
  ['hidden', 'json'],
  ['answers_to', 'text'],
  ['asked', 'jsonb'],
  ['trace', 'json'],
  ['stated_reason', 'text'],
  ['previous_unknown', 'text'],
  ['counter_of', 'text'],
  ['policy_digest', 'text'],
  ['request', 'bytea'],
  ['created_at', 'timestamptz'],
  ['expires_at', 'timestamptz'],
  ['pickup_until', 'timestamptz'],
  ['lease_until', 'timestamptz'],
  ['note', 'text'],
  ['shown_digest', 'text'],
  ['frozen_seal', 'text'],
  ['state_revision', 'int'],
  ['state_seal', 'text'],
  ['reasons_seal', 'text'],
  ['updated_at', 'timestamptz'],
] as const;
type ApprovalColumn = (typeof APPROVAL_COLUMNS)[number][0];

/** What is shown of a new approval's call, as its columns' texts, and their digest. */
export type NewShown = ShownTexts & { readonly digest: string };

/** From this many bytes on, a call's texts take some milliseconds to be written, and to be digested. */
const LARGE_CALL = 256 * 1024;

/** Writes and digests what is shown of a call; between the two and after them others have turns where it is large. */
export async function newShown(seals: Seals, { approval, request }: NewApproval): Promise<NewShown> {
  const rest = (): Promise<void> | undefined => (request.byteLength < LARGE_CALL ? undefined : standBack());
  const texts = textsOf(approval);
  await rest();
  const shown = { ...texts, digest: shownDigest(seals, texts) };
  await rest();
  return shown;
}

function textsOf(approval: NewApproval['approval']): ShownTexts {
  return {
    arguments: JSON.stringify(approval.arguments),
    sent: JSON.stringify(approval.sent),
    hidden: JSON.stringify(approval.hidden),
    trace: JSON.stringify(approval.trace),
  };
}

/** The same at once. */
export function newShownNow(seals: Seals, { approval }: NewApproval): NewShown {
  const texts = textsOf(approval);
  return { ...texts, digest: shownDigest(seals, texts) };
}

/** Inserts the approval, once. `previousUnknown`: an earlier approval of the same call whose outcome is unknown. */
export function insertApproval(
  seals: Seals,
  request: NewApproval,
  shown: NewShown,
  previousUnknown: string | null,
): RawBuilder<unknown> {
  const row = approvalValues(seals, request, shown, previousUnknown);
  const values = APPROVAL_COLUMNS.map(([name, type]) => sql`${row[name]}::${sql.raw(type)}`);
  return sql`
    insert into holdfast.approvals (${sql.raw(APPROVAL_COLUMNS.map(([name]) => name).join(', '))})
    values (${sql.join(values)})`;
}

/** Writes the key of what can be erased of it, where it has one. Throws `NotTaken`. */
export async function insertKey(
  db: Db,
  seals: Pick<Seals, 'prefix'>,
  { approval, erasable }: NewApproval,
): Promise<void> {
  if (erasable === undefined) return;
  const insert = sql`
    insert into holdfast.erasable_keys (approval_id, key, secret)
    values (${approval.id}, ${Buffer.from(erasable)}, ${seals.prefix})`;
  await writeRows(db, 'erasable_keys', 1, insert);
}

/** What a new approval's columns hold; JSON as texts. */
export function approvalValues(
  seals: Seals,
  { approval, request }: NewApproval,
  { digest: shown, ...shownTexts }: NewShown,
  previousUnknown: string | null,
): Readonly<Record<ApprovalColumn, unknown>> {
  const { id, createdAt, expiresAt, pickupUntil } = approval;
  const requirement = JSON.stringify(approval.requirement);
  const askedText = approval.asked === null ? null : JSON.stringify(approval.asked);
  const asked = askedText === null ? null : (JSON.parse(askedText) as Json);
  const counterOf = approval.counterOf === undefined ? null : JSON.stringify(approval.counterOf).toWellFormed();
  const frozen = frozenText({ ...approval, previousUnknown, counterOf, requirement, asked, shown });
  const terms = { pickupUntil, awaits: null, questions: 0 };
  return {
    id,
    state: 'pending',
    revision: 1,
    server: approval.server,
    tool: approval.tool,
    grant_name: approval.grant,
    owner: approval.owner,
    self_approval: approval.selfApproval,
    fingerprint: approval.fingerprint,
    requirement,
    ...shownTexts,
    answers_to: approval.answersTo,
    asked: askedText,
    stated_reason: approval.statedReason,
    previous_unknown: previousUnknown,
    counter_of: counterOf,
    policy_digest: approval.policyDigest,
    request,
    created_at: createdAt,
    expires_at: expiresAt,
    pickup_until: pickupUntil,
    lease_until: approval.leaseUntil,
    note: approval.note,
    shown_digest: shown,
    frozen_seal: seals.seal('approval', frozen),
    state_revision: 1,
    state_seal: seals.seal('state', stateText(id, 'pending', 1, terms)),
    reasons_seal: seals.seal('reasons', reasonsText(id, [])),
    updated_at: createdAt,
  };
}
