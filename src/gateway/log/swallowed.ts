import { type Clock, type Log, Swallowed } from '../../ports.ts';
import type { Alarms } from './alarms.ts';

/** The same adapter of the database; an alarm stands once the database has not taken what it was sent. */
export function watchedWrites<V extends object>(
  verbs: V,
  { alarms, clock, log }: { readonly alarms: Alarms; readonly clock: Clock; readonly log: Log },
): V {
  const watched = Object.entries(verbs).map(([name, verb]) => [
    name,
    typeof verb !== 'function'
      ? verb
      : async (...args: unknown[]) => {
          try {
            return await (verb as (...args: unknown[]) => unknown)(...args);
          } catch (error) {
            if (error instanceof Swallowed) {
              const about = `writes ${error.table}`;
              if (alarms.raise('seal_broken', about, error.message, clock.now())) log.error({ about }, error.message);
            }
            throw error;
          }
        },
  ]);
  return Object.fromEntries(watched) as V;
}
