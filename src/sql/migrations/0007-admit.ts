/**
 * Limits in one round trip. One statement admits a whole list of calls in the order given: first it locks every
 * counter, in the same order for everybody, so that nobody deadlocks; then each call takes all of its counters or none,
 * and its event is written in the same statement (P5, P7).
 */
export const MIGRATION_0007: readonly string[] = [
  `create function holdfast.window_start(width text, at timestamptz) returns timestamptz language sql stable as $$
    select case when width ~ '^[0-9]'
      then to_timestamp(floor(extract(epoch from at) / rtrim(width, 's')::double precision) * rtrim(width, 's')::double precision)
      else date_trunc(width, at, 'UTC') end
  $$`,
  // Months differ in length, so they are added in UTC and not in the session's time zone.
  `create function holdfast.window_end(width text, start timestamptz) returns timestamptz language sql stable as $$
    select case when width ~ '^[0-9]'
      then start + make_interval(secs => rtrim(width, 's')::double precision)
      else ((start at time zone 'UTC') + ('1 ' || width)::interval) at time zone 'UTC' end
  $$`,
  // Two lines end in spaces. They are written as \x20, so that no editor trims them.
  `create function holdfast.admit(requests json)
    returns table (place int, full_take int, resets_at timestamptz, retry_after int, starts json) language plpgsql as $$
    declare
      now_at timestamptz := clock_timestamp();
      wanted record;
      request record;
     \x20
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
          insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor)
          select e.body, e.type, e.at, e.approval_id, e.server, e.tool, e.grant_name, e.actor
          from json_to_record(request.body -> 'event') as e(body text, type text, at timestamptz, approval_id text,
            server text, tool text, grant_name text, actor text);
        end if;
        return next;
      end loop;
     \x20
    end
  $$`,
];
