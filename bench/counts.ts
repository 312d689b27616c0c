import { countCall, countedWorld, type WriteCounts, writesOf } from '../test/support/counts/counted-world.ts';

/** Rounds of which the one in the middle counts. */
const ROUNDS = 11;

/**
 * How often the gateway writes to sockets for one gated call: unlike times, this does not depend on the machine. Needs
 * Redis and Postgres.
 */
export async function showCounts(say: (what: string, figure: string, goal?: string) => void): Promise<void> {
  const world = await countedWorld();
  try {
    const { parked, posted, decided, updated } = await countCall(world, ROUNDS);
    say('socket writes: a call opened, parked, its card queued', words(parked), `goal ≤ 6  (${parts(parked)})`);
    say('socket writes: its card posted by the queue', words(posted), `(${parts(posted)})`);
    say('socket writes: decided, sent, ended, told', words(decided), `goal ≤ 8  (${parts(decided)})`);
    say('socket writes: its card brought up to date', words(updated), `(${parts(updated)})`);
  } finally {
    await world.close();
  }
}

/** The queue's own waiting for jobs and events comes on top. */
function words(counts: WriteCounts): string {
  return `${writesOf(counts)} + ${counts.waits}`;
}

function parts(counts: WriteCounts): string {
  return Object.entries(counts)
    .filter(([kind, count]) => kind !== 'waits' && count > 0)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', ');
}
