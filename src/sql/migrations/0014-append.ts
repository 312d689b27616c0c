/**
 * Batches of events are chained as they are written. They used to be written, then read and updated a second later: now
 * the event of a plainly allowed call costs the database a quarter of that. `rows` is a list of event rows, in order.
 * Where another replica is chaining at the moment, or too much is left to catch up with, events are written unchained
 * and the sealer chains them. The link is computed as the sealer computes it.
 */
export const MIGRATION_0014: readonly string[] = [
  `create function holdfast.link(previous text, place bigint, body text) returns text
  language sql immutable strict parallel safe as $$
    select encode(sha256(convert_to(previous || E'\\n' || place || E'\\n' || body, 'UTF8')), 'hex')
  $$`,
  // The lock's number is "hold" in letters. At most 200 events that others left unchained are chained before the batch.
  `create function holdfast.append(rows json) returns void language plpgsql as $$
  declare
    place bigint;
    link text;
    links text[] := '{}';
    first bigint;
    chained int := 0;
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
      end loop;
      if chained < 200 then
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
];
