import { type Approval, endedUnsent } from '../../domain/approval/approval.ts';

/**
 * In which order cards are brought up to date: the lowest turn first, whatever came first. A fresh card's turn is how
 * many its grant has opened in the last minute, so that grants take turns: a grant's first card overtakes another's
 * flood. What a person did comes first of all; who waits, and cards that ended by themselves, give way to fresh cards.
 */
export const CARD_TURN = { decided: 1, joined: 1_000, ended: 2_000 } as const;

/** A card that waits behind more than these is not told from others. The queue's own limit is 2,097,152. */
const LAST_TURN = 2_000_000;
/** Milliseconds for which a grant's ended cards are counted. */
const WINDOW_MS = 60_000;

/**
 * The turns of cards whose approvals changed. Counts per process and minute: with several replicas a grant's ended
 * cards may share a turn, which only makes their order among themselves less even.
 */
export class CardTurns {
  #ended = new Map<string, number>();
  #since = performance.now();

  after({ state, grant, decisions }: Pick<Approval, 'decisions' | 'grant' | 'state'>): number {
    if (decisions.length > 0 || (state !== 'pending' && !endedUnsent(state))) return CARD_TURN.decided;
    if (state === 'pending') return CARD_TURN.joined;
    const now = performance.now();
    if (now - this.#since >= WINDOW_MS) {
      this.#ended = new Map();
      this.#since = now;
    }
    const nth = (this.#ended.get(grant) ?? 0) + 1;
    this.#ended.set(grant, nth);
    return Math.min(LAST_TURN, CARD_TURN.ended + nth);
  }
}
