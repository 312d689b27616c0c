import type { Approval } from '../../domain/approval/approval.ts';
import type { Ports } from '../ports.ts';
import type { Seat } from './seat.ts';
import type { WaitingRoom } from './waiting-room.ts';

/** Milliseconds after which a card that is not posted is told to whoever waits for it. */
const LATE_MS = 60_000;
/** Milliseconds between two looks at the cards of everything that is held here. */
const LOOK_MS = 10_000;

const LATE =
  'Slack has not taken the question for more than a minute, so nobody may have seen it; it is posted as soon as Slack answers. Meanwhile it can be decided in the console or with `holdfast approvals`.';

const REFUSED =
  'Slack refuses the token of this gateway, so nobody can decide it there until the operator has replaced the token; the cause is at /readyz. Meanwhile it can be decided in the console or with `holdfast approvals`.';

type UnpostedPorts = Pick<Ports, 'cards' | 'clock' | 'log' | 'store'>;

/** Knows which of the approvals that are waited for here nobody can have seen in Slack. One query for all of them. */
export class UnpostedCards {
  readonly #ports: UnpostedPorts;
  readonly #room: WaitingRoom;
  #late: ReadonlySet<string> = new Set();
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(ports: UnpostedPorts, room: WaitingRoom) {
    this.#ports = ports;
    this.#room = room;
  }

  start(): void {
    if (this.#ports.cards !== null) this.#timer ??= setInterval(() => void this.look(), LOOK_MS);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** As of the last look. */
  isLate(approval: Approval): boolean {
    return approval.state === 'pending' && this.#late.has(approval.id);
  }

  /** Slack does not take our token: nothing will come of waiting for it. */
  refused(): boolean {
    return this.#ports.cards?.trouble?.()?.kind === 'refused';
  }

  async look(): Promise<void> {
    const { store, clock, log } = this.#ports;
    const ids = this.#room.ids();
    try {
      const before = new Date(clock.now().getTime() - LATE_MS);
      this.#late = new Set(ids.length === 0 ? [] : await store.unposted(ids, before));
    } catch (error) {
      log.warn({ err: error }, 'whether the cards are posted could not be read');
    }
  }

  /** What the agent should know of the people's side, as of now: one or two sentences, or null when all is well. */
  async tell(seat: Seat, approval: Approval): Promise<string | null> {
    const { store, clock, cards } = this.#ports;
    if (approval.state !== 'pending') return null;
    if (cards === null) return seat.notice;
    if (this.refused()) return REFUSED;
    const now = clock.now();
    try {
      if ((await store.unposted([approval.id], now)).length === 0) return null;
    } catch {
      return seat.notice;
    }
    return now.getTime() - approval.createdAt.getTime() >= LATE_MS ? LATE : seat.notice;
  }
}
