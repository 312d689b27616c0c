import { type Approval, isOver } from '../../domain/approval/approval.ts';
import type { Ports } from '../ports.ts';
import { CardTurns } from './card-turn.ts';

/**
 * Milliseconds that the queue is told later when a caller of this process was woken: that caller's next step is a
 * change too.
 */
const DELAY_MS = 100;
/** Milliseconds that the queue is told later of an end: the caller gets its answer first. */
const END_DELAY_MS = 20;

type AnnouncerPorts = Pick<Ports, 'cards' | 'faultPoint' | 'log' | 'queue'>;

/**
 * Tells everybody who waits for an approval that it changed, and has its card updated. Called after the commit, never
 * before; what must answer soon never waits for it. A queue that does not answer only causes a delay: each replica
 * re-reads its held calls every 2 s, and the sweep posts what is missing.
 *
 * When a caller of this process was woken, the queue is told 100 ms later: the call goes on at once, does not compete
 * with its own card for the processor, and a card that would change twice in that time changes once. Nothing follows an
 * end, so the queue is told of it as soon as the caller has its answer.
 */
export class Announcer {
  readonly #ports: AnnouncerPorts;
  readonly #wakeHere: (approval: Approval) => number;
  readonly #turns = new CardTurns();
  readonly #delayed = new Map<string, { latest: Approval; timer: ReturnType<typeof setTimeout> }>();
  /** Ends that everybody who waits for them knows already. */
  readonly #known = new WeakSet<Approval>();

  /** `wakeHere`: wakes the callers of this process and returns how many there were. */
  constructor(ports: AnnouncerPorts, wakeHere: (approval: Approval) => number) {
    this.#ports = ports;
    this.#wakeHere = wakeHere;
  }

  /**
   * Never throws; what goes to the queue is not awaited. `known`: everybody who waits for this knows it already, so that
   * no replica needs to be told.
   */
  announce(approval: Approval, known = false): void {
    if (known && isOver(approval.state)) this.#known.add(approval);
    const woken = this.#wakeHere(approval);
    const delayed = this.#delayed.get(approval.id);
    const over = isOver(approval.state);
    if (delayed && !over) {
      // Changes may arrive here out of order; an older one must not replace an end.
      if (approval.revision > delayed.latest.revision) delayed.latest = approval;
    } else if (!delayed && woken === 0 && approval.state !== 'dispatched') void this.#notifyQueue(approval);
    else this.#delay(approval, over ? END_DELAY_MS : DELAY_MS);
  }

  /** Tells the queue now of everything that was delayed; used when the process stops. */
  async flush(): Promise<void> {
    const delayed = [...this.#delayed.values()];
    for (const { timer } of delayed) clearTimeout(timer);
    this.#delayed.clear();
    await Promise.all(delayed.map(({ latest }) => this.#notifyQueue(latest)));
  }

  #delay(latest: Approval, ms: number): void {
    clearTimeout(this.#delayed.get(latest.id)?.timer);
    const timer = setTimeout(() => {
      const delayed = this.#delayed.get(latest.id);
      this.#delayed.delete(latest.id);
      if (delayed) void this.#notifyQueue(delayed.latest);
    }, ms);
    this.#delayed.set(latest.id, { latest, timer });
  }

  async #notifyQueue(approval: Approval): Promise<void> {
    const { queue, cards, log, faultPoint } = this.#ports;
    // A pending approval stays parked, and callers of a dispatched one wait for its outcome: neither wakes anybody.
    const wakesNobody = approval.state === 'pending' || approval.state === 'dispatched';
    if (!wakesNobody) faultPoint?.('wake.before');
    try {
      await Promise.all([
        wakesNobody ? undefined : this.#known.has(approval) ? queue.unpark(approval.id) : queue.wake(approval.id),
        cards === null ? undefined : queue.publish(approval.id, { turn: this.#turns.after(approval) }),
      ]);
    } catch (error) {
      log.warn(
        { approval: approval.id, err: error },
        'the queue could not be told of a change; the sweep will catch up',
      );
    }
  }
}
