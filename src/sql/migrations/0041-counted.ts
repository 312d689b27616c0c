/**
 * What the database is sent is counted there: `write_events` and `admit_calls` do what `append` and `admit` did, tell the
 * cursors of the events that they wrote, and fail when a trigger keeps one of them out. The older ones stay for replicas of
 * the release before, which run beside new ones for a while.
 *
 * `events_that_decide` and `events_signed_out` find the few events by which something is stopped, let go or recognised, by the end of their
 * texts: their columns can be changed without breaking a seal. Between `data` and the type, a text has at least 39
 * characters, so that nothing of `data` is among its last 48.
 */
export const MIGRATION_0041: readonly string[] = [
  `create function holdfast.write_events(rows json) returns bigint[] language plpgsql as $$
  declare
    place bigint;
    link text;
    links text[] := '{}';
    first bigint;
    written bigint[];
    event record;
  begin
    if pg_try_advisory_xact_lock(1752132708) then
      select e.seq, e.hash into place, link from holdfast.events e where e.seq is not null order by e.seq desc limit 1;
      place := coalesce(place, 0);
      link := coalesce(link, repeat('0', 64));
      first := place;
      for event in select e.body from json_to_recordset(rows) as e(body text) loop
        place := place + 1;
        link := holdfast.link(link, place, event.body);
        links := links || link;
      end loop;
    end if;
    with added as (insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, seal, seq, hash)
    select e.body, e.type, e.at, e.approval_id, e.server, e.tool, e.grant_name, e.actor, e.seal, first + e.nth, e.hash
    from rows from (
      json_to_recordset(rows) as (body text, type text, at timestamptz, approval_id text, server text, tool text,
        grant_name text, actor text, seal text),
      unnest(links)
    ) with ordinality as e(body, type, at, approval_id, server, tool, grant_name, actor, seal, hash, nth)
    order by e.nth
    returning n)
    select coalesce(array_agg(w.n order by w.n), '{}') into written from added w;
    if cardinality(written) <> json_array_length(rows) then
      raise exception 'holdfast took % of % events', cardinality(written), json_array_length(rows);
    end if;
    return written;
  end
$$`,
  `create function holdfast.write_events(bodies text, types text, ats text, approvals text, servers text, tools text,
    grants text, actors text, phrases text, seals text, new_phrases text, new_words text)
    returns bigint[] language plpgsql as $$
  declare
    place bigint;
    link text;
    links text[] := '{}';
    first bigint;
    written bigint[];
    body text;
    every text[] := string_to_array(bodies, E'\\x1e');
  begin
    if new_phrases <> '' then
      insert into holdfast.phrases (id, words)
      select p.id::bigint, to_tsvector('pg_catalog.simple', p.words)
      from unnest(string_to_array(new_phrases, E'\\x1e'), string_to_array(new_words, E'\\x1e')) as p(id, words)
      order by p.id::bigint on conflict do nothing;
    end if;
    if pg_try_advisory_xact_lock(1752132708) then
      select e.seq, e.hash into place, link from holdfast.events e where e.seq is not null order by e.seq desc limit 1;
      place := coalesce(place, 0);
      link := coalesce(link, repeat('0', 64));
      first := place;
      foreach body in array every loop
        place := place + 1;
        link := encode(sha256(convert_to(link || E'\\n' || place::text || E'\\n' || body, 'UTF8')), 'hex');
        links := links || link;
      end loop;
    end if;
    with added as (insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, phrase, seal, seq, hash)
    select e.body, e.type, e.at::timestamptz, e.approval_id, e.server, e.tool, e.grant_name, e.actor, e.phrase::bigint,
      e.seal, first + e.nth, e.hash
    from rows from (
      unnest(every, string_to_array(types, E'\\x1e'), string_to_array(ats, E'\\x1e'),
        string_to_array(approvals, E'\\x1e', E'\\x1f'), string_to_array(servers, E'\\x1e', E'\\x1f'),
        string_to_array(tools, E'\\x1e', E'\\x1f'), string_to_array(grants, E'\\x1e', E'\\x1f'),
        string_to_array(actors, E'\\x1e'), string_to_array(phrases, E'\\x1e', E'\\x1f'),
        string_to_array(seals, E'\\x1e'), links)
    ) with ordinality as e(body, type, at, approval_id, server, tool, grant_name, actor, phrase, seal, hash, nth)
    order by e.nth
    returning n)
    select coalesce(array_agg(w.n order by w.n), '{}') into written from added w;
    if cardinality(written) <> cardinality(every) then
      raise exception 'holdfast took % of % events', cardinality(written), cardinality(every);
    end if;
    return written;
  end
$$`,
  `create function holdfast.admit_calls(requests json)
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
          or (f.scope = 'grant' and f.name = request.body -> 'event' ->> 'grant_name'))) then
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
  `create index if not exists events_that_decide on holdfast.events (split_part(right(body, 48), '"type":"', 2), n)
    where split_part(right(body, 48), '"type":"', 2) in ('freeze.set"}', 'freeze.lifted"}', 'grant.revoked"}',
      'store.accepted"}', 'seals.began"}', 'key.changed"}')`,
  // By the login that was signed out: the first 12 characters of its id.
  `create index if not exists events_signed_out on holdfast.events (substr(body, strpos(body, '"login":"') + 9, 12))
    where split_part(right(body, 48), '"type":"', 2) = 'admin.signed_out"}'`,
];
