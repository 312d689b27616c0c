import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds within which anything that a test waits for must happen. */
export const PATIENCE = 60_000;

/** Tries `probe` until it returns something that is not null; fails after `ms`. A probe that throws is tried again. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | null> | T | null,
  ms = PATIENCE,
): Promise<T> {
  const end = Date.now() + ms;
  let last: unknown = null;
  for (;;) {
    try {
      const found = await probe();
      if (found !== null) return found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`, last === null ? {} : { cause: last });
    await sleep(30);
  }
}

/** Waits until a condition holds, looking every 5 ms; fails after `ms`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 5_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(5);
  }
}
