import { type RawBuilder, sql } from 'kysely';
import { LIVE, type State } from '../../domain/approval/approval.ts';
import { TAKEN_BACK_PREFIX } from '../../domain/approval/take-back.ts';

/** States whose end an absent caller is still told; besides, that somebody took the yes back. */
const OWED: readonly State[] = ['denied', 'expired', 'succeeded', 'failed', 'unknown'];

/** Fingerprints of a call, as an array of texts. */
export function textArray(texts: readonly string[]): RawBuilder<unknown> {
  return sql`${texts}::text[]`;
}

/** Of an ended approval `a`: whoever waited for it is still told. `result`: whether its result is kept. */
function isOwed(result: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(a.state = any(${OWED}::text[])
      or (a.state = 'lapsed' and starts_with(a.note, ${TAKEN_BACK_PREFIX}::text)))
    and (a.state = 'unknown' or a.result_until > clock_timestamp())
    and (a.state not in ('succeeded', 'failed') or ${result})`;
}

/**
 * Whether there may be an earlier call like it that says how it is to be opened. Approvals with its fingerprint are found
 * first, which are few or none, in words that leave Postgres no other order: a plan that was made while the tables were
 * empty is kept, and would look through all that waits for each call.
 */
export function hasEarlierLike(fingerprints: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`exists (
    select 1 from (
      select e.id, e.state, e.note, e.result_until, e.result is not null as kept from holdfast.approvals e
      where e.fingerprint = any(${fingerprints}) offset 0) a
    where a.state = any(${LIVE}::text[]) or a.state = 'unknown' or (${isOwed(sql`a.kept`)} and (
      select count(*) from holdfast.joiners j
      where j.approval_id = a.id and j.collected_at is null and j.left_at is null) > 0))`;
}

/** The live approval with one of these fingerprints, or that of these rounds which is dispatched. */
export function liveOf(fingerprints: RawBuilder<unknown>, rounds: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    select id from holdfast.approvals
    where (fingerprint = any(${fingerprints}) and state = any(${LIVE}::text[]))
      or (fingerprint = any(${rounds}) and state = 'dispatched')
    order by fingerprint = any(${fingerprints}) desc, created_at desc limit 1`;
}

/** Ended approvals `a` whose callers `j` are still owed their answers. */
export function owedOf(fingerprints: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    from holdfast.approvals a
    join holdfast.joiners j on j.approval_id = a.id and j.collected_at is null and j.left_at is null
    where a.fingerprint = any(${fingerprints}) and ${isOwed(sql`a.result is not null`)}`;
}

/** The last approval of this call that reached the server, with its state. */
export function lastSent(fingerprints: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    select id, state from holdfast.approvals
    where fingerprint = any(${fingerprints}) and state in ('unknown', 'succeeded', 'failed')
    order by created_at desc limit 1`;
}
