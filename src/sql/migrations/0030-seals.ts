/**
 * Seals: MACs by which rows show that a gateway wrote them. `shown_digest` is the digest of what is shown of the call;
 * `frozen_seal` covers it and everything else that is frozen; `state_seal` covers the state and `state_revision`, the
 * revision at which it was reached. Rows without seals are from before this migration, and nothing of them runs.
 *
 * `holdfast.append` no longer chains what others left unchained: SQL has no key, and cannot tell whether a gateway wrote
 * it. The sealer does, which checks each event's seal first.
 */
export const MIGRATION_0030: readonly string[] = [
  `alter table holdfast.approvals
    add column if not exists shown_digest text,
    add column if not exists frozen_seal text,
    add column if not exists state_revision integer not null default 0,
    add column if not exists state_seal text,
    add column if not exists reasons_seal text`,
  'alter table holdfast.decisions add column if not exists seal text',
  // One row: when seals began, the log's id, and the last place in the chain whose events may be without a seal.
  `create table if not exists holdfast.epoch (
    one boolean primary key default true check (one),
    log text not null,
    head bigint not null,
    at timestamptz not null,
    seal text not null
  )`,
  'alter table holdfast.events add column if not exists seal text',
  `create or replace function holdfast.append(rows json) returns void language plpgsql as $$
  declare
    place bigint;
    link text;
    links text[] := '{}';
    first bigint;
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
    insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, seal, seq, hash)
    select e.body, e.type, e.at, e.approval_id, e.server, e.tool, e.grant_name, e.actor, e.seal, first + e.nth, e.hash
    from rows from (
      json_to_recordset(rows) as (body text, type text, at timestamptz, approval_id text, server text, tool text,
        grant_name text, actor text, seal text),
      unnest(links)
    ) with ordinality as e(body, type, at, approval_id, server, tool, grant_name, actor, seal, hash, nth)
    order by e.nth;
  end
$$`,
  // A replica of the release before would write events that nobody believes; without its function it says so and refuses.
  'drop function if exists holdfast.append(text, text, text, text, text, text, text, text, text, text, text)',
  `create or replace function holdfast.append(bodies text, types text, ats text, approvals text, servers text, tools text,
    grants text, actors text, phrases text, seals text, new_phrases text, new_words text)
    returns void language plpgsql as $$
  declare
    place bigint;
    link text;
    links text[] := '{}';
    first bigint;
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
    insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, phrase, seal, seq, hash)
    select e.body, e.type, e.at::timestamptz, e.approval_id, e.server, e.tool, e.grant_name, e.actor, e.phrase::bigint,
      e.seal, first + e.nth, e.hash
    from rows from (
      unnest(every, string_to_array(types, E'\\x1e'), string_to_array(ats, E'\\x1e'),
        string_to_array(approvals, E'\\x1e', E'\\x1f'), string_to_array(servers, E'\\x1e', E'\\x1f'),
        string_to_array(tools, E'\\x1e', E'\\x1f'), string_to_array(grants, E'\\x1e', E'\\x1f'),
        string_to_array(actors, E'\\x1e'), string_to_array(phrases, E'\\x1e', E'\\x1f'),
        string_to_array(seals, E'\\x1e'), links)
    ) with ordinality as e(body, type, at, approval_id, server, tool, grant_name, actor, phrase, seal, hash, nth)
    order by e.nth;
  end
$$`,
];
