import type { AccessLog } from './log/access-log.ts';
import type { CheckpointSigner } from './log/checkpoint-signer.ts';
import type { Journal } from './log/journal.ts';
import type { Ports } from './ports.ts';
import type { Rules } from './rules.ts';
import type { Announcer } from './state/announcer.ts';
import type { FullLimits } from './state/full-limits.ts';
import type { InlineDispatch } from './state/inline-dispatch.ts';
import type { Leases } from './state/leases.ts';
import type { RetryQueue } from './state/retry-queue.ts';
import type { UnpostedCards } from './state/unposted-cards.ts';
import type { WaitingRoom } from './state/waiting-room.ts';

/**
 * One process's gateway: its ports, the rules as they stand, and what it remembers. A use case takes of it what its
 * signature names (`Pick<Gateway, …>`), so that what a line may touch can be read there.
 */
export interface Gateway extends Ports {
  readonly rules: Rules;
  /** Where changes of approvals are announced. */
  readonly announcer: Announcer;
  /** Callers who wait here for a pass. */
  readonly inline: InlineDispatch;
  readonly journal: Journal;
  readonly waitingRoom: WaitingRoom;
  readonly fullLimits: FullLimits;
  readonly leases: Leases;
  readonly retries: RetryQueue;
  readonly unposted: UnpostedCards;
  readonly checkpointSigner: CheckpointSigner;
  readonly accessLog: AccessLog;
  /** Events that this process has made durable. */
  readonly writtenEvents: { events: number };
}
