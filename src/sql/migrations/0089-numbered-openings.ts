/**
 * What a grant has open is known without counting all of it. Each opening of an approval has its number among its grant's and
 * the sum of the bytes asked for up to it, written under the grant's lock: what was counted once, and the numbers since, bound what there
 * is now. A replica of the release before writes neither: a trigger numbers its openings, by so many bytes that others count
 * anew. Their numbers begin at the time in microseconds, so that a grant whose openings were all forgotten begins with no number
 * that it had.
 *
 * `approvals_results` finds kept results without what is parked: by words of its own, so that no plan takes another index.
 * Digests are found by the marks of their cards, whatever was opened in between; what a grant took back, without the rest.
 */
export const MIGRATION_0089: readonly string[] = [
  'alter table holdfast.openings add column if not exists seq bigint, add column if not exists total bigint',
  `update holdfast.openings o set seq = n.seq, total = 0
    from (
      select id, floor(extract(epoch from clock_timestamp()) * 1000000)::bigint
        + row_number() over (partition by grant_name order by at, id) as seq
      from holdfast.openings where kind = 'approval'
    ) n where n.id = o.id and o.seq is null`,
  `create index if not exists openings_numbered on holdfast.openings (grant_name, seq) where seq is not null`,
  `create or replace function holdfast.number_opening() returns trigger language plpgsql as $$
  declare
    last record;
  begin
    select o.seq, o.total into last from holdfast.openings o
      where o.grant_name = new.grant_name and o.seq is not null order by o.seq desc limit 1;
    new.seq := coalesce(last.seq, floor(extract(epoch from clock_timestamp()) * 1000000)::bigint) + 1;
    new.total := coalesce(last.total, 0) + 1000000000000;
    return new;
  end
$$`,
  `create trigger openings_numbered before insert on holdfast.openings for each row
    when (new.kind = 'approval' and new.seq is null) execute function holdfast.number_opening()`,
  `create index if not exists approvals_results on holdfast.approvals ((grant_name || '')) where result is not null`,
  `create index if not exists approvals_withdrawn on holdfast.approvals (grant_name, id) where state = 'withdrawn'`,
  `create index if not exists cards_leading on holdfast.cards (approval_id)
    where starts_with(digest, 'digest:' || approval_id || ':')`,
  `create index if not exists cards_in_digest on holdfast.cards (split_part(digest, ':', 2), approval_id)
    where starts_with(digest, 'digest:')`,
];
