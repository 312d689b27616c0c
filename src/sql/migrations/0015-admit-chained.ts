/** The events of admitted calls are chained as they are written, all of a list at once. */
export const MIGRATION_0015: readonly string[] = [
  `create or replace function holdfast.admit(requests json)
    returns table (place int, full_take int, resets_at timestamptz, retry_after int, starts json) language plpgsql as $$
    declare
      now_at timestamptz := clock_timestamp();
      wanted record;
      request record;
      events json[] := '{}';
    begin
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
