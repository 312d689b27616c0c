import { NO_SUBJECT } from '../../domain/log/event.ts';
import type { ChannelLine } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';

/** Milliseconds within which the channel is told once, and reads are one event. */
const QUIET_MS = 10 * 60_000;
const NOTICE = 'the admin token was used';

/**
 * Tells of uses of the admin token where people sign in as themselves: an event for each sign-in and each change, one in ten
 * minutes for reads, and a line in the channel at most once in ten minutes over all replicas.
 */
export class BreakGlass {
  readonly #gateway: Pick<Gateway, 'cards' | 'clock' | 'journal' | 'log' | 'store'>;
  /** When reads were told of last, in ms. */
  #toldAt: number | null = null;

  constructor(gateway: Pick<Gateway, 'cards' | 'clock' | 'journal' | 'log' | 'store'>) {
    this.#gateway = gateway;
  }

  /** `what`: the request, such as `POST /api/freeze`. Never rejects, and nobody waits for Slack. */
  used(door: ChannelLine['door'], what: string, from: string | null): void {
    const { clock, journal } = this.#gateway;
    const at = clock.now();
    const now = at.getTime();
    const isRead = /^(GET|HEAD) /.test(what);
    const isTold = this.#toldAt !== null && now >= this.#toldAt && now - this.#toldAt < QUIET_MS;
    if (isRead && isTold) return;
    this.#toldAt = now;
    journal.note({ ...NO_SUBJECT, type: 'admin.break_glass', at, actor: 'admin', data: { door, what, from } });
    void this.#tell({ kind: 'break_glass', door, from, at });
  }

  async #tell(line: ChannelLine): Promise<void> {
    const { cards, store, log } = this.#gateway;
    if (!cards?.tell) return;
    try {
      if (!(await store.claimNotice(NOTICE, QUIET_MS))) return;
      const delivery = await cards.tell(line);
      if (delivery.kind === 'shown') return;
      log.warn({ why: delivery.why }, 'the channel was not told that the admin token was used');
      if (delivery.kind === 'later' && !delivery.ambiguous) await store.releaseNotice(NOTICE);
    } catch (error) {
      log.warn({ err: error }, 'the channel was not told that the admin token was used');
    }
  }
}
