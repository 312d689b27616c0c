import { type RawBuilder, sql } from 'kysely';
import { LIVE, type State } from '../../domain/approval/approval.ts';
import { TAKEN_BACK_PREFIX } from '../../domain/approval/take-back.ts';

/** States whose end an absent caller is still told; besides, that somebody took the yes back. */
const OWED: readonly State[] = ['denied', 'expired', 'succeeded', 'failed', 'unknown'];

/** Fingerprints of a call, as an array of texts. */
export function textArray(texts: readonly string[]): RawBuilder<unknown> {
  return sql`${texts}::text[]`;
}

/** Whether there is an earlier call like it that says how it is to be opened. */
export function earlierOf(fingerprints: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(exists (${liveOf(fingerprints, textArray([]))}) or exists (select 1 ${owedOf(fingerprints)})
    or exists (select 1 from (${lastSent(fingerprints)}) s where s.state = 'unknown'))`;
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
    where a.fingerprint = any(${fingerprints}) and (a.state = any(${OWED}::text[])
        or (a.state = 'lapsed' and starts_with(a.note, ${TAKEN_BACK_PREFIX}::text)))
      and (a.state = 'unknown' or a.result_until > clock_timestamp())
      and (a.state not in ('succeeded', 'failed') or a.result is not null)`;
}

/** The last approval of this call that reached the server, with its state. */
export function lastSent(fingerprints: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    select id, state from holdfast.approvals
    where fingerprint = any(${fingerprints}) and state in ('unknown', 'succeeded', 'failed')
    order by created_at desc limit 1`;
}
