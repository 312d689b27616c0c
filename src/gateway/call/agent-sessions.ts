import type { OpeningRate } from '../../domain/approval/openings.ts';
import type { FullLimit } from '../../domain/policy/limit.ts';
import type { Store, Vault } from '../../ports.ts';

/** Bindings remembered at most; the store knows all of them. */
const MAX_CACHED = 10_000;

type SessionStore = Pick<Store, 'bindSession' | 'countSession' | 'sessionGrant' | 'unbindSession' | 'uncountSession'>;

export interface BoundSession {
  readonly grant: string;
  /** Keyed digest of the session's id: its name in the store and the gateway. */
  readonly digest: string;
}

/**
 * Which grant opened which MCP session. The store is the authority; the newest bindings that it confirmed are cached
 * here. A session never changes its grant, so a cached binding can only belong to a session that has ended, and then
 * the upstream refuses it. Throws what the store throws.
 */
export class AgentSessions {
  readonly #store: SessionStore;
  readonly #vault: Pick<Vault, 'digests'>;
  readonly #cached = new Map<string, BoundSession>();
  /** Grants that may open none before this, in ms of `performance.now()`, with the limit that says so. */
  readonly #full = new Map<string, { readonly until: number; readonly full: FullLimit }>();

  constructor(store: SessionStore, vault: Pick<Vault, 'digests'>) {
    this.#store = store;
    this.#vault = vault;
  }

  /**
   * Counts that the grant is about to open a session; `id` names the opening. Returns the limit when it is full: then
   * nothing counts, and the store is not asked again before there is room.
   */
  async countOpening(id: string, grant: string, rate: OpeningRate): Promise<FullLimit | null> {
    const known = this.#full.get(grant);
    const leftMs = known === undefined ? 0 : known.until - performance.now();
    if (known !== undefined && leftMs > 0 && known.full.take.max === String(rate.max)) {
      return { ...known.full, retryAfter: Math.ceil(leftMs / 1_000) };
    }
    const full = await this.#store.countSession(id, grant, rate);
    if (full === null) this.#full.delete(grant);
    else this.#full.set(grant, { full, until: performance.now() + (full.retryAfter - 1) * 1_000 });
    return full;
  }

  /** The server opened no session after all. */
  uncountOpening(id: string): Promise<void> {
    return this.#store.uncountSession(id);
  }

  /** Binds a new session to its grant; null when another grant has it already. */
  async bind(server: string, id: string, grant: string): Promise<BoundSession | null> {
    const digests = this.#vault.digests('session', id);
    // It may be bound under an older secret: a rotation must not let an upstream hand the same id out twice.
    if (digests.length === 1 || (await this.#stored(server, id)) === null) {
      await this.#store.bindSession(digests[0]!, server, grant);
    }
    // The first binding is kept, so read back whose it is.
    return this.#readOwn(server, id, grant);
  }

  /** The session, if this grant opened it on this server; else null. */
  async find(server: string, id: string, grant: string): Promise<BoundSession | null> {
    const key = keyOf(server, id);
    const cached = this.#cached.get(key);
    if (cached === undefined) return this.#readOwn(server, id, grant);
    this.#remember(key, cached);
    return cached.grant === grant ? cached : null;
  }

  async #readOwn(server: string, id: string, grant: string): Promise<BoundSession | null> {
    const bound = await this.#stored(server, id);
    if (bound?.grant !== grant) return null;
    this.#remember(keyOf(server, id), bound);
    return bound;
  }

  /** The stored binding, under whichever of our secrets it was made: a session keeps that digest for life. */
  async #stored(server: string, id: string): Promise<BoundSession | null> {
    for (const digest of this.#vault.digests('session', id)) {
      const grant = await this.#store.sessionGrant(digest, server);
      if (grant !== null) return { grant, digest };
    }
    return null;
  }

  async unbind(server: string, id: string, digest: string): Promise<void> {
    this.#cached.delete(keyOf(server, id));
    await this.#store.unbindSession(digest, server);
  }

  #remember(key: string, session: BoundSession): void {
    this.#cached.delete(key);
    this.#cached.set(key, session);
    if (this.#cached.size <= MAX_CACHED) return;
    const oldest = this.#cached.keys().next().value;
    if (oldest !== undefined) this.#cached.delete(oldest);
  }
}

function keyOf(server: string, id: string): string {
  return `${server}\n${id}`;
}
