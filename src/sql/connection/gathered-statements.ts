import { Gathered, type GatheredEnd } from '../../time/gathered.ts';
import { isAboutOne } from './about-one.ts';

export interface GatheredStatementTerms<One, Answer> {
  /** The most that one statement does. */
  readonly most: number;
  /** Of two with the same key the later one is in a later statement. */
  readonly keyOf: (one: One) => string;
  /** As `GatheredTerms`. */
  readonly lanes?: number;
  readonly patienceMs?: number;
  readonly alone: (one: One) => Promise<Answer>;
  /** One statement for all of these. null: it did nothing of this one, which comes again; never of the first. */
  readonly several: (group: readonly One[]) => Promise<readonly (GatheredEnd<Answer> | null)[]>;
}

/** It was not done with the others, for example because its row is locked, and is to be done by itself. */
export const ALONE = 'alone' as const;

/** Does what is done `together`, and by itself, where nobody waits for it, what came back from there as `ALONE`. */
export function orAlone<One, Answer>(
  together: Gathered<One, Answer | typeof ALONE>,
  alone: (one: One) => Promise<Answer>,
): (one: One) => Promise<Answer> {
  return async (one) => {
    const done = await together.do(one);
    return done === ALONE ? alone(one) : done;
  };
}

/**
 * Does by one statement what comes together, and by itself what comes alone. Where the database refuses a statement for
 * what may be about one of them, nothing of it was done, and each is tried alone; where it does not answer, or takes nothing
 * from anybody, all of them fail at once, and so do those that wait. A connection that was cut is no word of the database:
 * once they are tried on another one, so that many do not fail for one socket. What is done here may be done twice: the
 * second time finds that it was done.
 */
export function gatheredStatements<One, Answer>({
  alone,
  several,
  ...terms
}: GatheredStatementTerms<One, Answer>): Gathered<One, Answer> {
  /** What is done is told so, whatever becomes of those behind it. */
  const eachAlone = async (group: readonly One[]): Promise<readonly GatheredEnd<Answer>[]> => {
    const ends: GatheredEnd<Answer>[] = [];
    for (const one of group) {
      try {
        ends.push({ answer: await alone(one) });
      } catch (fault) {
        ends.push({ fault });
        if (!isAboutOne(fault)) break;
      }
    }
    const last = ends.at(-1)!;
    return group.map((_, at) => ends[at] ?? last);
  };
  return new Gathered({
    ...terms,
    together: async (group) => {
      const tryAll = async () => (group.length === 1 ? [{ answer: await alone(group[0]!) }] : several(group));
      try {
        return await tryAll().catch((fault: unknown) => {
          if (!isCut(fault)) throw fault;
          return tryAll();
        });
      } catch (fault) {
        if (!isAboutOne(fault)) throw fault;
        return group.length === 1 ? [{ fault }] : eachAlone(group);
      }
    },
  });
}

/** A process that stood still finds connections that were closed meanwhile. */
function isCut(fault: unknown): boolean {
  const { code, message } = (fault ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  return code === 'ECONNRESET' || code === 'EPIPE' || /^Connection terminated/.test(String(message));
}
