import type { Queue } from '../ports.ts';
import { News } from './announce.ts';
import { due } from './due.ts';
import { FullMemory } from './full-memory.ts';
import { Journal } from './journal.ts';
import { Leases } from './leases.ts';
import { publishCard } from './publish-card.ts';
import type { Rules } from './rules.ts';
import type { Setting } from './setting.ts';
import { sweep } from './sweep.ts';
import { WaitingRoom } from './waiting-room.ts';

/** The use cases' common ground: the ports, the rules as they stand, and what this process remembers. */
export interface Gateway {
  readonly setting: Setting;
  readonly rules: Rules;
  readonly journal: Journal;
  readonly room: WaitingRoom;
  readonly full: FullMemory;
  readonly leases: Leases;
}

/** Milliseconds between two looks for events to chain. */
const SEAL_MS = 1_000;
const SEAL_AT_ONCE = 2_000;

/** Binds the use cases to the ports. Nothing runs until `start`. */
export function bindGateway(ports: Omit<Setting, 'news'>, rules: Rules): Gateway {
  const room = new WaitingRoom(ports.store, ports.clock, ports.log, ports.replica);
  return {
    setting: { ...ports, news: new News(ports, (approval) => room.ring(approval)) },
    rules,
    room,
    journal: new Journal(ports.store, ports.log),
    full: new FullMemory(),
    leases: new Leases(ports.store, ports.clock, ports.log, ports.leaseMs),
  };
}

/** Starts the queue's work and the waiting room. Resolves with what stops both; rejects when the queue is out of reach. */
export async function startGateway(gateway: Gateway): Promise<() => Promise<void>> {
  const { setting, rules, room, journal, leases } = gateway;
  setting.queue.onWake((id) => room.wake(id));
  await setting.store.beat(setting.replica);
  room.start();
  await setting.queue.start(handlersOf(gateway));
  const sealer = startSealer(gateway);
  journal.note(lifeEvent(gateway, 'gateway.started'));
  await sweep(setting, rules).catch((error) => setting.log.warn({ err: error }, 'the first sweep failed'));
  return async () => {
    room.stop();
    leases.stop();
    await setting.news.flush();
    journal.note(lifeEvent(gateway, 'gateway.stopped'));
    await journal.close();
    await sealer();
    await setting.store.allAway(setting.replica).catch(() => undefined);
    await setting.queue.close();
  };
}

function handlersOf({ setting, rules }: Gateway): Parameters<Queue['start']>[0] {
  return {
    due: async (id) => void (await due(setting, rules, id)),
    card: (id) => publishCard(setting, id),
    sweep: () => sweep(setting, rules),
  };
}

/** Chains new events within a second of their writing. Returns what stops it and seals what is left. */
function startSealer({ setting }: Gateway): () => Promise<void> {
  let running: Promise<void> | null = null;
  let broken = false;
  const seal = async (): Promise<void> => {
    try {
      while ((await setting.store.seal(SEAL_AT_ONCE)) === SEAL_AT_ONCE);
      broken = false;
    } catch (error) {
      if (!broken) setting.log.error({ err: error }, 'the audit chain could not be continued; trying every second');
      broken = true;
    }
    running = null;
  };
  const timer = setInterval(() => {
    running ??= seal();
  }, SEAL_MS);
  return async () => {
    clearInterval(timer);
    await running;
    await seal();
  };
}

function lifeEvent({ setting }: Gateway, type: 'gateway.started' | 'gateway.stopped') {
  return {
    type,
    at: setting.clock.now(),
    actor: 'holdfast',
    approval: null,
    server: null,
    tool: null,
    grant: null,
    data: { replica: setting.replica },
  };
}
