/**
 * `remove_approvals` deletes ended approvals with what belongs to them alone, and nothing that still matters by being there. It
 * runs with its owner's rights: a role that does not own the table can delete none in another way.
 */
export const MIGRATION_0077: readonly string[] = [
  `create function holdfast.remove_approvals(ids text[], before timestamptz)
    returns text[] language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    removed text[];
  begin
    if before > clock_timestamp() - interval '6 days' then
      raise exception 'holdfast: no approval is removed within six days' using errcode = 'insufficient_privilege';
    end if;
    with gone as (
      delete from holdfast.approvals a where a.id = any(ids)
        and a.state in ('denied', 'expired', 'withdrawn', 'lapsed', 'succeeded', 'failed')
        and greatest(a.updated_at, a.expires_at, a.pickup_until, a.result_until, a.lease_until) < before
        and not exists (select 1 from holdfast.asked_requests r where r.approval_id = a.id and r.answered_at is null)
        and not exists (select 1 from holdfast.pursuits r where r.approval_id = a.id)
        and not exists (select 1 from holdfast.issued_states r where r.approval_id = a.id)
        and not exists (select 1 from holdfast.allowances r where r.approval_id = a.id and r.ended_at is null)
        and not exists (select 1 from holdfast.denials r where r.approval_id = a.id and r.ended_at is null)
        and not exists (select 1 from holdfast.counter_proposals r
          where a.id in (r.approval_id, r.id) and r.ended_at is null)
        and not exists (select 1 from holdfast.approvals l where l.answers_to = a.id and l.state in ('pending', 'approved'))
      returning a.id
    )
    select coalesce(array_agg(gone.id order by gone.id), '{}') into removed from gone;
    return removed;
  end
$$`,
  'revoke execute on function holdfast.remove_approvals(text[], timestamptz) from public',
];
