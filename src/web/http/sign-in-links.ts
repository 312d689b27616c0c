import { randomBytes } from 'node:crypto';
import { sameSecret } from '../../bytes/same-secret.ts';

/** Milliseconds in which a link can be opened. */
export const LINK_MS = 2 * 60_000;
/** Links that are open at a time; one more ends the oldest. */
const MOST_LINKS = 4;

interface OpenLink {
  readonly secret: string;
  /** In ms since 1970; from then on it opens nothing. */
  readonly until: number;
}

/**
 * The secrets of links that sign a browser in once. They are in this process's memory only, 256 random bits each, and are
 * written nowhere: whoever makes one shows it to the person at the terminal.
 */
export class SignInLinks {
  #open: readonly OpenLink[] = [];

  make(now: Date): string {
    const secret = randomBytes(32).toString('base64url');
    this.#open = [...this.#open.slice(1 - MOST_LINKS), { secret, until: now.getTime() + LINK_MS }];
    return secret;
  }

  /** Whether this is the secret of an open link, which it is no longer. Takes as long for a wrong one as for a right one. */
  spend(secret: string, now: Date): boolean {
    const at = now.getTime();
    // All of them are compared, always, so that no time tells which one is nearly right.
    const compared = this.#open.map((link) => ({ link, same: sameSecret(secret, link.secret) }));
    this.#open = compared.flatMap(({ link, same }) => (same || at >= link.until ? [] : [link]));
    return compared.some(({ link, same }) => same && at < link.until && at >= link.until - LINK_MS);
  }
}
