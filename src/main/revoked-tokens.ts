import type { Log, Revocations } from '../ports.ts';

/** Milliseconds after which every replica knows of a revocation. */
const READ_EVERY_MS = 2_000;

/** The tokens that are no longer good, as this process knows them: read again every 2 s, and before a pass is spent. */
export class RevokedTokens {
  readonly #revocations: Revocations;
  readonly #log: Log;
  #tokens: ReadonlySet<string> = new Set();
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(revocations: Revocations, log: Log) {
    this.#revocations = revocations;
    this.#log = log;
  }

  has(tokenSha256: string): boolean {
    return this.#tokens.has(tokenSha256);
  }

  /** Throws `Unavailable('store')`; what was known stays known. */
  async refresh(): Promise<void> {
    this.#tokens = new Set((await this.#revocations.list()).map((one) => one.tokenSha256));
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
