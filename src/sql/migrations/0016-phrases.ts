/**
 * The words of plainly allowed calls are kept once for all events that say the same. Before, each event was read again
 * and put into the index of words, which was a third of what the log cost the database. Older events keep their own
 * words.
 */
export const MIGRATION_0016: readonly string[] = [
  'create table holdfast.phrases (id bigint primary key, words tsvector not null)',
  'create index phrases_words on holdfast.phrases using gin (words)',
  'alter table holdfast.events add column phrase bigint',
  'create index events_phrase on holdfast.events (phrase, n) where phrase is not null',
  'drop index holdfast.events_words',
  `create index events_words on holdfast.events using gin (holdfast.words(body))
    where seq is not null and phrase is null`,
  // Writes a batch and chains it, as `append(json)` does. Each argument is one column of all events, its values divided
  // by U+001E; U+001F alone stands for null. Neither can occur in a body, because JSON escapes them.
  `create function holdfast.append(bodies text, types text, ats text, approvals text, servers text, tools text,
    grants text, actors text, phrases text, new_phrases text, new_words text) returns void language plpgsql as $$
  declare
    place bigint;
    link text;
    links text[] := '{}';
    first bigint;
    chained int := 0;
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
      end loop;
      if chained < 200 then
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
