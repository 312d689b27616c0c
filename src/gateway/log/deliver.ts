import type { Sink } from '../../ports.ts';
import type { Ports } from '../ports.ts';

/** Events that go out at once, and batches that one job sends before it lets others have their turn. */
const BATCH = 200;
const BATCHES = 50;
/** Milliseconds: the first wait after a failure, doubled each time, and the longest. */
const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * Hands sealed events on, in the chain's order. What is remembered is the last one that was taken, after it was taken:
 * a crash between the two sends some again, so that nothing is left out; `seq` tells them apart. Returns ms after
 * which to go on, or null when the sink has everything.
 */
export async function deliver({ ledger, log }: Pick<Ports, 'ledger' | 'log'>, sink: Sink): Promise<number | null> {
  for (let sent = 0; sent < BATCHES; sent += 1) {
    const cursor = await ledger.sinkCursor(sink.name);
    const events = await ledger.chain(cursor.seq, BATCH, { phrases: false });
    if (events.length === 0) return null;
    const said = await sink.send(events);
    if (said.kind === 'later') {
      const failures = cursor.failures + 1;
      await ledger.moveSink(sink.name, cursor.seq, cursor.seq, failures);
      log.warn({ sink: sink.name, after: cursor.seq, failures, why: said.why }, 'the sink did not take events');
      return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 6));
    }
    // Another replica moved it: what it sends is its own affair.
    if (!(await ledger.moveSink(sink.name, cursor.seq, events.at(-1)!.seq!, 0))) return null;
  }
  return 1;
}
