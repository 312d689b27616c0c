import { isOver } from '../domain/approval.ts';
import { type Dispatch, finish, type Outcome } from '../gateway/dispatch.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { leave } from '../gateway/leave.ts';
import type { Pursuit } from '../ports.ts';
import type { ServerEntry } from './entrance.ts';
import { settle } from './task-settle.ts';
import { lookAt, type Sight, type TheirTask } from './their-task.ts';
import { theirsCancelled } from './words.ts';

/** Milliseconds for which a server may be out of reach before nobody can say how its task ended. */
const PATIENCE_MS = 15 * 60_000;
/** As many as one look takes over. */
const AT_ONCE = 100;

const UTF8 = new TextDecoder();

/**
 * Follows the tasks that servers made of approved calls to their real end, whoever still listens: an approval is not
 * done because its server says "later". Each is followed by one replica, which looks as often as the server wants; what
 * a dead one followed is taken over. What ends it is recorded once, by the dispatch that it belongs to.
 */
export class Pursuits {
  readonly #gateway: Gateway;
  readonly #servers: (name: string) => ServerEntry | undefined;
  readonly #follow: (run: Promise<void>) => void;
  readonly #running = new Set<string>();

  constructor(
    gateway: Gateway,
    servers: (name: string) => ServerEntry | undefined,
    follow: (run: Promise<void>) => void,
  ) {
    this.#gateway = gateway;
    this.#servers = servers;
    this.#follow = follow;
  }

  /** Makes it durable, held by this replica; `begin` follows it, once its approval says that it awaits a task. */
  async open(
    dispatch: Dispatch,
    task: { id: string; grant: string; server: string },
    theirs: TheirTask,
  ): Promise<Pursuit> {
    const { setting } = this.#gateway;
    const { id } = dispatch.approval;
    const kept = setting.vault.seal('request', rowOf(id), new TextEncoder().encode(JSON.stringify(theirs)));
    const { grant, server } = task;
    const pursuit = { approval: id, dispatcher: dispatch.by, task: task.id, grant, server, kept };
    const whole = { ...pursuit, startedAt: dispatch.startedAt };
    await setting.tasks.openPursuit(whole, setting.replica, this.#until(theirs.pollMs));
    return whole;
  }

  /** Takes over what nobody follows. */
  async claim(): Promise<void> {
    const { tasks, replica, clock } = this.#gateway.setting;
    for (const pursuit of await tasks.claimPursuits(replica, clock.now(), this.#until(0), AT_ONCE)) this.begin(pursuit);
  }

  begin(pursuit: Pursuit): void {
    if (this.#running.has(pursuit.approval)) return;
    this.#running.add(pursuit.approval);
    const run = this.#pursue(pursuit)
      .catch((error) =>
        this.#gateway.setting.log.error({ err: error, approval: pursuit.approval }, 'a task is lost sight of'),
      )
      .finally(() => this.#running.delete(pursuit.approval));
    this.#follow(run);
  }

  /** One look out of turn, for an agent that asks; what has ended is recorded first. null: nobody follows it any more. */
  async lookNow(approval: string): Promise<Sight | null> {
    const pursuit = await this.#gateway.setting.tasks.findPursuit(approval);
    if (pursuit === null) return null;
    const sight = await this.#look(pursuit);
    if (sight.kind !== 'open' && !(sight.kind === 'lost' && !sight.forever)) await this.#record(pursuit, sight);
    return sight;
  }

  theirs({ approval, kept }: Pursuit): TheirTask {
    return JSON.parse(UTF8.decode(this.#gateway.setting.vault.open('request', rowOf(approval), kept))) as TheirTask;
  }

  /** null: the secret that it was sealed with is gone, and will not come back by waiting. */
  #followable(pursuit: Pursuit): TheirTask | null {
    try {
      return this.theirs(pursuit);
    } catch {
      return null;
    }
  }

  async #pursue(pursuit: Pursuit): Promise<void> {
    const { room, setting } = this.#gateway;
    const { tasks, clock, store, replica } = setting;
    const followable = this.#followable(pursuit);
    if (followable === null) {
      const why =
        'what is needed to follow the task that the server made of it cannot be read with the secrets of today';
      return this.#record(pursuit, { kind: 'lost', why, forever: true });
    }
    let { pollMs } = followable;
    let lostSince: number | null = null;
    while (await tasks.keepPursuit(pursuit.approval, replica, this.#until(pollMs))) {
      const approval = await store.find(pursuit.approval);
      if (approval === null || (isOver(approval.state) && approval.state !== 'unknown')) {
        return tasks.endPursuit(pursuit.approval);
      }
      await room.wait(approval.id, approval.revision, new Date(clock.now().getTime() + pollMs));
      // A process that stops leaves it to the next one at once.
      if (!room.open) return void (await tasks.keepPursuit(pursuit.approval, replica, clock.now()));
      const sight = await this.#look(pursuit);
      if (sight.kind === 'open') {
        lostSince = null;
        ({ pollMs } = sight);
        continue;
      }
      const now = clock.now().getTime();
      if (sight.kind === 'lost' && !sight.forever) {
        lostSince ??= now;
        if (now - lostSince < PATIENCE_MS) continue;
      }
      return this.#record(pursuit, sight);
    }
  }

  #look(pursuit: Pursuit): Promise<Sight> {
    const server = this.#servers(pursuit.server);
    if (server === undefined)
      return Promise.resolve({ kind: 'lost', why: 'the server is not configured', forever: false });
    return lookAt(server, pursuit.grant, this.theirs(pursuit)).catch((error: Error) => ({
      kind: 'lost',
      why: error.message,
      forever: false,
    }));
  }

  /** Approval first, then the agent's task, then the pursuit: whoever dies between them leaves the rest to be found. */
  async #record(pursuit: Pursuit, sight: Exclude<Sight, { kind: 'open' }>): Promise<void> {
    const { tasks, store, clock } = this.#gateway.setting;
    const approval = await store.find(pursuit.approval);
    if (approval === null) return;
    const task =
      pursuit.task === null ? null : await tasks.findTask(pursuit.task, pursuit.grant, pursuit.server, clock.now());
    if (sight.kind === 'cancelled' && task !== null) {
      const note = 'the server cancelled it';
      const at = clock.now();
      await tasks.changeTask({ id: task.id, from: ['relayed', 'held'], to: 'cancelled', at, note });
      const { joiner, grant, server } = task;
      await leave(this.#gateway.setting, { joiner, grant, server, reason: note });
    }
    const dispatch = { approval, by: pursuit.dispatcher, taken: [], startedAt: pursuit.startedAt };
    const ended = await finish(this.#gateway, dispatch, outcomeOf(sight));
    if (task !== null) await settle(this.#gateway, task, ended);
    await tasks.endPursuit(pursuit.approval);
  }

  /** A lease beyond the next look: dead for longer, another replica takes it over. */
  #until(pollMs: number): Date {
    return new Date(this.#gateway.leases.until().getTime() + pollMs);
  }
}

function rowOf(approval: string): string {
  return `pursuit ${approval}`;
}

function outcomeOf(sight: Exclude<Sight, { kind: 'open' }>): Outcome {
  switch (sight.kind) {
    case 'ended':
      return { kind: 'returned', response: sight.response, failed: sight.failed };
    case 'cancelled': {
      const text = JSON.stringify({ jsonrpc: '2.0', id: 0, result: theirsCancelled() });
      return {
        kind: 'returned',
        response: new TextEncoder().encode(text),
        failed: true,
        note: 'the server cancelled it',
      };
    }
    case 'lost':
      return { kind: 'unknown', why: sight.why };
    default:
      return sight satisfies never;
  }
}
