import type { Store, Vault } from '../ports.ts';

/** Bindings remembered at most; the store knows the rest. */
const REMEMBERED = 10_000;

export interface BoundSession {
  readonly grant: string;
  /** Keyed digest of the session's id: what the store and the gateway know it by. */
  readonly digest: string;
}

/**
 * Which grant opened which MCP session. The store is the authority; the newest bindings are remembered here, where only
 * true ones enter. One grant's session never becomes another's, so what is remembered can only be over, and then the
 * upstream says so. Throws what the store throws.
 */
export class Sessions {
  readonly #store: Pick<Store, 'bindSession' | 'sessionGrant' | 'unbindSession'>;
  readonly #vault: Pick<Vault, 'digest'>;
  readonly #remembered = new Map<string, BoundSession>();

  constructor(store: Pick<Store, 'bindSession' | 'sessionGrant' | 'unbindSession'>, vault: Pick<Vault, 'digest'>) {
    this.#store = store;
    this.#vault = vault;
  }

  /** Binds a new session; null when another grant has it already. */
  async bind(server: string, id: string, grant: string): Promise<BoundSession | null> {
    const digest = this.#vault.digest('session', id);
    await this.#store.bindSession(digest, server, grant);
    // The first binding stands, so what counts is who is read back.
    const owner = await this.#store.sessionGrant(digest, server);
    if (owner !== grant) return null;
    const bound = { grant, digest };
    this.#remember(keyOf(server, id), bound);
    return bound;
  }

  /** The session, if this grant opened it on this server. */
  async find(server: string, id: string, grant: string): Promise<BoundSession | null> {
    const key = keyOf(server, id);
    const known = this.#remembered.get(key);
    if (known !== undefined) {
      this.#remember(key, known);
      return known.grant === grant ? known : null;
    }
    const digest = this.#vault.digest('session', id);
    const owner = await this.#store.sessionGrant(digest, server);
    if (owner !== grant) return null;
    const bound = { grant, digest };
    this.#remember(key, bound);
    return bound;
  }

  async unbind(server: string, id: string, digest: string): Promise<void> {
    this.#remembered.delete(keyOf(server, id));
    await this.#store.unbindSession(digest, server);
  }

  #remember(key: string, session: BoundSession): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, session);
    if (this.#remembered.size <= REMEMBERED) return;
    const oldest = this.#remembered.keys().next().value;
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function keyOf(server: string, id: string): string {
  return `${server}\n${id}`;
}
