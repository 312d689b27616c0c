import type { Ports } from '../ports.ts';
import type { CheckpointSigner } from './checkpoint-signer.ts';

/** Milliseconds between two looks. */
const LOOK_MS = 10_000;
/** Milliseconds after which the queue's schedule is not coming: two of its periods. */
const LOST_MS = 60_000;

/**
 * Signs checkpoints while the queue, whose schedule has them signed, is down: what waits for a signature for longer
 * than the schedule would ever leave it is signed here. Every replica stands by; the first of them signs, as ever.
 */
export class CheckpointStandby {
  #looked = Number.NEGATIVE_INFINITY;
  /** The last checkpoint while something first waited for the next one, and when that was, in ms. */
  #waiting: { readonly last: string; readonly since: number } | null = null;

  /** Called often; looks now and then. True when it has signed. Rejects when the store does not answer. */
  async look(
    gateway: Pick<Ports, 'clock' | 'ledger' | 'log'>,
    sign: () => ReturnType<CheckpointSigner['sign']>,
  ): Promise<boolean> {
    const now = gateway.clock.now().getTime();
    if (now - this.#looked < LOOK_MS) return false;
    this.#looked = now;
    const head = await gateway.ledger.unsigned();
    const last = head?.last?.text ?? '';
    if (head === null || this.#waiting === null || this.#waiting.last !== last) {
      this.#waiting = head === null ? null : { last, since: now };
      return false;
    }
    if (now - this.#waiting.since < LOST_MS) return false;
    this.#waiting = null;
    gateway.log.warn({ seq: head.seq }, 'no checkpoint was signed by schedule; the queue may be down. Signing here');
    return (await sign()) !== null;
  }
}
