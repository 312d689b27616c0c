/**
 * Postgres holds at most a megabyte of words of one text. It keeps compounds and also takes them apart, which makes up
 * to eight bytes of a character. A text that exceeded the megabyte could not be chained, nor could anything after it
 * (P7).
 */
export const MIGRATION_0017: readonly string[] = [
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
      return to_tsvector('pg_catalog.simple', left(body, 100000));
    end $$`,
];
