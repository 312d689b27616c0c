import type { Ports } from '../ports.ts';
import type { AccessLog } from './access-log.ts';
import type { CheckpointSigner } from './checkpoint-signer.ts';
import { CheckpointStandby } from './checkpoint-standby.ts';

/** Milliseconds between two looks for events to chain. */
const SEAL_MS = 1_000;
const SEAL_AT_ONCE = 2_000;

type SealerPorts = Pick<
  Ports,
  'clock' | 'ledger' | 'log' | 'queue' | 'replica' | 'sink' | 'store' | 'vault' | 'witnesses'
>;

interface SealerParts extends SealerPorts {
  readonly accessLog: AccessLog;
  readonly checkpointSigner: CheckpointSigner;
  /** Events that this process has made durable. */
  readonly writtenEvents: { readonly events: number };
}

/**
 * Chains, within a second of their writing, events that were not chained as they were written, and has them handed
 * on. Returns what stops it: it seals what is left and vouches for it, so that a log at rest is covered to its end.
 */
export function startSealer(gateway: SealerParts) {
  const { writtenEvents, checkpointSigner, accessLog } = gateway;
  let running: Promise<void> | null = null;
  let broken = false;
  let handedOn = 0;
  const standby = new CheckpointStandby();
  const sealAll = async (): Promise<number> => {
    for (let sealed = 0; ; ) {
      const some = await gateway.store.seal(SEAL_AT_ONCE);
      sealed += some;
      if (some < SEAL_AT_ONCE) return sealed;
    }
  };
  const seal = async (): Promise<void> => {
    try {
      const sealed = await sealAll();
      broken = false;
      const { events } = writtenEvents;
      if (gateway.sink && (sealed > 0 || events > handedOn)) await handOn();
      handedOn = events;
      await standby.look(gateway, () => checkpointSigner.sign(gateway));
    } catch (error) {
      if (!broken) gateway.log.error({ err: error }, 'the audit chain could not be continued; trying every second');
      broken = true;
    }
    running = null;
  };
  /** A queue that does not answer hears it with the next events. */
  const handOn = async (): Promise<void> => {
    await gateway.queue.deliver().catch((error: unknown) => {
      gateway.log.warn({ err: error }, 'the queue did not take the order to hand events on');
    });
  };
  const timer = setInterval(() => {
    accessLog.settle();
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
