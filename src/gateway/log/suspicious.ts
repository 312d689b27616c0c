import { type Store, Unavailable } from '../../ports.ts';

/**
 * The same store, which says when it could not answer: the database that answers next may be another one, such as a
 * standby that was promoted and lacks the last changes.
 */
export function suspicious(store: Store, suspect: () => void): Store {
  const verbs = Object.entries(store).map(([name, verb]) => [
    name,
    (...args: unknown[]) =>
      (verb as (...args: unknown[]) => Promise<unknown>)(...args).catch((error: unknown) => {
        if (error instanceof Unavailable && error.part === 'store') suspect();
        throw error;
      }),
  ]);
  return Object.fromEntries(verbs) as unknown as Store;
}
