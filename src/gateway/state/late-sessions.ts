/** Sessions that are remembered at most; beyond that the oldest is forgotten. */
const MOST = 1_000;

/** Whose session it is, at which server. */
interface Opener {
  readonly grant: string;
  readonly server: string;
}

/**
 * Session ids that servers handed out with the answers to held calls, after the head of the agent's answer had left without
 * them (revisions up to 2025-11-25). This process sends what the grant asks without a session in the session, and tells the
 * id with each answer, until the agent names it.
 *
 * | owed | what comes | then |
 * |---|---|---|
 * | nothing | a held call's answer, of a request that named no session, hands one out | it is owed |
 * | a session | another one is handed out so | that one is owed |
 * | a session | a request that names it | nothing is owed: the agent knows it |
 * | a session | `initialize` without a session | nothing is owed: a client begins anew, perhaps another one |
 * | a session | any other request without a session, to the same server by the same grant | it is sent in the session, and its answer names it |
 * | a session | the server answers such a request with 404 | nothing is owed: the session has ended |
 * | a session | it is another grant's, or the grant may open no more sessions | nothing is sent in it |
 *
 * A grant that several clients share at a server which hands out sessions so late may lead one client into the session of
 * another: they are one agent to the server as well, which sees the same credential. Other replicas do not know of it.
 */
export class LateSessions {
  readonly #owed = new Map<string, string>();

  /** The server handed out a session that the agent has not been told. */
  owe(opener: Opener, id: string): void {
    const key = keyOf(opener);
    this.#owed.delete(key);
    this.#owed.set(key, id);
    if (this.#owed.size <= MOST) return;
    const [oldest] = this.#owed.keys();
    if (oldest !== undefined) this.#owed.delete(oldest);
  }

  /** null: nothing is owed, as for nearly all. */
  owedTo(opener: Opener): string | null {
    return this.#owed.size === 0 ? null : (this.#owed.get(keyOf(opener)) ?? null);
  }

  /** The agent knows this session, or it is no more. `id` absent: whichever is owed. */
  settle(opener: Opener, id?: string): void {
    if (this.#owed.size === 0) return;
    const key = keyOf(opener);
    if (id === undefined || this.#owed.get(key) === id) this.#owed.delete(key);
  }
}

function keyOf({ grant, server }: Opener): string {
  return `${server}\n${grant}`;
}
