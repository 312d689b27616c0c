import { type ChildIds, type ClientIds, OwnIds } from './own-ids.ts';
import type { PendingPost } from './post.ts';

/** Milliseconds for which a cancelled request may stay unanswered. The specification lets a server drop it silently. */
const CANCELLED_MS = 30_000;
/**
 * Ids of requests that were given up, and progress tokens of those that were answered, that are remembered: the child
 * may still use them, because a task goes on after its request was answered.
 */
const MOST_REMEMBERED = 1_000;

/** A request that the child has not answered. */
export interface AwaitedRequest {
  readonly post: PendingPost;
  /** How the client knows it. */
  readonly ids: ClientIds;
  /** The client's id in the form in which ids are compared. */
  readonly clientId: string;
  readonly method: string;
}

/** What became of a cancellation. `id`: the child's. `several`: it fits more than one request of the session, and cancels none. */
type CancelledAs = { readonly kind: 'cancelled'; readonly id: string } | { readonly kind: 'none' | 'several' };

/** The requests of one session that the child has not answered, oldest first, by the id under which the child knows them. */
export class AwaitedRequests {
  readonly #byId = new Map<string, AwaitedRequest & { readonly token: string | null; cancelledAt: number | null }>();
  /** Progress tokens, as the client wrote them, of requests that were answered: their tasks may still report. */
  readonly #answered = new Map<string, string>();
  readonly #byToken = new Map<string, string>();
  /** Ids of requests that were given up, which the child may still answer. */
  readonly #givenUp = new Set<string>();
  readonly #ids = new OwnIds((id) => this.#byId.has(id) || this.#givenUp.has(id));
  readonly #tokens = new OwnIds((token) => this.#byToken.has(token) || this.#answered.has(token));

  /** How the child will know a request with this id and this token, as JSON texts; null: it has no token. */
  namesFor(id: string, token: string | null): ChildIds {
    return { id: this.#ids.nameFor(id), token: token === null ? null : this.#tokens.nameFor(token) };
  }

  add(child: ChildIds, request: AwaitedRequest): void {
    this.#byId.set(child.id, { ...request, token: child.token, cancelledAt: null });
    if (child.token !== null) this.#byToken.set(child.token, child.id);
  }

  /** Removes a request, because it has been answered or never will be. Null: it is not awaited. `id`: the child's. */
  take(id: string): AwaitedRequest | null {
    const request = this.#byId.get(id);
    if (request === undefined) return null;
    this.#byId.delete(id);
    const { token, ids } = request;
    if (token === null || ids.tokenText === null) return request;
    this.#byToken.delete(token);
    this.#answered.set(token, ids.tokenText);
    if (this.#answered.size > MOST_REMEMBERED) this.#answered.delete(this.#answered.keys().next().value!);
    return request;
  }

  /** Whose progress the child reports under this token; `post`: null, it was answered. Null: nobody's. */
  forToken(token: string): { readonly tokenText: string; readonly post: PendingPost | null } | null {
    const id = this.#byToken.get(token);
    const request = id === undefined ? undefined : this.#byId.get(id);
    const tokenText = request === undefined ? this.#answered.get(token) : request.ids.tokenText;
    return tokenText === undefined || tokenText === null ? null : { tokenText, post: request?.post ?? null };
  }

  /** Sends a message on the stream of the oldest POST that can take it. False: none can. */
  offer(line: Uint8Array): boolean {
    for (const { post } of this.#byId.values()) if (post.offer(line)) return true;
    return false;
  }

  /**
   * The same on the stream of the oldest POST that carries requests. A pipe does not tell to which call a request
   * belongs, so while such a call runs it counts as that call's.
   */
  offerToCarrier(line: Uint8Array): boolean {
    for (const { post } of this.#byId.values()) if (post.carriesRequests && post.offer(line)) return true;
    return false;
  }

  /** The client cancelled the request that it knows by this id, at `now` (ms). The child may still answer it. */
  cancel(clientId: string, now: number): CancelledAs {
    const meant = [...this.#byId].filter(
      ([, request]) => request.clientId === clientId && request.cancelledAt === null,
    );
    const [first, ...more] = meant;
    if (first === undefined) return { kind: 'none' };
    if (more.length > 0) return { kind: 'several' };
    first[1].cancelledAt = now;
    return { kind: 'cancelled', id: first[0] };
  }

  /** Whether a client still waits for any of them. */
  anyWanted(): boolean {
    return [...this.#byId.values()].some(({ post, cancelledAt }) => !post.over && cancelledAt === null);
  }

  /** Gives up cancelled requests that the child has not answered in 30 s. `now` in ms. */
  prune(now: number): void {
    for (const [id, { post, cancelledAt }] of this.#byId) {
      if (cancelledAt === null || now - cancelledAt < CANCELLED_MS) continue;
      this.take(id);
      this.#givenUp.add(id);
      if (this.#givenUp.size > MOST_REMEMBERED) this.#givenUp.delete(this.#givenUp.values().next().value!);
      post.settle({ kind: 'lost', why: 'the request was cancelled, and the server did not answer it' });
    }
  }

  /** The child has ended, so none of them will be answered: all become `lost`. */
  loseAll(why: string): void {
    const posts = [...this.#byId.values()].map(({ post }) => post);
    this.#byId.clear();
    this.#byToken.clear();
    for (const post of posts) post.settle({ kind: 'lost', why });
  }
}
