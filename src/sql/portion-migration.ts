import { APPEND_MIGRATION } from './append-migration.ts';
import { PHRASES_MIGRATION } from './phrases-migration.ts';

/**
 * Octets of events left open by others that one batch chains before its own. Their words are indexed with it, half a
 * millisecond a thousand octets: a call that waits for its batch must not wait for the statement's time-out instead.
 */
const OCTETS_BEFORE = 200_000;

/** What each version of `append` does differently from now on. */
const CHANGES: readonly (readonly [before: string, after: string])[] = [
  ['create function', 'create or replace function'],
  ['chained int := 0;', 'chained int := 0;\n    octets int := 0;'],
  [
    'chained := chained + 1;',
    `chained := chained + 1;
        octets := octets + octet_length(event.body);
        exit when octets >= ${OCTETS_BEFORE};`,
  ],
  ['if chained < 200 then', `if chained < 200 and octets < ${OCTETS_BEFORE} then`],
];

function portioned(create: string): string {
  return CHANGES.reduce((text, [before, after]) => {
    if (text.split(before).length !== 2) throw new Error(`append has not one ${before}`);
    return text.replace(before, after);
  }, create);
}

/** Batches leave to the sealer what is too much in octets, too, and not only what is too many. */
export const PORTION_MIGRATION: readonly string[] = [APPEND_MIGRATION, PHRASES_MIGRATION].map((statements) =>
  portioned(statements.at(-1)!),
);
