import type pg from 'pg';

/** What we use of a client that its types do not tell. */
interface Wire {
  readonly connection?: { readonly stream?: { on?(event: 'data', listener: () => void): void; destroy(): void } };
}

/** One connection of a pool. */
interface Known {
  readonly cut: () => void;
  /** When it last said anything, in ms of `performance.now`. */
  heardAt: number;
  used: boolean;
}

/**
 * Cuts connections that fell silent: packets are dropped between here and Postgres, and nobody says so. A statement that
 * was not answered in time leaves a connection that waits for its answer, maybe for ever, and `pg` would give it to the
 * next statement. It is cut, and so are the idle ones from which nothing was heard since that statement was sent: they may
 * have lost their way too, and would cost their next users the same time. A cut connection leaves the pool by itself.
 */
export function forgetSilent(pool: pg.Pool): void {
  const all = new Map<pg.PoolClient, Known>();
  pool.on('connect', (client) => {
    const { stream } = (client as unknown as Wire).connection ?? {};
    const known: Known = { cut: () => stream?.destroy(), heardAt: performance.now(), used: true };
    all.set(client, known);
    stream?.on?.('data', () => {
      known.heardAt = performance.now();
    });
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    const watched = (...args: unknown[]): unknown => {
      const sentAt = performance.now();
      const answer = query(...args);
      if (!(answer instanceof Promise)) return answer;
      return answer.catch((error: unknown) => {
        if (isSilence(error)) cutSilent(known, sentAt);
        throw error;
      });
    };
    Object.assign(client, { query: watched });
  });
  const mark = (client: pg.PoolClient, used: boolean): void => {
    const known = all.get(client);
    if (known !== undefined) known.used = used;
  };
  pool.on('acquire', (client) => mark(client, true));
  pool.on('release', (_error, client) => mark(client, false));
  pool.on('remove', (client) => all.delete(client));

  function cutSilent(silent: Known, since: number): void {
    silent.cut();
    for (const other of all.values()) if (!other.used && other.heardAt < since) other.cut();
  }
}

/** `pg` has no code for it. */
function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}
