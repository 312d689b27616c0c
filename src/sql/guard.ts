import { Unavailable } from '../ports.ts';

/** A transaction that lost against another one for no fault of its own: deadlock, serialization. */
const TRY_AGAIN = new Set(['40001', '40P01']);

/** Every verb fails as `Unavailable`: whoever calls need not know what SQL can suffer from. `close` is left alone. */
export function guarded<V extends object>(verbs: V): V {
  const guard =
    <A extends unknown[], R>(verb: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await verb(...args);
        } catch (error) {
          if (attempt < 3 && TRY_AGAIN.has(codeOf(error))) continue;
          throw new Unavailable('store', `the database did not answer (${codeOf(error) || 'no code'})`, {
            cause: error,
          });
        }
      }
    };
  const made = Object.entries(verbs).map(([name, verb]) => [name, name === 'close' ? verb : guard(verb as never)]);
  return Object.fromEntries(made) as unknown as V;
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
