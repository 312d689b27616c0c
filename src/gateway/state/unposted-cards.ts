import type { Approval } from '../../domain/approval/approval.ts';
import type { Ports } from '../ports.ts';
import type { Seat } from './seat.ts';
import type { WaitingRoom } from './waiting-room.ts';

/** Milliseconds after which waiting callers are told that their card is not posted. */
const LATE_MS = 60_000;
/** Milliseconds between two checks of the cards of everything that is held here. */
const REFRESH_MS = 10_000;

const LATE =
  'Slack has not taken the question for more than a minute, so nobody may have seen it; it is posted as soon as Slack answers. Meanwhile it can be decided in the console or with `holdfast approvals`.';

const REFUSED =
  'Slack refuses the token of this gateway, so nobody can decide it there until the operator has replaced the token; the cause is at /readyz. Meanwhile it can be decided in the console or with `holdfast approvals`.';

const UNWELCOME =
  'The Slack channel of this question takes no messages, so nobody can see it there until the operator has mended that; it is posted as soon as it can be, and the cause is in the audit log. Meanwhile it can be decided in the console or with `holdfast approvals`.';

type UnpostedPorts = Pick<Ports, 'cards' | 'clock' | 'log' | 'store'>;

/** Knows which of the approvals that callers wait for here have no card in Slack, so nobody can have seen them. */
export class UnpostedCards {
  readonly #ports: UnpostedPorts;
  readonly #waitingRoom: WaitingRoom;
  #late: ReadonlyMap<string, string | null> = new Map();
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(ports: UnpostedPorts, waitingRoom: WaitingRoom) {
    this.#ports = ports;
    this.#waitingRoom = waitingRoom;
  }

  start(): void {
    if (this.#ports.cards !== null) this.#timer ??= setInterval(() => void this.refresh(), REFRESH_MS);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Whether it has had no card for a minute, or its channel takes none, as of the last `refresh`. */
  isLate(approval: Approval): boolean {
    return approval.state === 'pending' && this.#late.has(approval.id);
  }

  /** Slack refuses our token, so waiting for it is no use. */
  tokenRefused(): boolean {
    return this.#ports.cards?.trouble?.()?.kind === 'refused';
  }

  /** One query for all approvals that are waited for here. Never rejects. */
  async refresh(): Promise<void> {
    const { store, clock, log } = this.#ports;
    const ids = this.#waitingRoom.ids();
    try {
      const before = new Date(clock.now().getTime() - LATE_MS);
      this.#late = ids.length === 0 ? new Map() : await store.unposted(ids, before);
    } catch (error) {
      log.warn({ err: error }, 'could not read which cards are posted');
    }
  }

  /**
   * What the agent should now know about the approvers' side: one or two sentences, or null when all is well. Never
   * rejects.
   */
  async noticeFor(seat: Seat, approval: Approval): Promise<string | null> {
    const { store, clock, cards } = this.#ports;
    if (approval.state !== 'pending') return null;
    if (cards === null) return seat.notice;
    if (this.tokenRefused()) return REFUSED;
    const now = clock.now();
    let why: string | null | undefined;
    try {
      why = (await store.unposted([approval.id], now)).get(approval.id);
    } catch {
      return seat.notice;
    }
    if (why === undefined) return null;
    if (why !== null) return UNWELCOME;
    return now.getTime() - approval.createdAt.getTime() >= LATE_MS ? LATE : seat.notice;
  }
}
