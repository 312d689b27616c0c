import type { Log } from '../ports.ts';

/**
 * The `fetch` under Socket Mode's `apps.connections.open`. Slack's client gives up on a network error while
 * reconnecting, in a promise that nobody holds, and that ends the process. This one does not give up: it tries until
 * there is an answer, or until it is stopped, and then it stays silent for good.
 */
export interface PatientFetch {
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
  stop(): void;
}

const TRY_MS = 5_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export function patientFetch(log: Log): PatientFetch {
  const stopped = new AbortController();
  // Once connected, a refused token must not end the process either: it is tried again, and logged.
  let connected = false;

  async function attempt(url: string | URL, init: RequestInit): Promise<Response | null> {
    try {
      const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(TRY_MS)]);
      const response = await fetch(url, { ...init, signal });
      if (response.status >= 500) return null;
      const body = (await response.clone().json()) as { ok?: boolean };
      if (body.ok === true) connected = true;
      return body.ok === true || !connected ? response : null;
    } catch {
      return null;
    }
  }

  return {
    async fetch(url, init = {}) {
      for (let pause = FIRST_PAUSE_MS; !stopped.signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
        const response = await attempt(url, init);
        if (response !== null) return response;
        if (stopped.signal.aborted) break;
        log.warn({ afterMs: pause }, 'Slack cannot be reached for Socket Mode; trying again');
        await rest(pause, stopped.signal);
      }
      return new Promise<Response>(() => {});
    },
    stop: () => stopped.abort(),
  };
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
