import type { NewEvent } from '../domain/log/event.ts';
import type { Epoch, Queue } from '../ports.ts';
import { ApprovalRemover } from './archive/approval-remover.ts';
import { LogArchiver } from './archive/log-archiver.ts';
import { due } from './decision/due.ts';
import type { Gateway } from './gateway.ts';
import { AccessLog } from './log/access-log.ts';
import { AlarmEvents } from './log/alarm-events.ts';
import { Alarms } from './log/alarms.ts';
import { CheckpointSigner } from './log/checkpoint-signer.ts';
import { deliver } from './log/deliver.ts';
import { meteredErasures, meteredFreezes, meteredInAdvance, meteredStore } from './log/event-metering.ts';
import { Journal } from './log/journal.ts';
import { MethodLog } from './log/method-log.ts';
import { watchedStore } from './log/seal-watch.ts';
import { startSealer } from './log/sealer.ts';
import { SetWatch } from './log/set-watch.ts';
import { StoreWatch } from './log/store-watch.ts';
import { suspicious } from './log/suspicious.ts';
import { watchedWrites } from './log/swallowed.ts';
import { WitnessBoard } from './log/witness-board.ts';
import { witnessedStore } from './log/witnessed-store.ts';
import type { Ports } from './ports.ts';
import { publishCard } from './publish-card.ts';
import type { Rules } from './rules.ts';
import { Announcer } from './state/announcer.ts';
import { CallMemory } from './state/call-memory.ts';
import { CardGate } from './state/card-gate.ts';
import { ClockWatch } from './state/clock-watch.ts';
import { Describing } from './state/describing.ts';
import { FullLimits } from './state/full-limits.ts';
import { AGENT_GUESSES, GuessThrottle, REVIEWER_GUESSES } from './state/guess-throttle.ts';
import { InlineDispatch } from './state/inline-dispatch.ts';
import { KnownFreezes } from './state/known-freezes.ts';
import { KnownInAdvance } from './state/known-in-advance.ts';
import { LateSessions } from './state/late-sessions.ts';
import { Leases } from './state/leases.ts';
import { LongResults } from './state/long-results.ts';
import { ParkedCalls } from './state/parked-calls.ts';
import { Quota } from './state/quota.ts';
import { RetryQueue } from './state/retry-queue.ts';
import { roomyStore } from './state/roomy-store.ts';
import { SampleKeeper } from './state/sample-keeper.ts';
import { UncheckedPasses } from './state/unchecked-passes.ts';
import { UnpostedCards } from './state/unposted-cards.ts';
import { UnqueuedWork } from './state/unqueued-work.ts';
import { WaitingRoom } from './state/waiting-room.ts';
import { WatchBoard } from './state/watch-board.ts';
import { sweep } from './sweep.ts';
import { Sweeper } from './sweeper.ts';

/** Characters of a row by which operators find it. */
const LONGEST_ROW_NAME = 80;

/** Binds the use cases to the ports. `sets`: what was read of sets before. Nothing runs until `startGateway`. */
export function bindGateway(ports: Ports, rules: Rules, sets = new SetWatch(), alarms = new Alarms()): Gateway {
  const { clock, log, replica } = ports;
  const outside = watchedPorts(ports, alarms);
  const writtenEvents = { events: 0 };
  const quota = new Quota(outside.store, replica, log);
  const store = meteredStore(roomyStore(outside.store, quota), replica, (event) => {
    writtenEvents.events += 1;
    outside.eventMeter?.(event);
  });
  const freezes = meteredFreezes(outside.freezes, replica, (event) => {
    writtenEvents.events += 1;
    outside.eventMeter?.(event);
  });
  const meter = (event: NewEvent): void => {
    writtenEvents.events += 1;
    outside.eventMeter?.(event);
  };
  const allowances = meteredInAdvance(outside.allowances, replica, meter);
  const denials = meteredInAdvance(outside.denials, replica, meter);
  const erasures = meteredErasures(outside.erasures, replica, meter);
  const alarmEvents = new AlarmEvents({ store, clock, log });
  const storeWatch = new StoreWatch({
    ...{ store, ledger: outside.ledger, clock, log, alarms, alarmEvents, sets },
    board: new WitnessBoard(outside.witnesses ?? [], log),
    place: outside.place ?? 'nowhere',
    lastCopy: outside.lastCopy ?? (() => Promise.resolve(null)),
    pickupMs: () => rules.approval.pickupMs,
  });
  const witnessed = witnessedStore({
    store: suspicious(store, () => storeWatch.suspect()),
    tasks: outside.tasks,
    watch: storeWatch,
    clock,
    pickupMs: () => rules.approval.pickupMs,
  });
  const watched: Ports = {
    ...outside,
    freezes,
    allowances,
    denials,
    erasures,
    store: watchedStore({
      ...{ store: witnessed.store, queue: outside.queue, clock, log, alarms, alarmEvents, watch: storeWatch },
    }),
    tasks: witnessed.tasks,
  };
  const steady = outside.steady ?? clock;
  const waitingRoom = new WaitingRoom(watched.store, { clock, steady }, log, replica);
  const journal = new Journal(store, log);
  return {
    ...watched,
    steady,
    rules,
    alarms,
    alarmEvents,
    announcer: new Announcer(watched, (approval) => waitingRoom.wakeHere(approval)),
    inline: new InlineDispatch(),
    journal,
    waitingRoom,
    watchBoard: new WatchBoard(),
    callMemory: new CallMemory(outside.memories, rules, { clock, log }, (row, why) =>
      sets.foreign('memories', row.slice(0, LONGEST_ROW_NAME), why),
    ),
    sampleKeeper: new SampleKeeper(outside.samples, rules, { clock, log, vault: outside.vault }),
    knownFreezes: new KnownFreezes(freezes, log),
    knownInAdvance: new KnownInAdvance(allowances, denials, log),
    fullLimits: new FullLimits(),
    quota,
    leases: new Leases(watched.store, clock, log, outside.leaseMs),
    parkedCalls: new ParkedCalls(),
    lateSessions: new LateSessions(),
    longResults: new LongResults(),
    retries: new RetryQueue(log),
    uncheckedPasses: new UncheckedPasses(clock),
    unposted: new UnpostedCards(watched, waitingRoom),
    unqueued: new UnqueuedWork(log),
    cardGate: new CardGate(),
    describing: new Describing(),
    clockWatch: new ClockWatch(clock, log),
    checkpointSigner: new CheckpointSigner(alarms, alarmEvents),
    logArchiver: new LogArchiver(),
    approvalRemover: new ApprovalRemover(),
    storeWatch,
    sets,
    accessLog: new AccessLog((event) => journal.note(event), clock),
    reviewerGuesses: new GuessThrottle(steady, REVIEWER_GUESSES),
    agentGuesses: new GuessThrottle(steady, AGENT_GUESSES),
    methodLog: new MethodLog((event) => journal.note(event), clock),
    writtenEvents,
  };
}

/** The database's adapters; whatever it does not take raises an alarm. */
function watchedPorts(ports: Ports, alarms: Alarms): Ports {
  const parts = { alarms, clock: ports.clock, log: ports.log };
  return {
    ...ports,
    store: watchedWrites(ports.store, parts),
    tasks: watchedWrites(ports.tasks, parts),
    freezes: watchedWrites(ports.freezes, parts),
    allowances: watchedWrites(ports.allowances, parts),
    erasures: watchedWrites(ports.erasures, parts),
    denials: watchedWrites(ports.denials, parts),
    memories: watchedWrites(ports.memories, parts),
    snoozes: watchedWrites(ports.snoozes, parts),
    oversight: watchedWrites(ports.oversight, parts),
    samples: watchedWrites(ports.samples, parts),
    ledger: watchedWrites(ports.ledger, parts),
  };
}

/**
 * Starts the queue's work and the waiting room. `epoch`: since when rows are sealed; null: its record is forged. Resolves with a function that stops both; rejects when the queue is out
 * of reach.
 */
export async function startGateway(
  gateway: Pick<
    Gateway,
    | 'accessLog'
    | 'alarms'
    | 'allowances'
    | 'announcer'
    | 'approvalRemover'
    | 'callMemory'
    | 'cardGate'
    | 'cards'
    | 'checkpointSigner'
    | 'clock'
    | 'clockWatch'
    | 'describing'
    | 'erasures'
    | 'faultPoint'
    | 'inline'
    | 'leases'
    | 'journal'
    | 'knownFreezes'
    | 'knownInAdvance'
    | 'leases'
    | 'ledger'
    | 'log'
    | 'logArchiver'
    | 'methodLog'
    | 'openArchive'
    | 'oversight'
    | 'queue'
    | 'quota'
    | 'replica'
    | 'retries'
    | 'rules'
    | 'sampleKeeper'
    | 'sink'
    | 'snoozes'
    | 'steady'
    | 'store'
    | 'storeWatch'
    | 'unposted'
    | 'unqueued'
    | 'vault'
    | 'waitingRoom'
    | 'checkpointCopies'
    | 'writtenEvents'
  >,
  epoch: Epoch | null,
): Promise<() => Promise<void>> {
  const { waitingRoom, journal, leases, retries, unposted, storeWatch } = gateway;
  gateway.queue.onWake((id) => waitingRoom.wake(id));
  if (epoch !== null) gateway.checkpointSigner.sealedSince(epoch);
  await gateway.checkpointSigner.changeKey(gateway);
  storeWatch.onChange({
    older: (ids) => {
      for (const id of ids) {
        waitingRoom.alarm(id);
        gateway.queue.publish(id, { turn: 1 }).catch(() => undefined);
      }
    },
    accepted: (acceptance) => gateway.checkpointSigner.accepted(acceptance),
  });
  await storeWatch.start(epoch);
  await gateway.store.beat(gateway.replica);
  // Before any timer is started: when this fails, nothing may keep the process from exiting.
  const sweeper = new Sweeper(gateway);
  await gateway.queue.start(handlersOf(gateway, sweeper)).catch(async (error: unknown) => {
    await storeWatch.stop();
    throw error;
  });
  gateway.clockWatch.start();
  waitingRoom.start();
  unposted.start();
  sweeper.start();
  const stopSealer = startSealer(gateway);
  journal.note(lifeEvent(gateway, 'gateway.started'));
  await sweep(gateway).catch((error) => gateway.log.warn({ err: error }, 'the first sweep failed'));
  return async () => {
    gateway.clockWatch.stop();
    waitingRoom.stop();
    unposted.stop();
    gateway.logArchiver.stop();
    await sweeper.stop();
    leases.stop();
    retries.stop();
    await gateway.describing.drained();
    await gateway.announcer.flush();
    await gateway.quota.stop();
    gateway.accessLog.flush(true);
    gateway.methodLog.flush(true);
    journal.note(lifeEvent(gateway, 'gateway.stopped'));
    await journal.close();
    await gateway.sampleKeeper.close();
    await stopSealer();
    await storeWatch.stop();
    await gateway.store.allAway(gateway.replica).catch(() => undefined);
    await gateway.queue.close();
  };
}

function handlersOf(
  gateway: Pick<
    Gateway,
    | 'allowances'
    | 'announcer'
    | 'callMemory'
    | 'cardGate'
    | 'cards'
    | 'checkpointSigner'
    | 'clock'
    | 'describing'
    | 'faultPoint'
    | 'inline'
    | 'knownFreezes'
    | 'leases'
    | 'ledger'
    | 'log'
    | 'queue'
    | 'replica'
    | 'retries'
    | 'rules'
    | 'sampleKeeper'
    | 'sink'
    | 'store'
    | 'vault'
    | 'checkpointCopies'
  >,
  sweeper: Sweeper,
): Parameters<Queue['start']>[0] {
  const { checkpointSigner, sink } = gateway;
  return {
    due: async (id) => {
      const approval = await due(gateway, id);
      if (approval?.state !== 'pending') return null;
      const leftMs = approval.expiresAt.getTime() - gateway.clock.now().getTime();
      // What is late and did not end is forged: trying again at once would never end.
      return leftMs > 0 ? leftMs : null;
    },
    card: (id, turn) => publishCard(gateway, id, turn),
    sweep: () => sweeper.run(),
    checkpoint: async () => void (await checkpointSigner.sign(gateway)),
    deliver: async () => (sink ? deliver(gateway, sink) : null),
  };
}

function lifeEvent(
  { clock, replica, vault }: Pick<Gateway, 'clock' | 'replica' | 'vault'>,
  type: 'gateway.started' | 'gateway.stopped',
): NewEvent {
  return {
    type,
    at: clock.now(),
    actor: 'holdfast',
    approval: null,
    server: null,
    tool: null,
    grant: null,
    data: { replica, key: vault.publicKeys[0] ?? null },
  };
}
