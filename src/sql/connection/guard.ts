import { Unavailable } from '../../ports.ts';
import { LOST_PLAN } from './kept-plan.ts';

/** A transaction that lost against another one for no fault of its own: deadlock, serialization; or a plan astray in it. */
const TRY_AGAIN = new Set(['40001', '40P01', ...LOST_PLAN]);

/** The database is there and takes nothing: no room left, its files cannot be written, it only reads. */
const TAKES_NOTHING = /^53|^58|^25006$|^(ENOSPC|EDQUOT|EFBIG|EROFS|EIO)$/;
/** Milliseconds for which a refusal of that kind is held against it; what writes next finds out anew. */
const HELD_AGAINST_MS = 10_000;

/**
 * Every verb fails as `Unavailable`: whoever calls need not know what SQL can suffer from. `close` is left alone. `ping`
 * fails too while the database answers but was just seen to take nothing.
 */
export function guarded<V extends object>(verbs: V): V {
  let refused: { readonly code: string; readonly at: number } | null = null;
  const guard =
    <A extends unknown[], R>(name: string, verb: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (name === 'ping' && refused !== null && performance.now() - refused.at < HELD_AGAINST_MS) {
        throw new Unavailable('store', `the database takes nothing (${refused.code})`);
      }
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await verb(...args);
        } catch (error) {
          const code = codeOf(error);
          if (attempt < 3 && TRY_AGAIN.has(code)) continue;
          const full = TAKES_NOTHING.test(code);
          if (full && name !== 'ping') refused = { code, at: performance.now() };
          const what = full ? 'takes nothing' : 'did not answer';
          throw new Unavailable('store', `the database ${what} (${code || 'no code'})`, { cause: error });
        }
      }
    };
  const made = Object.entries(verbs).map(([name, verb]) => [
    name,
    name === 'close' ? verb : guard(name, verb as never),
  ]);
  return Object.fromEntries(made) as unknown as V;
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
