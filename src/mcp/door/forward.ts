import type { ExchangeAnswer } from '../../ports.ts';

/** What was posted goes on to its server. */
export interface Forward {
  /** In place of the bytes that came. */
  readonly bytes?: Uint8Array;
  /** The answer may open a session. */
  readonly opens: boolean;
  /** The answer may list tools. */
  readonly lists: boolean;
  /** Hears how it went, before the agent does. */
  readonly answered?: (answer: ExchangeAnswer) => Promise<void>;
}

/** As it came, and its answer as it comes. */
export const AS_IT_IS: Forward = { opens: false, lists: false };
