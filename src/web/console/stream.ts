import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { LoggedEvent } from '../../domain/log/event.ts';
import type { Log, Records } from '../../ports.ts';
import { activityRow, CALL_EVENTS } from '../pages/activity.ts';
import type { Tail } from './tail.ts';

export interface StreamDeps {
  readonly records: Pick<Records, 'since'>;
  readonly tail: Tail;
  /** Whether the reviewer is still signed in. */
  readonly stillIn: (c: Context) => Promise<boolean>;
  /** Ends when the process stops. */
  readonly stopping: AbortSignal;
  readonly log: Log;
}

/** Pages that may watch from one process. */
const MOST_STREAMS = 100;
/** Milliseconds between two signs of life; at each it is asked whether the login still stands. */
const BEAT_MS = 10_000;
const MOST_MISSED = 200;

/**
 * `GET /console/stream`: tells a page what happened. `change` names the approval that changed; with `?rows=1`, `row`
 * carries a line of Activity, already escaped. `?after=` or Last-Event-ID is a place in the chain to go on from.
 */
export function streamTo(c: Context, { records, tail, stillIn, stopping, log }: StreamDeps): Response {
  if (tail.watched >= MOST_STREAMS) return c.text('Too many pages watch this gateway. Close some.', 503);
  const withRows = c.req.query('rows') === '1';
  const after = Number(c.req.header('last-event-id') ?? c.req.query('after') ?? Number.NaN);
  c.header('cache-control', 'no-store');
  c.header('x-accel-buffering', 'no');
  const run = async (stream: SSEStreamingApi): Promise<void> => {
    const waiting: LoggedEvent[] = [];
    let wake: () => void = () => undefined;
    const ring = (): void => wake();
    const stopFollowing = tail.follow((events) => {
      waiting.push(...events);
      ring();
    });
    stream.onAbort(ring);
    stopping.addEventListener('abort', ring);
    const over = (): boolean => stream.aborted || stream.closed || stopping.aborted;
    try {
      await stream.writeSSE({ event: 'hello', data: '{}' });
      let sent = Number.isSafeInteger(after) && after >= 0 ? after : -1;
      if (sent >= 0) waiting.unshift(...(await records.since(sent, MOST_MISSED)));
      while (!over()) {
        for (const event of waiting.splice(0)) {
          if ((event.seq ?? 0) <= sent) continue;
          sent = event.seq ?? sent;
          for (const message of await messagesOf(event, withRows)) await stream.writeSSE(message);
        }
        if (over()) break;
        const woken = await sleepUntil(BEAT_MS, (resolve) => {
          wake = resolve;
          if (waiting.length > 0 || over()) resolve();
        });
        if (woken) continue;
        if (!(await stillIn(c))) {
          await stream.writeSSE({ event: 'signed_out', data: '{}' });
          break;
        }
        await stream.writeSSE({ event: 'beat', data: '{}' });
      }
    } finally {
      stopFollowing();
      stopping.removeEventListener('abort', ring);
    }
  };
  return streamSSE(c, run, async (error) => log.warn({ err: error }, 'a live stream of the console broke'));
}

async function messagesOf(event: LoggedEvent, withRows: boolean) {
  const id = String(event.seq);
  const isCall = (CALL_EVENTS as readonly string[]).includes(event.type);
  const messages: { id: string; event: string; data: string }[] = [];
  if (event.approval !== null) {
    messages.push({ id, event: 'change', data: JSON.stringify({ approval: event.approval }) });
  }
  if (withRows && isCall) messages.push({ id, event: 'row', data: JSON.stringify(String(await activityRow(event))) });
  return messages;
}

/** True when it was woken before its time. */
function sleepUntil(ms: number, arm: (wake: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    arm(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
