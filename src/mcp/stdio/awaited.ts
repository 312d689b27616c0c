import type { StdioMessage } from './message.ts';
import type { PendingPost } from './post.ts';

/** Milliseconds for which a cancelled request may stay unanswered. The specification lets a server drop it silently. */
const CANCELLED_MS = 30_000;

/** A request that the child has not answered. */
interface AwaitedRequest {
  readonly post: PendingPost;
  /** Its progress token, as JSON text; null when it has none. */
  readonly token: string | null;
  readonly method: string;
  cancelledAt: number | null;
}

/** The requests of one session that the child has not answered, oldest first. */
export class AwaitedRequests {
  readonly #byId = new Map<string, AwaitedRequest>();
  readonly #byToken = new Map<string, PendingPost>();

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  add({ id, token, method }: Extract<StdioMessage, { kind: 'request' }>, post: PendingPost): void {
    this.#byId.set(id, { post, token, method, cancelledAt: null });
    if (token !== null) this.#byToken.set(token, post);
  }

  /** Removes a request, because it has been answered or never will be. Null: it is not awaited. */
  take(id: string): { readonly post: PendingPost; readonly method: string } | null {
    const request = this.#byId.get(id);
    if (request === undefined) return null;
    this.#byId.delete(id);
    if (request.token !== null && this.#byToken.get(request.token) === request.post)
      this.#byToken.delete(request.token);
    return request;
  }

  /** The POST whose request has this progress token; null: there is none. */
  postForToken(token: string): PendingPost | null {
    return this.#byToken.get(token) ?? null;
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

  /** The client cancelled the request at `now` (ms). The child may still answer it, but need not. */
  cancel(id: string, now: number): void {
    const request = this.#byId.get(id);
    if (request !== undefined) request.cancelledAt ??= now;
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
