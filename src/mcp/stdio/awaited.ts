import type { Message } from './message.ts';
import type { Post } from './post.ts';

/** How long a cancelled request may stay unanswered, in ms. The specification lets a server drop it silently. */
const CANCELLED_MS = 30_000;

/** A request that the child has not answered. */
interface AwaitedRequest {
  readonly post: Post;
  readonly token: string | null;
  readonly method: string;
  cancelledAt: number | null;
}

/** The requests of one session that the child has not answered, oldest first. */
export class AwaitedRequests {
  readonly #asked = new Map<string, AwaitedRequest>();
  readonly #byToken = new Map<string, Post>();

  has(id: string): boolean {
    return this.#asked.has(id);
  }

  add({ id, token, method }: Extract<Message, { kind: 'request' }>, post: Post): void {
    this.#asked.set(id, { post, token, method, cancelledAt: null });
    if (token !== null) this.#byToken.set(token, post);
  }

  /** Takes a request out: it is answered, or never will be. */
  take(id: string): { readonly post: Post; readonly method: string } | null {
    const asked = this.#asked.get(id);
    if (asked === undefined) return null;
    this.#asked.delete(id);
    if (asked.token !== null && this.#byToken.get(asked.token) === asked.post) this.#byToken.delete(asked.token);
    return asked;
  }

  /** Whose progress this is. */
  withToken(token: string): Post | null {
    return this.#byToken.get(token) ?? null;
  }

  /** Sends a message along with the oldest POST that can take it. False: none can. */
  offer(line: Uint8Array): boolean {
    return [...this.#asked.values()].some(({ post }) => post.offer(line));
  }

  /** The client cancelled it; the child may still answer, but need not. */
  cancel(id: string, now: number): void {
    const asked = this.#asked.get(id);
    if (asked !== undefined) asked.cancelledAt ??= now;
  }

  /** A client still waits for one of them. */
  wanted(): boolean {
    return [...this.#asked.values()].some(({ post, cancelledAt }) => !post.over && cancelledAt === null);
  }

  /** Lets go of cancelled requests that the child did not answer in time. */
  prune(now: number): void {
    for (const [id, { post, cancelledAt }] of this.#asked) {
      if (cancelledAt === null || now - cancelledAt < CANCELLED_MS) continue;
      this.take(id);
      post.settle({ kind: 'lost', why: 'the request was cancelled, and the server did not answer it' });
    }
  }

  /** The child is gone: none of them will be answered. */
  lose(why: string): void {
    const posts = [...this.#asked.values()].map(({ post }) => post);
    this.#asked.clear();
    this.#byToken.clear();
    for (const post of posts) post.settle({ kind: 'lost', why });
  }
}
