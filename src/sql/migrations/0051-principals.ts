/**
 * A row's `grant_name` is the principal's name: `grant`, or `grant/mark` for an account that came with an access token. What is
 * frozen or looked for by a grant's name is found under both.
 */
export const MIGRATION_0051: readonly string[] = [
  `create or replace function holdfast.admit_calls(requests json)
    returns table (place int, full_take int, resets_at timestamptz, retry_after int, starts json, logged bigint[]) language plpgsql as $$
    declare
      now_at timestamptz := clock_timestamp();
      wanted record;
      request record;
      events json[] := '{}';
      frozen boolean;
      answers json[] := '{}';
      counted int;
      wants int;
      written bigint[];
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
          or (f.scope = 'grant' and f.name in (request.body -> 'event' ->> 'grant_name',
            split_part(request.body -> 'event' ->> 'grant_name', '/', 1))))) then
          full_take := -1;
          answers := answers || json_build_object('place', place, 'full_take', full_take);
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
          get diagnostics counted = row_count;
          wants := (select count(distinct (t ->> 'key', t ->> 'width')) from json_array_elements(request.body -> 'takes') t);
          if counted <> wants then
            raise exception 'holdfast took % of % counters', counted, wants;
          end if;
          events := events || (request.body -> 'event');
        end if;
        answers := answers || json_build_object('place', place, 'full_take', full_take, 'resets_at', resets_at,
          'retry_after', retry_after, 'starts', starts);
      end loop;
      written := '{}';
      if cardinality(events) > 0 then
        written := holdfast.write_events(array_to_json(events));
      end if;
      return query
        select a.place, a.full_take, a.resets_at, a.retry_after, a.starts, written
        from json_to_recordset(array_to_json(answers)) as a(place int, full_take int, resets_at timestamptz,
          retry_after int, starts json)
        order by a.place;
    end
  $$`,
  'drop index if exists holdfast.events_grant',
  `create index if not exists events_of_grant on holdfast.events (split_part(grant_name, '/', 1), n)`,
];
