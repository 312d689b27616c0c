import { randomBytes } from 'node:crypto';
import type { Handlers, Queue } from '../../../src/ports.ts';

/** One replica's queue, and what it has called so far. */
export interface QueueReplica {
  readonly queue: Queue;
  readonly woken: string[];
  readonly due: string[];
  readonly sweeps: number[];
  readonly checkpoints: number[];
  readonly deliveries: number[];
  /** When each run of a card job began, and for which approval. */
  readonly cards: { readonly id: string; readonly at: number }[];
}

/** What an approval's card job does, or its parked job; one without a script is done at once. */
export type CardScripts = Map<string, (run: number) => Promise<number | null>>;

export function newId(): string {
  return `ap_${randomBytes(8).toString('hex')}`;
}

export async function startReplica(
  queue: Queue,
  scripts: CardScripts = new Map(),
  delivery: () => Promise<number | null> = async () => null,
): Promise<QueueReplica> {
  const replica: QueueReplica = { queue, woken: [], due: [], sweeps: [], checkpoints: [], deliveries: [], cards: [] };
  const handlers: Handlers = {
    due: async (id) => {
      replica.due.push(id);
      return (await scripts.get(id)?.(replica.due.filter((due) => due === id).length)) ?? null;
    },
    card: async (id) => {
      replica.cards.push({ id, at: performance.now() });
      return (await scripts.get(id)?.(replica.cards.filter((card) => card.id === id).length)) ?? null;
    },
    sweep: async () => void replica.sweeps.push(performance.now()),
    checkpoint: async () => void replica.checkpoints.push(performance.now()),
    deliver: async () => {
      replica.deliveries.push(performance.now());
      return delivery();
    },
  };
  queue.onWake((id) => replica.woken.push(id));
  await queue.start(handlers);
  return replica;
}

export function inMs(ms: number): Date {
  return new Date(Date.now() + ms);
}
