import type { Claims } from '../domain/people/claims.ts';
import type { IntrospectedToken } from '../domain/people/introspection.ts';
import { ProviderTurns, TooManyAsk, type TurnBounds } from './provider-turns.ts';

/** Milliseconds for which an answer serves beyond its time while the next one is waited for, which then holds nobody up. */
const MEANWHILE_MS = 10_000;
/** Milliseconds after which a token is forgotten that nobody uses. */
const UNUSED_MS = 60_000;
/** Milliseconds after which a token is asked about again for which there was no answer. */
const RETRY_MS = 5_000;

interface AskedToken {
  readonly token: string;
  readonly by: string;
  readonly judge: (answer: Claims) => IntrospectedToken;
  word: IntrospectedToken | null;
  /** By the steady clock, in ms: when the word was asked for, so that it cannot be older than that. */
  at: number;
  /** When somebody wanted to know last. */
  touched: number;
  asking: Promise<IntrospectedToken> | null;
  trouble: { readonly at: number; readonly error: unknown } | null;
}

/**
 * What the provider says of tokens, each asked about once in `againMs` at most, however many want to know. Tokens are kept in memory
 * for it, by their digest: those that nobody asked for longest are forgotten first.
 */
export class AskedTokens {
  readonly #asked = new Map<string, AskedToken>();
  readonly #turns: ProviderTurns;
  readonly #most: number;
  readonly #steady: () => number;
  readonly #againMs: () => number;
  readonly #ask: (token: string) => Promise<Claims>;

  /** `steady`: milliseconds that no one sets back. `againMs`: after how many a token is asked about again. `ask`: sends one request. */
  constructor(
    { most, ...turns }: TurnBounds & { readonly most: number },
    { steady, againMs }: { readonly steady: () => number; readonly againMs: () => number },
    ask: (token: string) => Promise<Claims>,
  ) {
    this.#most = most;
    this.#steady = steady;
    this.#againMs = againMs;
    this.#ask = ask;
    this.#turns = new ProviderTurns(turns, steady);
  }

  /** Rejects as `ask` does, and with `TooManyAsk`. `by`: whose token it is, for the bounds. */
  async word(
    digest: string,
    { token, by, judge }: Pick<AskedToken, 'token' | 'by' | 'judge'>,
  ): Promise<IntrospectedToken> {
    const known = this.#touched(digest);
    // What would not be asked about takes no place of what was.
    if (known === null && !this.#turns.hasPlace(by)) throw new TooManyAsk();
    const asked = known ?? this.#add(digest, { token, by, judge });
    const word = this.#serving(asked);
    if (word !== null) return word;
    if (asked.asking === null && this.#isInTrouble(asked)) throw asked.trouble?.error;
    return this.#askNow(asked);
  }

  /** Whether what was opened with this token may stay open. It is asked about again where it is time. */
  stands(digest: string): boolean {
    const asked = this.#touched(digest);
    return asked !== null && this.#serving(asked)?.kind === 'active';
  }

  has(digest: string): boolean {
    return this.#asked.has(digest);
  }

  /** null: there is none, or it is too old. */
  #serving(asked: AskedToken): IntrospectedToken | null {
    const age = this.#steady() - asked.at;
    const isDue = asked.word !== null && age >= this.#againMs() && asked.asking === null && !this.#isInTrouble(asked);
    if (isDue) void this.#askNow(asked).catch(() => undefined);
    return age < this.#againMs() + MEANWHILE_MS ? asked.word : null;
  }

  #isInTrouble({ trouble }: AskedToken): boolean {
    return trouble !== null && this.#steady() - trouble.at < RETRY_MS;
  }

  #askNow(asked: AskedToken): Promise<IntrospectedToken> {
    asked.asking ??= this.#turns
      .run(asked.by, async () => {
        const at = this.#steady();
        asked.word = asked.judge(await this.#ask(asked.token));
        asked.at = at;
        asked.trouble = null;
        return asked.word;
      })
      .catch((error: unknown) => {
        if (!(error instanceof TooManyAsk)) asked.trouble = { at: this.#steady(), error };
        throw error;
      })
      .finally(() => {
        asked.asking = null;
      });
    return asked.asking;
  }

  #touched(digest: string): AskedToken | null {
    const asked = this.#asked.get(digest);
    if (asked === undefined) return null;
    asked.touched = this.#steady();
    this.#asked.delete(digest);
    this.#asked.set(digest, asked);
    return asked;
  }

  #add(digest: string, named: Pick<AskedToken, 'token' | 'by' | 'judge'>): AskedToken {
    const now = this.#steady();
    for (const [old, { touched }] of this.#asked) {
      if (this.#asked.size < this.#most && now - touched < UNUSED_MS) break;
      this.#asked.delete(old);
    }
    const asked = { ...named, word: null, at: now, touched: now, asking: null, trouble: null };
    this.#asked.set(digest, asked);
    return asked;
  }
}
