/**
 * The words of an event, for reviewers' text searches. This is a function of its own because Postgres cannot know its
 * cost: believing words to be cheap, it reads every event from the newest on to find a word that hardly any event has.
 * Only sealed events are in the index, so that the sealer pays for it and not the call, which it delayed by most of a
 * second.
 */
export const MIGRATION_0008: readonly string[] = [
  `create function holdfast.words(body text) returns tsvector language plpgsql immutable strict parallel safe cost 10000
    as $$ begin return to_tsvector('pg_catalog.simple', left(body, 200000)); end $$`,
  'drop index holdfast.events_words',
  'create index events_words on holdfast.events using gin (holdfast.words(body)) where seq is not null',
];
