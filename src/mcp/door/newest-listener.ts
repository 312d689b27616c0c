import type { Ending } from '../../ports.ts';

/** One agent's open GET. It ends when a newer GET of its session comes, or with its visit. */
export interface ListenerTurn {
  readonly until: Ending;
  /** An older GET was ended for this one. */
  readonly tookOver: boolean;
}

/**
 * The GET of each session that listens here. A server allows one for each session, and the older one may be of a client
 * that went without a word: a laptop that sleeps, a network that changed. So the newest takes over.
 */
export class NewestListeners {
  readonly #ends = new Map<string, () => void>();

  /** Sessions that listen here now. */
  get size(): number {
    return this.#ends.size;
  }

  /** `session`: its name among all of this process. */
  take(session: string, visit: Ending): ListenerTurn {
    const older = this.#ends.get(session);
    const listeners = new Set<() => void>();
    let isOver = false;
    const end = (): void => {
      isOver = true;
      for (const listener of listeners) listener();
    };
    const until: Ending = {
      onEnd: (listener) => {
        if (isOver) {
          listener();
          return () => undefined;
        }
        listeners.add(listener);
        this.#ends.set(session, end);
        const forget = visit.onEnd(listener);
        return () => {
          forget();
          listeners.delete(listener);
          if (listeners.size === 0 && this.#ends.get(session) === end) this.#ends.delete(session);
        };
      },
    };
    older?.();
    return { until, tookOver: older !== undefined };
  }
}
