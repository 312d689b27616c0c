import type { Store, Vault } from '../../ports.ts';

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
export class AgentSessions {
  readonly #store: Pick<Store, 'bindSession' | 'sessionGrant' | 'unbindSession'>;
  readonly #vault: Pick<Vault, 'digests'>;
  readonly #remembered = new Map<string, BoundSession>();

  constructor(store: Pick<Store, 'bindSession' | 'sessionGrant' | 'unbindSession'>, vault: Pick<Vault, 'digests'>) {
    this.#store = store;
    this.#vault = vault;
  }

  /** Binds a new session; null when another grant has it already. */
  async bind(server: string, id: string, grant: string): Promise<BoundSession | null> {
    const digests = this.#vault.digests('session', id);
    // Under an older secret it may be bound as well: an upstream that hands an id out twice gains nothing by a rotation.
    if (digests.length === 1 || (await this.#stored(server, id)) === null) {
      await this.#store.bindSession(digests[0]!, server, grant);
    }
    // The first binding stands, so what counts is who is read back.
    return this.#mine(server, id, grant);
  }

  /** The session, if this grant opened it on this server. */
  async find(server: string, id: string, grant: string): Promise<BoundSession | null> {
    const key = keyOf(server, id);
    const known = this.#remembered.get(key);
    if (known === undefined) return this.#mine(server, id, grant);
    this.#remember(key, known);
    return known.grant === grant ? known : null;
  }

  async #mine(server: string, id: string, grant: string): Promise<BoundSession | null> {
    const bound = await this.#stored(server, id);
    if (bound?.grant !== grant) return null;
    this.#remember(keyOf(server, id), bound);
    return bound;
  }

  /** As the store has it, under whichever of our secrets it was bound: it keeps that name for as long as it lives. */
  async #stored(server: string, id: string): Promise<BoundSession | null> {
    for (const digest of this.#vault.digests('session', id)) {
      const grant = await this.#store.sessionGrant(digest, server);
      if (grant !== null) return { grant, digest };
    }
    return null;
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
