/**
 * The harmless caller, in a thread of its own so that nothing that the attacker does in its process counts. It makes one
 * small call after the other and tells how long the longest took.
 */
import { Agent, request } from 'node:http';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { callBody, HEADERS, type LoadTarget } from '../load.ts';
import { monotonic, type Stretch } from './spells.ts';

/** Milliseconds between an answer and the next call. */
const GAP_MS = 3;

/** What one measuring saw. Times in milliseconds. */
export interface Waits {
  readonly longest: number;
  /** When the longest call was made and answered. */
  readonly during: Stretch;
  readonly calls: number;
  readonly failed: number;
}

/** A harmless caller of `target`. */
export class HarmlessCaller {
  readonly #worker: Worker;

  constructor(target: LoadTarget) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: target });
  }

  /** Calls until `attack` has ended, and 300 ms longer. */
  async during(attack: () => Promise<unknown>): Promise<Waits> {
    this.#worker.postMessage('begin');
    await attack().catch((error: unknown) => console.error(`  the attack failed: ${error}`));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const told = new Promise<Waits>((resolve) => this.#worker.once('message', resolve));
    this.#worker.postMessage('end');
    return told;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function call(target: LoadTarget, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    const body = callBody(target.tool);
    const sent = request(
      `${target.url}${target.path}`,
      { method: 'POST', agent, headers: { ...HEADERS, ...target.headers, 'content-length': body.length } },
      (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        answer.on('close', () => resolve(text.includes('okok')));
      },
    );
    sent.on('error', () => resolve(false));
    sent.end(body);
  });
}

async function probe(target: LoadTarget): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const fresh = (): Waits & { ended: boolean } => ({
    longest: 0,
    during: { from: 0, to: 0 },
    calls: 0,
    failed: 0,
    ended: false,
  });
  let waits = fresh();
  let probing = false;
  parentPort!.on('message', (word: 'begin' | 'end') => {
    probing = word === 'begin';
    if (probing) waits = fresh();
    else waits = { ...waits, ended: true };
  });
  for (;;) {
    const from = monotonic();
    const ok = probing ? await call(target, agent) : true;
    const to = monotonic();
    if (probing || waits.ended) {
      waits = {
        ...waits,
        ...(to - from > waits.longest ? { longest: to - from, during: { from, to } } : {}),
        calls: waits.calls + 1,
        failed: waits.failed + (ok ? 0 : 1),
      };
    }
    if (waits.ended) {
      parentPort!.postMessage(waits);
      waits = fresh();
    }
    await new Promise((resolve) => setTimeout(resolve, GAP_MS));
  }
}

if (!isMainThread) void probe(workerData as LoadTarget);
