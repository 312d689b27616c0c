/**
 * Freezes: what an operator has stopped. A row is never deleted: it is lifted. Whoever forwards something that only SQL
 * may allow looks at the table with `for share`, which a setter's `lock table … in exclusive mode` waits for and keeps
 * out, so that nothing is spent after the freeze is committed. Admitted calls are looked at too: `full_take` is -1 where
 * a freeze stops one. `cards.told_freeze` is the freeze that a card tells of.
 */
export const MIGRATION_0031: readonly string[] = [
  `create table if not exists holdfast.freezes (
    id text primary key,
    scope text not null check (scope in ('all', 'server', 'grant')),
    name text,
    reason text not null,
    "by" text not null,
    since timestamptz not null,
    lifted_at timestamptz,
    lifted_by text,
    lifted_reason text,
    check ((scope = 'all') = (name is null))
  )`,
  `create unique index if not exists freezes_in_force on holdfast.freezes (scope, coalesce(name, ''))
    where lifted_at is null`,
  'alter table holdfast.cards add column if not exists told_freeze text',
  `create or replace function holdfast.admit(requests json)
    returns table (place int, full_take int, resets_at timestamptz, retry_after int, starts json) language plpgsql as $$
    declare
      now_at timestamptz := clock_timestamp();
      wanted record;
      request record;
      events json[] := '{}';
      frozen boolean;
    begin
      frozen := exists (select 1 from holdfast.freezes f where f.lifted_at is null for share);
      for wanted in
        select distinct t ->> 'key' as key, t ->> 'width' as width, holdfast.window_start(t ->> 'width', now_at) as start
        from json_array_elements(requests) r, json_array_elements(r -> 'takes') t order by 1, 3
      loop
        insert into holdfast.counters as c (key, window_start, window_end, used)
        values (wanted.key, wanted.start, holdfast.window_end(wanted.width, wanted.start), 0)
        on conflict (key, window_start) do update set used = c.used;
      end loop;

      for request in select r.value as body, r.ordinality::int - 1 as nth
        from json_array_elements(requests) with ordinality r
      loop
        place := request.nth;
        full_take := null;
        resets_at := null;
        retry_after := null;
        starts := null;
        if frozen and exists (select 1 from holdfast.freezes f where f.lifted_at is null and (f.scope = 'all'
          or (f.scope = 'server' and f.name = request.body -> 'event' ->> 'server')
          or (f.scope = 'grant' and f.name = request.body -> 'event' ->> 'grant_name'))) then
          full_take := -1;
          return next;
          continue;
        end if;
        select w.nth, c.window_end, greatest(1, ceil(extract(epoch from c.window_end - clock_timestamp())))::int
        into full_take, resets_at, retry_after
        from (
          select t.ordinality::int - 1 as nth, t.value ->> 'key' as key,
            holdfast.window_start(t.value ->> 'width', now_at) as start, (t.value ->> 'max')::numeric as most,
            sum((t.value ->> 'by')::numeric) over (partition by t.value ->> 'key' order by t.ordinality) as needed
          from json_array_elements(request.body -> 'takes') with ordinality t
        ) w join holdfast.counters c on c.key = w.key and c.window_start = w.start
        where c.used + w.needed > w.most order by w.nth limit 1;

        select json_agg(holdfast.window_start(t.value ->> 'width', now_at) order by t.ordinality) into starts
        from json_array_elements(request.body -> 'takes') with ordinality t;

        if full_take is null then
          update holdfast.counters c set used = c.used + w.taken
          from (
            select t ->> 'key' as key, holdfast.window_start(t ->> 'width', now_at) as start, sum((t ->> 'by')::numeric) as taken
            from json_array_elements(request.body -> 'takes') t group by 1, 2
          ) w where c.key = w.key and c.window_start = w.start;
          events := events || (request.body -> 'event');
        end if;
        return next;
      end loop;
      if cardinality(events) > 0 then
        perform holdfast.append(array_to_json(events));
      end if;
    end
  $$`,
];
