import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Handlers, Log, Queue } from '../../../src/ports.ts';

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

/** What an approval's card job does; a job without a script is done at once. */
export type CardScripts = Map<string, (run: number) => Promise<number | null>>;

export interface WrittenLog {
  readonly log: Log;
  readonly lines: string[];
}

export function newId(): string {
  return `ap_${randomBytes(8).toString('hex')}`;
}

/** A log that keeps its lines for tests to read. */
export function writtenLog(): WrittenLog {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  return { lines, log: { info: write('info'), warn: write('warn'), error: write('error') } };
}

export async function startReplica(
  queue: Queue,
  scripts: CardScripts = new Map(),
  delivery: () => Promise<number | null> = async () => null,
): Promise<QueueReplica> {
  const replica: QueueReplica = { queue, woken: [], due: [], sweeps: [], checkpoints: [], deliveries: [], cards: [] };
  const handlers: Handlers = {
    due: async (id) => void replica.due.push(id),
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

/** Waits until a condition holds; fails after `ms`. */
export async function until(what: string, so: () => boolean | Promise<boolean>, ms = 5_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await so())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(5);
  }
}

export function inMs(ms: number): Date {
  return new Date(Date.now() + ms);
}
