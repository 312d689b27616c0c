import { tokenMark } from '../../domain/log/marks.ts';
import type { Log, Revocations } from '../../ports.ts';

/** Milliseconds between two reads, after which every replica knows of a revocation. */
const READ_EVERY_MS = 1_000;

/** Milliseconds for which a read counts as current, so that a click and the spending of its pass share one read. */
const FRESH_MS = 25;

/** The revoked tokens that this process knows of: read again every second, and before a pass is spent. */
export class RevokedTokens {
  readonly #revocations: Revocations;
  readonly #log: Log;
  #tokens: ReadonlySet<string> = new Set();
  /** How many reads have begun, and the number of the one whose result is known. */
  #begun = 0;
  #known = 0;
  #reading: { readonly since: number; readonly done: Promise<void> } | null = null;
  #listener: (() => void) | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(revocations: Revocations, log: Log) {
    this.#revocations = revocations;
    this.#log = log;
  }

  /** Sets the listener that is called after every read; null: none. */
  onRead(listener: (() => void) | null): void {
    this.#listener = listener;
  }

  has(tokenSha256: string): boolean {
    // Of one whose row somebody deleted, the log knows the mark.
    return this.#tokens.has(tokenSha256) || this.#tokens.has(tokenMark(tokenSha256));
  }

  /** Reads them again. Rejects with `Unavailable('store')`; what was known stays known. */
  refresh(): Promise<void> {
    const reading = { since: performance.now(), done: this.#read(++this.#begun) };
    this.#reading = reading;
    reading.done.catch(() => {
      if (this.#reading === reading) this.#reading = null;
    });
    return reading.done;
  }

  /** The same, but shares a read that began within the last 25 ms. */
  refreshUnlessFresh(): Promise<void> {
    const reading = this.#reading;
    return reading !== null && performance.now() - reading.since < FRESH_MS ? reading.done : this.refresh();
  }

  /** Of two reads that overlap, the one that began last counts, whichever ends last. */
  async #read(begun: number): Promise<void> {
    const tokens = new Set((await this.#revocations.list()).map(({ tokenSha256 }) => tokenSha256));
    if (begun < this.#known) return;
    this.#known = begun;
    this.#tokens = tokens;
    this.#listener?.();
  }

  /** Reads the tokens and keeps reading. Resolves once they are known; until then the gateway admits nobody. */
  async start(): Promise<void> {
    await this.refresh();
    this.#timer = setInterval(() => {
      this.refresh().catch((error) => this.#log.warn({ err: error }, 'revoked grants could not be read again'));
    }, READ_EVERY_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
