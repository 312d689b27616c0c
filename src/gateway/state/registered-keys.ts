import type { PasskeyProof, RegisteredKey, Signing } from '../../domain/approval/signing.ts';
import type { PersonKeys } from '../../ports.ts';

/** The passkeys by which this process judges signatures: read whole before a signature is taken and before one is spent. */
export class RegisteredKeys {
  readonly #keys: Pick<PersonKeys, 'whole'>;
  readonly #proof: PasskeyProof;
  readonly #log: () => string | null;
  #known: ReadonlyMap<string, RegisteredKey> | null = null;
  /** How many reads have begun, and the number of the one whose result is known. */
  #begun = 0;
  #read = 0;

  /** `log`: the log's id, once it is known. */
  constructor(keys: Pick<PersonKeys, 'whole'>, proof: PasskeyProof, log: () => string | null) {
    this.#keys = keys;
    this.#proof = proof;
    this.#log = log;
  }

  get current(): Signing {
    return { log: this.#log(), keys: this.#known, proof: this.#proof };
  }

  /** Reads them again. Rejects with `Unavailable('store')`, and then no signature counts until a read succeeds. */
  async refresh(): Promise<void> {
    this.#begun += 1;
    const turn = this.#begun;
    const rows = await this.#keys.whole().catch((error: unknown) => {
      if (turn >= this.#read) this.#known = null;
      throw error;
    });
    // Of two reads that overlap, the one that began last counts, whichever ends last.
    if (turn < this.#read) return;
    this.#read = turn;
    const live = rows?.flatMap((key): RegisteredKey[] => {
      const { id, owner, publicKey, algorithm, origin, registeredAt } = key;
      if (registeredAt === null || key.endedAt !== null) return [];
      return [{ id, owner, publicKey, algorithm, origin, registeredAt }];
    });
    this.#known = live === undefined ? null : new Map(live.map((key) => [key.id, key]));
  }
}
