/**
 * A URI and the name of a method are one word to Postgres, so that nobody would find `file:///etc/passwd` by `passwd`.
 * In the events that hold them, their parts are words too. No event of these types is older than this.
 */
export const MIGRATION_0022: readonly string[] = [
  `create or replace function holdfast.words(body text) returns tsvector
    language plpgsql immutable strict parallel safe cost 400 as $$
    declare
      event jsonb;
    begin
      if right(body, 22) = '"type":"call.allowed"}' and strpos(body, '\\u') = 0 then
        event := body::jsonb;
        return to_tsvector('pg_catalog.simple', concat_ws(' ', event->>'type', event->>'server', event->>'tool',
          event->>'grant', event->'data'->>'rule', event->'data'->>'decidedBy', event->'data'->>'session'));
      end if;
      if right(body, 40) ~ '"type":"(resource[.]read|prompt[.]got|method[.](relayed|denied))"}$' then
        return to_tsvector('pg_catalog.simple', left(body, 60000)) ||
          to_tsvector('pg_catalog.simple', translate(left(body, 60000), '/:?#&=%', '       '));
      end if;
      return to_tsvector('pg_catalog.simple', left(body, 100000));
    end $$`,
];
