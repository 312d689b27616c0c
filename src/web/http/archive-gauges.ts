import type { Gateway } from '../../gateway/gateway.ts';
import type { Meters } from './meters.ts';

/**
 * Gauges of archiving, at the replica that does it: elsewhere, and where nothing is archived, they have no value. Returns the
 * function that updates them.
 */
export function archiveGauges(
  { clock, logArchiver }: Pick<Gateway, 'clock' | 'logArchiver'>,
  meters: Meters,
): () => void {
  const up = meters.gauge('archive_up', '1: what had to be archived was, when it was looked at last.');
  const success = meters.gauge(
    'archive_last_success_timestamp_seconds',
    'When archiving last went well, in seconds since 1970.',
  );
  const segments = meters.gauge('archive_segments', 'Segments of the log that were cut.');
  const waiting = meters.gauge('archive_waiting_events', 'Events that could be archived by now and are not.');
  return () => {
    // Old numbers would look current, and of two replicas one archives.
    for (const gauge of [up, success, segments, waiting]) gauge.remove();
    const state = logArchiver.state(clock.now());
    if (state === null) return;
    up.set(state.trouble === null ? 1 : 0);
    if (state.success !== null) success.set(state.success.getTime() / 1_000);
    segments.set(state.segments);
    waiting.set(state.waiting);
  };
}
