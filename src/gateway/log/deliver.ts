import type { Sink } from '../../ports.ts';
import type { Ports } from '../ports.ts';

/** Events in one batch. */
const BATCH = 200;
/** Batches that one job sends before it gives way to other jobs. */
const BATCHES = 50;
/** Milliseconds of the first wait after a failure, which doubles each time, and of the longest. */
const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * Sends sealed events to the sink, in the chain's order. The cursor moves only after the sink has accepted a batch: a
 * crash in between sends that batch again, so nothing is left out, and `seq` identifies what was sent twice. Returns
 * the ms after which to go on, or null when the sink has everything.
 */
export async function deliver({ ledger, log }: Pick<Ports, 'ledger' | 'log'>, sink: Sink): Promise<number | null> {
  for (let sent = 0; sent < BATCHES; sent += 1) {
    const cursor = await ledger.sinkCursor(sink.name);
    const events = await ledger.chain(cursor.seq, BATCH, { phrases: false });
    if (events.length === 0) return null;
    const reply = await sink.send(events);
    if (reply.kind === 'later') {
      const failures = cursor.failures + 1;
      await ledger.moveSink(sink.name, cursor.seq, cursor.seq, failures);
      log.warn({ sink: sink.name, after: cursor.seq, failures, why: reply.why }, 'the sink did not take events');
      return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 6));
    }
    // Another replica moved the cursor, so it goes on sending.
    if (!(await ledger.moveSink(sink.name, cursor.seq, events.at(-1)!.seq!, 0))) return null;
  }
  return 1;
}
