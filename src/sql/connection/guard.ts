import { Swallowed, Unavailable, Unstorable } from '../../ports.ts';
import { LOST_PLAN } from './kept-plan.ts';
import { readNotTaken } from './not-taken.ts';

/** Attempts at a transaction that failed for no fault of its own. */
const MOST_ATTEMPTS = 3;
/**
 * Serialization failure, deadlock, or a lost plan within a transaction: nothing was done, and it may work next time.
 */
const TRY_AGAIN = new Set(['40001', '40P01', ...LOST_PLAN]);

/** The database answers but accepts no writes: out of space, its files cannot be written, or it is read-only. */
const ACCEPTS_NO_WRITES = /^53(?!300)|^58|^25006$|^(ENOSPC|EDQUOT|EFBIG|EROFS|EIO)$/;
/** A value that is none for its column: bytes that are no text, a number or an index entry that is too large. */
const BAD_VALUE = /^22|^54000$/;
/** Milliseconds for which `ping` fails after such an error. The next write tells whether it is over. */
const FAILING_MS = 10_000;

/**
 * Makes every verb fail as `Unavailable`, so that callers need not know what can go wrong in SQL. `close` is left
 * alone. `ping` also fails while the database answers but has just refused a write.
 */
export function guarded<V extends object>(verbs: V): V {
  let refused: { readonly code: string; readonly at: number } | null = null;
  const guard =
    <A extends unknown[], R>(name: string, verb: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (name === 'ping' && refused !== null && performance.now() - refused.at < FAILING_MS) {
        throw new Unavailable('store', `the database accepts no writes (${refused.code})`);
      }
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await verb(...args);
        } catch (error) {
          const notTaken = readNotTaken(error);
          if (notTaken !== null) throw new Swallowed(notTaken.table, notTaken.message, { cause: error });
          const code = codeOf(error);
          if (attempt < MOST_ATTEMPTS && TRY_AGAIN.has(code)) continue;
          if (BAD_VALUE.test(code)) {
            throw new Unstorable('store', `the database cannot keep a value of this request (${code})`, {
              cause: error,
            });
          }
          const acceptsNoWrites = ACCEPTS_NO_WRITES.test(code);
          if (acceptsNoWrites && name !== 'ping') refused = { code, at: performance.now() };
          const what = acceptsNoWrites
            ? 'accepts no writes'
            : code === '53300'
              ? 'has no free connection'
              : 'did not answer';
          throw new Unavailable('store', `the database ${what} (${code || 'no code'})`, { cause: error });
        }
      }
    };
  const guardedVerbs = Object.entries(verbs).map(([name, verb]) => [
    name,
    name === 'close' ? verb : guard(name, verb as never),
  ]);
  return Object.fromEntries(guardedVerbs) as unknown as V;
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
