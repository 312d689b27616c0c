import { type Approval, isOver } from '../../domain/approval/approval.ts';
import type { Ports } from '../ports.ts';

/** Milliseconds that news wait when a caller of this process heard them first: its own next step is news as well. */
const MOMENT_MS = 100;
/** Milliseconds that the last news of all wait: the caller has its answer first. */
const LAST_MS = 20;

type AnnouncerPorts = Pick<Ports, 'at' | 'cards' | 'log' | 'queue'>;

/**
 * Tells everybody who waits for an approval that it changed, and has its card rewritten. Told after the commit, never
 * before, and never awaited by what must answer soon. A queue that does not answer costs time, not truth: each replica
 * re-reads its held calls every 2 s, and the sweep posts what is missing.
 *
 * When a caller of this process was woken, the queue hears of it a moment later: the call goes on at once, does not
 * share the processor with its own card, and a card that would change twice within the moment changes once. After an end
 * nothing follows, so it is told as soon as the caller was answered.
 */
export class Announcer {
  readonly #ports: AnnouncerPorts;
  readonly #ring: (approval: Approval) => number;
  readonly #waiting = new Map<string, { latest: Approval; timer: ReturnType<typeof setTimeout> }>();

  constructor(ports: AnnouncerPorts, ring: (approval: Approval) => number) {
    this.#ports = ports;
    this.#ring = ring;
  }

  tell(approval: Approval): void {
    const heard = this.#ring(approval);
    const waiting = this.#waiting.get(approval.id);
    const last = isOver(approval.state);
    if (waiting && !last) {
      // News may overtake each other on their way here: an end stays one.
      if (approval.revision > waiting.latest.revision) waiting.latest = approval;
    } else if (!waiting && heard === 0 && approval.state !== 'dispatched') void this.#spread(approval);
    else this.#wait(approval, last ? LAST_MS : MOMENT_MS);
  }

  /** Everything that waits goes out now; used when the process stops. */
  async flush(): Promise<void> {
    const all = [...this.#waiting.values()];
    for (const { timer } of all) clearTimeout(timer);
    this.#waiting.clear();
    await Promise.all(all.map(({ latest }) => this.#spread(latest)));
  }

  #wait(latest: Approval, ms: number): void {
    clearTimeout(this.#waiting.get(latest.id)?.timer);
    const timer = setTimeout(() => {
      const waiting = this.#waiting.get(latest.id);
      this.#waiting.delete(latest.id);
      if (waiting) void this.#spread(waiting.latest);
    }, ms);
    this.#waiting.set(latest.id, { latest, timer });
  }

  async #spread(approval: Approval): Promise<void> {
    const { queue, cards, log, at } = this.#ports;
    // A pending one stays parked; a dispatched one has nothing to say before its outcome.
    if (approval.state !== 'pending' && approval.state !== 'dispatched') at?.('wake.before');
    const silent = approval.state === 'pending' || approval.state === 'dispatched';
    try {
      await Promise.all([
        silent ? undefined : queue.wake(approval.id),
        cards === null ? undefined : queue.publish(approval.id),
      ]);
    } catch (error) {
      log.warn({ approval: approval.id, err: error }, 'the queue did not take the news; the sweep will');
    }
  }
}
