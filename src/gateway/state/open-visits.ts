import type { Ending } from '../../ports.ts';

/** Something of one grant's request that is still open here, and how it is ended. */
interface OpenPart {
  /** By what it stays admitted: the SHA-256, in hex, of a grant's token, or what stands for an account. */
  readonly token: string;
  readonly server: string;
  readonly end: () => void;
}

/**
 * What agents' requests keep open in this process: answers that are not complete, and connections to servers. Whoever
 * opens something says how it is ended, and takes that back once it has ended by itself. So a grant that is revoked,
 * expires or loses a server keeps no stream from before, on either side.
 */
export class OpenVisits {
  readonly #open = new Set<OpenPart>();

  get size(): number {
    return this.#open.size;
  }

  /** The visit of a request that this token was accepted for. */
  begin(token: string, server: string): Ending {
    return {
      onEnd: (end) => {
        const part = { token, server, end };
        this.#open.add(part);
        return () => void this.#open.delete(part);
      },
    };
  }

  /** Ends everything whose token is no longer accepted for its server. Returns how many parts. */
  endUnless(accepts: (token: string, server: string) => boolean): number {
    const known = new Map<string, boolean>();
    const bad: OpenPart[] = [];
    for (const part of this.#open) {
      const key = `${part.token} ${part.server}`;
      const good = known.get(key) ?? accepts(part.token, part.server);
      known.set(key, good);
      if (!good) bad.push(part);
    }
    for (const part of bad) {
      this.#open.delete(part);
      part.end();
    }
    return bad.length;
  }
}
