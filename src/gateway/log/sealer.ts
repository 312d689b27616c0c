import type { Clock } from '../../ports.ts';
import type { Ports } from '../ports.ts';
import type { AccessLog } from './access-log.ts';
import type { CheckpointSigner } from './checkpoint-signer.ts';
import { CheckpointStandby } from './checkpoint-standby.ts';
import type { MethodLog } from './method-log.ts';

/** Milliseconds between two rounds of chaining. */
const SEAL_MS = 1_000;
/** Events that one statement chains. */
const SEAL_AT_ONCE = 2_000;

type SealerPorts = Pick<
  Ports,
  'clock' | 'ledger' | 'log' | 'queue' | 'replica' | 'sink' | 'store' | 'vault' | 'checkpointCopies'
>;

interface SealerParts extends SealerPorts {
  readonly accessLog: AccessLog;
  readonly methodLog: MethodLog;
  readonly checkpointSigner: CheckpointSigner;
  readonly steady: Clock;
  /** How many events this process has made durable. */
  readonly writtenEvents: { readonly events: number };
}

/** Milliseconds between two looks at the states of all live approvals. */
const LOOK_MS = 5_000;
/** Forged approvals of which each is told at one look. */
const MOST_TOLD = 20;

/**
 * Looks now and then whether every live approval has a state that a gateway gave it: a row that was changed past us wakes
 * nobody. Reading the approval raises the alarm (log/seal-watch.ts).
 */
class ForgedLook {
  #lookedAt = Number.NEGATIVE_INFINITY;

  async look(store: Pick<Ports['store'], 'doubtful' | 'find'>): Promise<void> {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    for (const id of await store.doubtful(MOST_TOLD)) await store.find(id);
  }
}

/**
 * Chains events that were not chained when they were written, within a second, and has them delivered. Returns a
 * function that stops it: that seals and signs what is left, so that a log at rest is covered to its end.
 */
export function startSealer(gateway: SealerParts) {
  const { writtenEvents, checkpointSigner, accessLog, methodLog } = gateway;
  let running: Promise<void> | null = null;
  let failing = false;
  let delivered = 0;
  const standby = new CheckpointStandby();
  const forged = new ForgedLook();
  const sealAll = async (): Promise<number> => {
    for (let sealed = 0; ; ) {
      const { chained } = await gateway.store.seal(SEAL_AT_ONCE);
      sealed += chained;
      if (chained < SEAL_AT_ONCE) return sealed;
    }
  };
  const seal = async (): Promise<void> => {
    try {
      const sealed = await sealAll();
      failing = false;
      const { events } = writtenEvents;
      if (gateway.sink && (sealed > 0 || events > delivered)) await orderDelivery();
      delivered = events;
      await forged.look(gateway.store);
      await standby.check(gateway, () => checkpointSigner.sign(gateway));
    } catch (error) {
      if (!failing) gateway.log.error({ err: error }, 'the audit chain could not be continued; trying every second');
      failing = true;
    }
    running = null;
  };
  /** If the queue does not answer, the next events order the delivery again. */
  const orderDelivery = async (): Promise<void> => {
    await gateway.queue.deliver().catch((error: unknown) => {
      gateway.log.warn({ err: error }, 'the queue did not take the order to deliver events');
    });
  };
  const timer = setInterval(() => {
    accessLog.flush();
    methodLog.flush();
    running ??= seal();
  }, SEAL_MS);
  return async (): Promise<void> => {
    clearInterval(timer);
    await running;
    try {
      await sealAll();
      await checkpointSigner.sign(gateway);
      await sealAll();
    } catch (error) {
      gateway.log.error({ err: error }, 'the last events could not be sealed and signed; the next start does it');
    }
  };
}
