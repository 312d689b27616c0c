/**
 * What it takes to cut the log. `links` proves what stays of a stretch that was cut: an event with a link that is `kept` is not
 * deleted. `cut_events` is the only way to delete events for a role that does not own them: those that an event `log.cut`
 * names which is in the chain and under a checkpoint, and never those by which something is stopped, let go, ended, recognised or
 * begun. It runs with its owner's rights.
 */
export const MIGRATION_0076: readonly string[] = [
  `create table if not exists holdfast.links (
    seq bigint primary key,
    previous text not null,
    kept boolean not null,
    checkpoint bigint,
    path text not null
  )`,
  `create index if not exists links_checkpoint on holdfast.links (checkpoint) where checkpoint is not null`,
  `create index if not exists events_cut on holdfast.events (n) where right(body, 17) = '"type":"log.cut"}'`,
  `create function holdfast.cut_events(event bigint, upto bigint, beyond bigint, most integer)
    returns table (removed bigint, last bigint) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    if not exists (
      select 1 from holdfast.events c where c.n = event and c.seq > upto and right(c.body, 17) = '"type":"log.cut"}'
        and (c.body::json #>> '{data,to}') = upto::text
        and exists (select 1 from holdfast.checkpoints p where p.seq >= c.seq)
    ) then
      raise exception 'holdfast: no signed cut covers events up to %', upto using errcode = 'insufficient_privilege';
    end if;
    return query with leaving as (
      select e.n, e.seq from holdfast.events e where e.seq > beyond and e.seq <= upto
        and not exists (select 1 from holdfast.links l where l.seq = e.seq and l.kept)
        and split_part(right(e.body, 48), '"type":"', 2) not in (
          'seals.began"}', 'key.changed"}', 'store.accepted"}', 'log.cut"}', 'data.erased"}',
          'freeze.set"}', 'freeze.lifted"}', 'grant.revoked"}', 'watch.began"}', 'watch.ended"}',
          'key.requested"}', 'key.registered"}', 'key.revoked"}', 'key.suspended"}', 'token.revoked"}', 'token.suspended"}')
      order by e.seq limit most
    ), gone as (
      delete from holdfast.events e using leaving where e.n = leaving.n returning e.seq
    )
    select count(*), max(gone.seq) from gone;
    delete from holdfast.checkpoints c where c.seq < upto
      and not exists (select 1 from holdfast.links l where l.checkpoint = c.seq);
  end
$$`,
  `revoke execute on function holdfast.cut_events(bigint, bigint, bigint, integer) from public`,
];
