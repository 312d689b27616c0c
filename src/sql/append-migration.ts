/** The sealers' one lock: `hold` in letters. Who does not get it leaves chaining to who has it. */
export const SEALER = 0x68_6f_6c_64;

/** Events left open by others that one batch chains before its own; more are left to the sealer, and the batch too. */
const OPEN_BEFORE = 200;

/**
 * Batches of events are chained as they are written, where they used to be written, read and updated a second later:
 * the log of a plainly allowed call costs the database a quarter. `rows`: what `eventRow` makes, in order. What another
 * replica is chaining just now, or what is too much to catch up with, is written open and chained by the sealer.
 * The link is that of `chainHash`.
 */
const APPEND = `create function holdfast.append(rows json) returns void language plpgsql as $$
  declare
    place bigint;
    link text;
    links text[] := '{}';
    first bigint;
    chained int := 0;
    event record;
  begin
    if pg_try_advisory_xact_lock(${SEALER}) then
      select e.seq, e.hash into place, link from holdfast.events e where e.seq is not null order by e.seq desc limit 1;
      place := coalesce(place, 0);
      link := coalesce(link, repeat('0', 64));
      for event in select e.n, e.body from holdfast.events e where e.seq is null order by e.n limit ${OPEN_BEFORE} loop
        place := place + 1;
        link := holdfast.link(link, place, event.body);
        update holdfast.events e set seq = place, hash = link where e.n = event.n;
        chained := chained + 1;
      end loop;
      if chained < ${OPEN_BEFORE} then
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
$$`;

const LINK = `create function holdfast.link(previous text, place bigint, body text) returns text
  language sql immutable strict parallel safe as $$
    select encode(sha256(convert_to(previous || E'\\n' || place || E'\\n' || body, 'UTF8')), 'hex')
  $$`;

export const APPEND_MIGRATION: readonly string[] = [LINK, APPEND];
