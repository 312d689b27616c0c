import type { Clock } from '../../ports.ts';
import type { Ports } from '../ports.ts';
import type { CheckpointSigner } from './checkpoint-signer.ts';

/** Milliseconds between two checks. */
const CHECK_MS = 10_000;
/** Milliseconds after which the queue's schedule counts as lost: two of its periods. */
const LOST_MS = 60_000;

/**
 * Signs checkpoints while the queue is down, whose schedule normally has them signed: what has waited longer for a
 * signature than the schedule would ever leave it is signed here. Every replica stands by; the first one signs.
 */
export class CheckpointStandby {
  #checkedAt = Number.NEGATIVE_INFINITY;
  /** The last checkpoint when something was first seen to wait for the next one, and when that was, in ms. */
  #waiting: { readonly last: string; readonly since: number } | null = null;

  /** Called often; checks now and then. True when it has signed. Rejects when the store does not answer. */
  async check(
    gateway: Pick<Ports, 'ledger' | 'log'> & { readonly steady: Clock },
    sign: () => ReturnType<CheckpointSigner['sign']>,
  ): Promise<boolean> {
    const now = gateway.steady.now().getTime();
    if (now - this.#checkedAt < CHECK_MS) return false;
    this.#checkedAt = now;
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
