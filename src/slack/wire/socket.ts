import type { SocketModeReceiver } from '@slack/bolt';
import { member } from '../../domain/json/json.ts';
import type { Log } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import { withinOr } from '../../time/within.ts';

export interface SocketConnection {
  /** Resolves when clicks can arrive, or after `waitMs` while the attempts continue. Never rejects. */
  start(waitMs: number): Promise<void>;
  /** Resolves when the socket is closed, or after 3 s. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
/** After a connection that lasted this long, the next one is opened at once. */
const GOOD_MS = 5_000;
const STOP_MS = 3_000;

/**
 * Keeps Slack's Socket Mode client connected. The client's own reconnection pauses 5 s each time and gives up on the
 * first network error, in a promise that nobody handles, which ends the process. So it is off, and this loop replaces it.
 * `onAttempt` is told how each attempt ended: Slack's error code, or null if the socket is open.
 */
export function keepConnected(
  client: SocketModeReceiver['client'],
  log: Log,
  onAttempt: (code: string | null) => void = () => {},
): SocketConnection {
  const stopped = new AbortController();
  const connected = Promise.withResolvers<true>();
  let running: Promise<void> = Promise.resolve();
  let open = false;

  /** One connection, from opening to loss. Resolves to the milliseconds it lasted, 0 if it could not be opened. */
  async function connectOnce(): Promise<number> {
    const lost = Promise.withResolvers<void>();
    client.once('disconnected', lost.resolve);
    const since = performance.now();
    try {
      await client.start();
      connected.resolve(true);
      onAttempt(null);
      open = true;
      if (stopped.signal.aborted) await client.disconnect();
      await lost.promise;
    } catch (error) {
      const code = error instanceof Error ? member(member(error, 'data'), 'error') : undefined;
      if (typeof code === 'string') onAttempt(code);
      log.warn(
        { why: error instanceof Error ? error.message : 'closed' },
        'Socket Mode is not connected; trying again',
      );
      return 0;
    } finally {
      open = false;
      client.off('disconnected', lost.resolve);
    }
    return performance.now() - since;
  }

  async function run(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!stopped.signal.aborted) {
      const lastedMs = await connectOnce();
      if (lastedMs >= GOOD_MS) pauseMs = FIRST_PAUSE_MS;
      else {
        await pause(pauseMs, stopped.signal);
        pauseMs = lastedMs > 0 ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  return {
    async start(waitMs) {
      running = run();
      if ((await withinOr(waitMs, connected.promise, null)) === null) {
        log.warn({}, 'Slack is not connected over Socket Mode yet; the attempts continue');
      }
    },
    async stop() {
      stopped.abort();
      // During its opening handshake, Slack's client cannot be closed without leaving a timer of 30 s: the loop closes it.
      if (open) await withinOr(STOP_MS, client.disconnect(), null);
      await withinOr(STOP_MS, running, null);
    },
  };
}
