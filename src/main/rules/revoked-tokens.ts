import type { Log, Revocations } from '../../ports.ts';

/** Milliseconds after which every replica knows of a revocation. */
const READ_EVERY_MS = 2_000;

/** Milliseconds for which what was read counts as read now: a click and the spending of its pass share one look. */
const NOW_MS = 25;

/** The tokens that are no longer good, as this process knows them: read again every 2 s, and before a pass is spent. */
export class RevokedTokens {
  readonly #revocations: Revocations;
  readonly #log: Log;
  #tokens: ReadonlySet<string> = new Set();
  #begun = 0;
  #known = 0;
  #reading: { readonly since: number; readonly done: Promise<void> } | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(revocations: Revocations, log: Log) {
    this.#revocations = revocations;
    this.#log = log;
  }

  has(tokenSha256: string): boolean {
    return this.#tokens.has(tokenSha256);
  }

  /** Reads them again. Throws `Unavailable('store')`; what was known stays known. */
  refresh(): Promise<void> {
    const reading = { since: performance.now(), done: this.#read(++this.#begun) };
    this.#reading = reading;
    reading.done.catch(() => {
      if (this.#reading === reading) this.#reading = null;
    });
    return reading.done;
  }

  /** The same, unless it was begun this very moment. */
  refreshed(): Promise<void> {
    const reading = this.#reading;
    return reading !== null && performance.now() - reading.since < NOW_MS ? reading.done : this.refresh();
  }

  /** Of two that overlap, the one that was begun last counts, whichever ends last. */
  async #read(begun: number): Promise<void> {
    const tokens = new Set((await this.#revocations.list()).map((one) => one.tokenSha256));
    if (begun < this.#known) return;
    this.#known = begun;
    this.#tokens = tokens;
  }

  /** Resolves once the tokens are known; a gateway that does not know them lets nobody in. */
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
