import type { Approval } from '../../domain/approval/approval.ts';
import type { Clock } from '../../ports.ts';

/** Passes remembered; of more, the oldest are forgotten. */
const MOST = 1_000;

/**
 * Passes that this process did not spend because nobody could say whether their approvers still may approve, for
 * `/readyz`. One is remembered until it was checked, or until it has lapsed by itself.
 */
export class UncheckedPasses {
  readonly #clock: Clock;
  readonly #held = new Map<string, { readonly why: string; readonly until: Date | null }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note({ id, pickupUntil }: Pick<Approval, 'id' | 'pickupUntil'>, why: string): void {
    this.#held.delete(id);
    this.#held.set(id, { why, until: pickupUntil });
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= MOST) break;
      this.#held.delete(oldest);
    }
  }

  forget(id: string): void {
    this.#held.delete(id);
  }

  /** What keeps them, in words; null: there are none. */
  get why(): string | null {
    const now = this.#clock.now();
    for (const [id, { until }] of this.#held) if (until !== null && until <= now) this.#held.delete(id);
    const reasons = new Set([...this.#held.values()].map(({ why }) => why));
    if (reasons.size === 0) return null;
    return `${this.#held.size} approved and not run, because it cannot be checked whether their approvers still may approve: ${[...reasons].join('; ')}`;
  }
}
