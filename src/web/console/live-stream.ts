import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { LoggedEvent } from '../../domain/log/event.ts';
import type { Log, Records } from '../../ports.ts';
import type { PersonNames } from '../html/person.ts';
import { activityRow, CALL_EVENTS } from '../pages/activity.ts';
import type { EventTail } from './event-tail.ts';

export interface LiveStreamDeps {
  readonly records: Pick<Records, 'since'>;
  readonly tail: EventTail;
  /** Whether the reviewer is still signed in. */
  readonly stillSignedIn: (c: Context) => Promise<boolean>;
  /** Ends when the process stops. */
  readonly stopping: AbortSignal;
  readonly log: Log;
  /** The people of the config as of now, by their ids. */
  readonly names: () => PersonNames;
  /** Milliseconds without an event after which a heartbeat is sent, and after which the login is checked again. */
  readonly beatMs?: number;
}

/** Streams open at once in one process; more are refused with 503. */
const MAX_STREAMS = 100;
/** As `beatMs`, where it is absent. */
const HEARTBEAT_MS = 10_000;
/**
 * Events that are kept for a page that does not read them. Then its stream ends; when the page asks again, it is sent
 * what it missed.
 */
const MAX_WAITING = 1_000;
/** Events that a page is sent of those it missed. */
const MAX_MISSED = 200;

/**
 * `GET /console/stream`: server-sent events that keep a page current. `change` names an approval that changed; with
 * `?rows=1`, `row` carries a row of the Activity table, already escaped; `signed_out` ends the stream. `?after=` or
 * Last-Event-ID is the position in the chain to continue from.
 */
export function liveStream(
  c: Context,
  { records, tail, stillSignedIn, stopping, log, names, beatMs = HEARTBEAT_MS }: LiveStreamDeps,
): Response {
  if (tail.listenerCount >= MAX_STREAMS) return c.text('Too many pages are watching this gateway. Close some.', 503);
  const withRows = c.req.query('rows') === '1';
  const after = Number(c.req.header('last-event-id') ?? c.req.query('after') ?? Number.NaN);
  c.header('x-accel-buffering', 'no');
  const run = async (stream: SSEStreamingApi): Promise<void> => {
    const waiting: LoggedEvent[] = [];
    let wake: () => void = () => undefined;
    const onNews = (): void => wake();
    let isTooSlow = false;
    const stopFollowing = tail.follow((events) => {
      waiting.push(...events);
      if (waiting.length > MAX_WAITING) {
        isTooSlow = true;
        waiting.length = 0;
        stopFollowing();
      }
      onNews();
    });
    stream.onAbort(onNews);
    stopping.addEventListener('abort', onNews);
    const ended = (): boolean => isTooSlow || stream.aborted || stream.closed || stopping.aborted;
    let askedAt = performance.now();
    // However much happens: a page of somebody who has signed out is told nothing more.
    const hasSignedOut = async (): Promise<boolean> => {
      if (performance.now() - askedAt < beatMs) return false;
      askedAt = performance.now();
      return !(await stillSignedIn(c));
    };
    try {
      // The page reads itself anew at `hello`: what happens after that must be told.
      await new Promise<void>((resolve) => {
        wake = () => ended() && resolve();
        void tail.placed().then(resolve);
        wake();
      });
      if (ended()) return;
      await stream.writeSSE({ event: 'hello', data: '{}' });
      let sent = Number.isSafeInteger(after) && after >= 0 ? after : -1;
      if (sent >= 0) waiting.unshift(...(await records.since(sent, MAX_MISSED)));
      let isIn = true;
      while (!ended()) {
        for (const event of waiting.splice(0)) {
          if (ended() || (event.seq ?? 0) <= sent) continue;
          if (await hasSignedOut()) isIn = false;
          if (!isIn) break;
          sent = event.seq ?? sent;
          for (const message of await messagesOf(event, withRows, names())) await stream.writeSSE(message);
        }
        if (ended() || !isIn) break;
        const woken = await sleepUntil(beatMs, (resolve) => {
          wake = resolve;
          if (waiting.length > 0 || ended()) resolve();
        });
        if (woken) continue;
        isIn = await stillSignedIn(c);
        if (!isIn) break;
        askedAt = performance.now();
        await stream.writeSSE({ event: 'beat', data: '{}' });
      }
      if (!isIn) await stream.writeSSE({ event: 'signed_out', data: '{}' });
    } finally {
      stopFollowing();
      stopping.removeEventListener('abort', onNews);
    }
  };
  const answer = streamSSE(c, run, async (error) => log.warn({ err: error }, 'a live stream of the console broke'));
  // Hono's own would let a cache keep it.
  answer.headers.set('cache-control', 'no-store');
  return answer;
}

/** What the page is sent about one event. */
async function messagesOf(event: LoggedEvent, withRows: boolean, names: PersonNames) {
  const id = String(event.seq);
  const isCall = (CALL_EVENTS as readonly string[]).includes(event.type);
  const messages: { id: string; event: string; data: string }[] = [];
  if (event.approval !== null) {
    messages.push({ id, event: 'change', data: JSON.stringify({ approval: event.approval }) });
  }
  if (withRows && isCall)
    messages.push({ id, event: 'row', data: JSON.stringify(String(await activityRow(event, names))) });
  return messages;
}

/** Whether `wake` was called before the time was up. */
function sleepUntil(ms: number, arm: (wake: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    arm(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
