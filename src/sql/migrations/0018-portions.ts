/**
 * A batch now leaves events to the sealer also when they are too heavy, not only when they are too many: from 200,000
 * octets on. Their words are indexed in the same statement, at half a millisecond a thousand octets, and a call that
 * waits for its batch would meet the statement's time-out.
 */
export const MIGRATION_0018: readonly string[] = [
  `create or replace function holdfast.append(rows json) returns void language plpgsql as $$
  declare
    place bigint;
    link text;
    links text[] := '{}';
    first bigint;
    chained int := 0;
    octets int := 0;
    event record;
  begin
    if pg_try_advisory_xact_lock(1752132708) then
      select e.seq, e.hash into place, link from holdfast.events e where e.seq is not null order by e.seq desc limit 1;
      place := coalesce(place, 0);
      link := coalesce(link, repeat('0', 64));
      for event in select e.n, e.body from holdfast.events e where e.seq is null order by e.n limit 200 loop
        place := place + 1;
        link := holdfast.link(link, place, event.body);
        update holdfast.events e set seq = place, hash = link where e.n = event.n;
        chained := chained + 1;
        octets := octets + octet_length(event.body);
        exit when octets >= 200000;
      end loop;
      if chained < 200 and octets < 200000 then
        first := place;
        for event in select e.body from json_to_recordset(rows) as e(body text) loop
          place := place + 1;
          link := holdfast.link(link, place, event.body);
          links := links || link;
        end loop;
      end if;
    end if;
    insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, seq, hash)
    select e.body, e.type, e.at, e.approval_id, e.server, e.tool, e.grant_name, e.actor, first + e.nth, e.hash
    from rows from (
      json_to_recordset(rows) as (body text, type text, at timestamptz, approval_id text, server text, tool text,
        grant_name text, actor text),
      unnest(links)
    ) with ordinality as e(body, type, at, approval_id, server, tool, grant_name, actor, hash, nth)
    order by e.nth;
  end
$$`,
  `create or replace function holdfast.append(bodies text, types text, ats text, approvals text, servers text, tools text,
    grants text, actors text, phrases text, new_phrases text, new_words text) returns void language plpgsql as $$
  declare
    place bigint;
    link text;
    links text[] := '{}';
    first bigint;
    chained int := 0;
    octets int := 0;
    event record;
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
      for event in select e.n, e.body from holdfast.events e where e.seq is null order by e.n limit 200 loop
        place := place + 1;
        link := encode(sha256(convert_to(link || E'\\n' || place::text || E'\\n' || event.body, 'UTF8')), 'hex');
        update holdfast.events e set seq = place, hash = link where e.n = event.n;
        chained := chained + 1;
        octets := octets + octet_length(event.body);
        exit when octets >= 200000;
      end loop;
      if chained < 200 and octets < 200000 then
        first := place;
        foreach body in array every loop
          place := place + 1;
          link := encode(sha256(convert_to(link || E'\\n' || place::text || E'\\n' || body, 'UTF8')), 'hex');
          links := links || link;
        end loop;
      end if;
    end if;
    insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, phrase, seq, hash)
    select e.body, e.type, e.at::timestamptz, e.approval_id, e.server, e.tool, e.grant_name, e.actor, e.phrase::bigint,
      first + e.nth, e.hash
    from rows from (
      unnest(every, string_to_array(types, E'\\x1e'), string_to_array(ats, E'\\x1e'),
        string_to_array(approvals, E'\\x1e', E'\\x1f'), string_to_array(servers, E'\\x1e', E'\\x1f'),
        string_to_array(tools, E'\\x1e', E'\\x1f'), string_to_array(grants, E'\\x1e', E'\\x1f'),
        string_to_array(actors, E'\\x1e'), string_to_array(phrases, E'\\x1e', E'\\x1f'), links)
    ) with ordinality as e(body, type, at, approval_id, server, tool, grant_name, actor, phrase, hash, nth)
    order by e.nth;
  end
$$`,
];
