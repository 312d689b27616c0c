import type { SocketModeReceiver } from '@slack/bolt';
import { member } from '../domain/json.ts';
import type { Log } from '../ports.ts';
import { pause } from '../time/pause.ts';
import { withinOr } from '../time/within.ts';

export interface SocketConnection {
  /** Resolves when clicks can come, or after `waitMs` with the attempt going on. Never rejects. */
  start(waitMs: number): Promise<void>;
  /** Resolves when the socket is closed, or after 3 s. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
/** A connection that lived so long was a good one: the next is made at once. */
const GOOD_MS = 5_000;
const STOP_MS = 3_000;

/**
 * Keeps Slack's Socket Mode client connected. Its own reconnection rests 5 s each time, gives up on the first network
 * error, and does so in a promise that nobody holds, which ends the process; so it is off, and this loop does it.
 * `heard` is told Slack’s refusal of each attempt, or null when it is open.
 */
export function keepConnected(
  client: SocketModeReceiver['client'],
  log: Log,
  heard: (code: string | null) => void = () => {},
): SocketConnection {
  const stopped = new AbortController();
  let hear: () => void = () => {};
  const connected = new Promise<void>((resolve) => {
    hear = resolve;
  });
  let running: Promise<void> = Promise.resolve();
  let open = false;

  async function once(): Promise<number> {
    let leave: () => void = () => {};
    const gone = new Promise<void>((resolve) => {
      leave = resolve;
    });
    client.once('disconnected', leave);
    const since = Date.now();
    try {
      await client.start();
      hear();
      heard(null);
      open = true;
      if (stopped.signal.aborted) await client.disconnect();
      await gone;
    } catch (error) {
      const code = error instanceof Error ? member(member(error, 'data'), 'error') : undefined;
      if (typeof code === 'string') heard(code);
      log.warn(
        { why: error instanceof Error ? error.message : 'closed' },
        'Socket Mode is not connected; trying again',
      );
      return 0;
    } finally {
      open = false;
      client.off('disconnected', leave);
    }
    return Date.now() - since;
  }

  async function run(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!stopped.signal.aborted) {
      const lived = await once();
      if (lived >= GOOD_MS) pauseMs = FIRST_PAUSE_MS;
      else {
        await pause(pauseMs, stopped.signal);
        pauseMs = lived > 0 ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  return {
    async start(waitMs) {
      running = run();
      const inTime = connected.then(() => true);
      if (!(await withinOr(waitMs, inTime, false))) {
        log.warn({}, 'Slack is not connected over Socket Mode yet; trying on');
      }
    },
    async stop() {
      stopped.abort();
      // Amid its opening handshake Slack's client cannot be closed without leaving a timer of 30 s: the loop closes it.
      if (open) await withinOr(STOP_MS, client.disconnect(), null);
      await withinOr(STOP_MS, running, null);
    },
  };
}
