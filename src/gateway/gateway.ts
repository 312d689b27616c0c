import type { Clock } from '../ports.ts';
import type { ApprovalRemover } from './archive/approval-remover.ts';
import type { LogArchiver } from './archive/log-archiver.ts';
import type { AccessLog } from './log/access-log.ts';
import type { AlarmEvents } from './log/alarm-events.ts';
import type { Alarms } from './log/alarms.ts';
import type { CheckpointSigner } from './log/checkpoint-signer.ts';
import type { Journal } from './log/journal.ts';
import type { MethodLog } from './log/method-log.ts';
import type { SetWatch } from './log/set-watch.ts';
import type { StoreWatch } from './log/store-watch.ts';
import type { Ports } from './ports.ts';
import type { Rules } from './rules.ts';
import type { Announcer } from './state/announcer.ts';
import type { CallMemory } from './state/call-memory.ts';
import type { CardGate } from './state/card-gate.ts';
import type { ClockWatch } from './state/clock-watch.ts';
import type { Describing } from './state/describing.ts';
import type { FullLimits } from './state/full-limits.ts';
import type { GuessThrottle } from './state/guess-throttle.ts';
import type { InlineDispatch } from './state/inline-dispatch.ts';
import type { KnownFreezes } from './state/known-freezes.ts';
import type { KnownInAdvance } from './state/known-in-advance.ts';
import type { LateSessions } from './state/late-sessions.ts';
import type { Leases } from './state/leases.ts';
import type { LongResults } from './state/long-results.ts';
import type { ParkedCalls } from './state/parked-calls.ts';
import type { Quota } from './state/quota.ts';
import type { RetryQueue } from './state/retry-queue.ts';
import type { SampleKeeper } from './state/sample-keeper.ts';
import type { UncheckedPasses } from './state/unchecked-passes.ts';
import type { UnpostedCards } from './state/unposted-cards.ts';
import type { UnqueuedWork } from './state/unqueued-work.ts';
import type { WaitingRoom } from './state/waiting-room.ts';
import type { WatchBoard } from './state/watch-board.ts';

/**
 * One process's gateway: its ports, its current rules, and what it remembers. A use case takes only the members that
 * its signature names (`Pick<Gateway, …>`), so the signature shows what it may touch.
 */
export interface Gateway extends Ports {
  readonly rules: Rules;
  readonly steady: Clock;
  /** While one stands, nothing gated runs. */
  readonly alarms: Alarms;
  readonly alarmEvents: AlarmEvents;
  /** Announces changes of approvals to waiting callers, the queue and the cards. */
  readonly announcer: Announcer;
  /** Callers of this process that take their pass in the transaction of the decision that gives it. */
  readonly inline: InlineDispatch;
  readonly journal: Journal;
  readonly waitingRoom: WaitingRoom;
  /** Calls that some policy asks for later. */
  readonly callMemory: CallMemory;
  /** Keeps samples of plainly allowed calls. */
  readonly sampleKeeper: SampleKeeper;
  /** What is only watched, and since when. */
  readonly watchBoard: WatchBoard;
  readonly knownFreezes: KnownFreezes;
  readonly knownInAdvance: KnownInAdvance;
  readonly fullLimits: FullLimits;
  /** What this process has taken of wide limits in advance. */
  readonly quota: Quota;
  readonly leases: Leases;
  readonly parkedCalls: ParkedCalls;
  /** What servers handed out with the answers to held calls. */
  readonly lateSessions: LateSessions;
  readonly longResults: LongResults;
  readonly retries: RetryQueue;
  readonly uncheckedPasses: UncheckedPasses;
  readonly unposted: UnpostedCards;
  /** Work of the queue that is done here while the queue stands still. */
  readonly unqueued: UnqueuedWork;
  readonly cardGate: CardGate;
  /** Calls of which is being found out what their cards say besides. */
  readonly describing: Describing;
  readonly clockWatch: ClockWatch;
  readonly checkpointSigner: CheckpointSigner;
  /** Moves what is old out of the database. */
  readonly logArchiver: LogArchiver;
  readonly approvalRemover: ApprovalRemover;
  /** Compares the store with what is remembered outside it. */
  readonly storeWatch: StoreWatch;
  readonly sets: SetWatch;
  readonly accessLog: AccessLog;
  /** Wrong credentials of reviewers, at the console, the API and the metrics together. */
  readonly reviewerGuesses: GuessThrottle;
  /** Wrong tokens of agents. */
  readonly agentGuesses: GuessThrottle;
  readonly methodLog: MethodLog;
  /** How many events this process has made durable. */
  readonly writtenEvents: { events: number };
}
