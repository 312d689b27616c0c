import type { Queue } from '../ports.ts';
import { AccessLog } from './access-log.ts';
import { News } from './announce.ts';
import { Notary } from './checkpoint.ts';
import { deliver } from './deliver.ts';
import { due } from './due.ts';
import { Errands } from './errands.ts';
import { FullMemory } from './full-memory.ts';
import { Journal } from './journal.ts';
import { Leases } from './leases.ts';
import { Line } from './line.ts';
import { publishCard } from './publish-card.ts';
import type { Rules } from './rules.ts';
import { startSealer } from './sealer.ts';
import type { Setting } from './setting.ts';
import { stamped } from './stamp.ts';
import { sweep } from './sweep.ts';
import { Unheard } from './unheard.ts';
import { WaitingRoom } from './waiting-room.ts';

/** The use cases' common ground: the ports, the rules as they stand, and what this process remembers. */
export interface Gateway {
  readonly setting: Setting;
  readonly rules: Rules;
  readonly journal: Journal;
  readonly room: WaitingRoom;
  readonly full: FullMemory;
  readonly leases: Leases;
  readonly errands: Errands;
  readonly unheard: Unheard;
  readonly notary: Notary;
  readonly access: AccessLog;
  /** Events that this process has made durable. */
  readonly written: { events: number };
}

/** Binds the use cases to the ports. Nothing runs until `start`. */
export function bindGateway(outside: Omit<Setting, 'news' | 'line'>, rules: Rules): Gateway {
  const { clock, log, replica } = outside;
  const written = { events: 0 };
  const store = stamped(outside.store, replica, (event) => {
    written.events += 1;
    outside.heard?.(event);
  });
  const ports = { ...outside, store };
  const room = new WaitingRoom(store, clock, log, replica);
  const journal = new Journal(store, log);
  const setting = { ...ports, line: new Line(), news: new News(ports, (approval) => room.ring(approval)) };
  return {
    setting,
    rules,
    room,
    journal,
    full: new FullMemory(),
    leases: new Leases(store, clock, log, outside.leaseMs),
    errands: new Errands(log),
    unheard: new Unheard(setting, room),
    notary: new Notary(),
    access: new AccessLog((event) => journal.note(event), clock),
    written,
  };
}

/** Starts the queue's work and the waiting room. Resolves with what stops both; rejects when the queue is out of reach. */
export async function startGateway(gateway: Gateway): Promise<() => Promise<void>> {
  const { setting, rules, room, journal, leases, errands, unheard } = gateway;
  setting.queue.onWake((id) => room.wake(id));
  await setting.store.beat(setting.replica);
  // First what can fail: whoever is refused here must be able to end.
  await setting.queue.start(handlersOf(gateway));
  room.start();
  unheard.start();
  const sealer = startSealer(gateway);
  journal.note(lifeEvent(gateway, 'gateway.started'));
  await sweep(setting, rules).catch((error) => setting.log.warn({ err: error }, 'the first sweep failed'));
  return async () => {
    room.stop();
    unheard.stop();
    leases.stop();
    errands.stop();
    await setting.news.flush();
    gateway.access.settle(true);
    journal.note(lifeEvent(gateway, 'gateway.stopped'));
    await journal.close();
    await sealer();
    await setting.store.allAway(setting.replica).catch(() => undefined);
    await setting.queue.close();
  };
}

function handlersOf(gateway: Gateway): Parameters<Queue['start']>[0] {
  const { setting, rules, notary } = gateway;
  return {
    due: async (id) => void (await due(setting, rules, id)),
    card: (id) => publishCard(gateway, id),
    sweep: () => sweep(setting, rules),
    checkpoint: async () => void (await notary.sign(setting)),
    deliver: async () => (setting.sink ? deliver(setting, setting.sink) : null),
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
    data: { replica: setting.replica, key: setting.vault.publicKeys[0] ?? null },
  };
}
