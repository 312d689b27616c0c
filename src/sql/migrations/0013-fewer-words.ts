/**
 * Of a plainly allowed call only what it has in common with others is indexed: who called what, by which rule. Its own
 * fingerprint and time cost the database more than the rest of the event, and nobody searches for them by words. A text
 * that `jsonb` might refuse is indexed whole.
 */
export const MIGRATION_0013: readonly string[] = [
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
      return to_tsvector('pg_catalog.simple', left(body, 200000));
    end $$`,
];
