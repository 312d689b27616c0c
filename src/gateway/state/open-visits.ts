import type { Ending } from '../../ports.ts';

/** What one token keeps open with one server. */
interface OpenTogether {
  /** By what it stays admitted: the SHA-256, in hex, of a grant's token, or what stands for an account. */
  readonly token: string;
  readonly server: string;
  /** How each part is ended. */
  readonly ends: Set<{ readonly end: () => void }>;
}

/**
 * What agents' requests keep open in this process: answers that are not complete, and connections to servers. Whoever
 * opens something says how it is ended, and takes that back once it has ended by itself. So a grant that is revoked,
 * expires or loses a server keeps no stream from before, on either side.
 */
export class OpenVisits {
  readonly #open = new Map<string, OpenTogether>();

  get size(): number {
    let size = 0;
    for (const { ends } of this.#open.values()) size += ends.size;
    return size;
  }

  /** The visit of a request that this token was accepted for. */
  begin(token: string, server: string): Ending {
    return {
      onEnd: (end) => {
        const key = `${token} ${server}`;
        const together = this.#open.get(key) ?? { token, server, ends: new Set() };
        this.#open.set(key, together);
        const part = { end };
        together.ends.add(part);
        return () => {
          together.ends.delete(part);
          if (together.ends.size === 0 && this.#open.get(key) === together) this.#open.delete(key);
        };
      },
    };
  }

  /** Ends everything whose token is no longer accepted for its server. Asks once for each, however much is open. Returns how many parts. */
  endUnless(accepts: (token: string, server: string) => boolean): number {
    const bad = [...this.#open].filter(([, { token, server }]) => !accepts(token, server));
    let ended = 0;
    for (const [key, { ends }] of bad) {
      this.#open.delete(key);
      for (const part of [...ends]) {
        ends.delete(part);
        ended += 1;
        part.end();
      }
    }
    return ended;
  }
}
