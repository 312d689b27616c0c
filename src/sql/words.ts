/**
 * The words of an event, for reviewers' text searches. A function of our own because of its cost, which Postgres cannot
 * know: told that words are cheap, it reads every event from the newest on for a word that hardly any has. Only sealed
 * events are in the index: the sealer pays for it and not the call, which it held up for most of a second.
 */
export const WORDS_MIGRATION: readonly string[] = [
  `create function holdfast.words(body text) returns tsvector language plpgsql immutable strict parallel safe cost 10000
    as $$ begin return to_tsvector('pg_catalog.simple', left(body, 200000)); end $$`,
  'drop index holdfast.events_words',
  'create index events_words on holdfast.events using gin (holdfast.words(body)) where seq is not null',
];

/** Dear enough that words are not read where an index knows them; not so dear that Postgres compiles every search. */
export const WORDS_COST_MIGRATION: readonly string[] = ['alter function holdfast.words(text) cost 400'];

/**
 * Of a plainly allowed call only what it has in common with others is indexed: who, what, by which rule. What is its
 * own (its fingerprint, the time) cost the database more than everything else of the event, and nobody looks there for
 * it. Text that `jsonb` might refuse is read whole.
 */
export const FEWER_WORDS_MIGRATION: readonly string[] = [
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

/**
 * Postgres holds a megabyte of words of one text at most, and takes compounds apart besides keeping them: up to eight
 * bytes a character. A text that exceeded it could not be chained, and with it nothing that came after (P7).
 */
export const BOUNDED_WORDS_MIGRATION: readonly string[] = [
  FEWER_WORDS_MIGRATION[0]!.replace('left(body, 200000)', 'left(body, 100000)'),
];
