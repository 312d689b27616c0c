import { isOver } from '../../domain/approval/approval.ts';
import type { Dispatch, Outcome } from '../../domain/approval/dispatch.ts';
import type { FollowedTask } from '../../ports.ts';
import { leave } from '../call/leave.ts';
import { finish } from '../dispatch/finish.ts';
import type { Gateway } from '../gateway.ts';
import { settleTask } from './settle-task.ts';
import type { TaskDoor, UpstreamTaskHandle, UpstreamTaskState } from './task-door.ts';

/** Milliseconds for which a server may be out of reach before the end of its task counts as unknown. */
const PATIENCE_MS = 15 * 60_000;
/** How many unfollowed tasks one round takes over. */
const AT_ONCE = 100;

/** Most tasks of one server that are looked through. */
const MOST_FOLLOWED = 1_000;

/** How a server's task ended, or that it will never be known. */
type UpstreamTaskEnd = Exclude<UpstreamTaskState, { kind: 'open' }>;

/**
 * Follows the tasks that servers made of approved calls to their real end, even if nobody listens any more: an approval
 * is not over because its server says "later". One replica follows each task and polls as often as the server wants;
 * another takes over what a dead replica followed. The end is recorded once, for the dispatch that it belongs to.
 */
export class FollowedTasks {
  readonly #gateway: Gateway;
  readonly #door: TaskDoor;
  readonly #track: (run: Promise<void>) => void;
  readonly #running = new Set<string>();

  /** `track`: keeps the process from ending before a run has. */
  constructor(gateway: Gateway, door: TaskDoor, track: (run: Promise<void>) => void) {
    this.#gateway = gateway;
    this.#door = door;
    this.#track = track;
  }

  /** Stores the task, held by this replica. Call `follow` once its approval awaits a task. */
  async add(
    dispatch: Dispatch,
    task: { readonly id: string; readonly grant: string; readonly server: string },
    made: UpstreamTaskHandle,
  ): Promise<void> {
    const { tasks, vault, replica } = this.#gateway;
    const { id } = dispatch.approval;
    const { grant, server } = task;
    const kept = vault.seal('request', rowOf(id), made.kept);
    const { by: dispatcher, startedAt } = dispatch;
    const followed = { approval: id, dispatcher, task: task.id, grant, server, kept, startedAt };
    await tasks.followTask(followed, replica, this.#until(made.pollMs));
  }

  /** Takes over the tasks that nobody follows. */
  async claim(): Promise<void> {
    const { tasks, replica, clock } = this.#gateway;
    const claimed = await tasks.claimFollowed(replica, clock.now(), this.#until(0), AT_ONCE);
    for (const followed of claimed) this.follow(followed);
  }

  /** Follows a stored task in the background; does nothing if this process already does. */
  follow(followed: FollowedTask): void {
    if (this.#running.has(followed.approval)) return;
    this.#running.add(followed.approval);
    const run = this.#follow(followed)
      .catch((error) => this.#gateway.log.error({ err: error, approval: followed.approval }, 'a task is not followed'))
      .finally(() => this.#running.delete(followed.approval));
    this.#track(run);
  }

  /**
   * Polls once out of turn, for an agent that asks; an end is recorded before it is returned. null: nobody follows it
   * any more.
   */
  async pollNow(approval: string): Promise<UpstreamTaskState | null> {
    const followed = await this.#gateway.tasks.findFollowed(approval);
    if (followed === null) return null;
    const state = await this.#poll(followed);
    if (state.kind !== 'open' && !(state.kind === 'lost' && !state.forever)) await this.#record(followed, state);
    return state;
  }

  /** How the door asks about this approval's task; null: none is followed. Throws when no secret can open it. */
  async handleFor(approval: string): Promise<Uint8Array | null> {
    const followed = await this.#gateway.tasks.findFollowed(approval);
    return followed === null ? null : this.#opened(followed);
  }

  /**
   * The server's own ids of the tasks that it made of approved calls, of all grants and under all its names. They are
   * nobody's to name: a call that was approved goes on by the gateway's task only.
   */
  async idsAt(server: string): Promise<ReadonlySet<string>> {
    const followed = await this.#gateway.tasks.followedAt(this.#gateway.rules.alike(server), MOST_FOLLOWED);
    const ids = new Set<string>();
    for (const task of followed) {
      try {
        ids.add(this.#door.taskIdIn(this.#opened(task)));
      } catch {
        // The secret that it was sealed with is gone, so that nobody can go on with it here.
      }
    }
    return ids;
  }

  #opened({ approval, kept }: FollowedTask): Uint8Array {
    return this.#gateway.vault.open('request', rowOf(approval), kept);
  }

  /** Milliseconds between two polls; null: the secret that it was sealed with is gone for good. */
  #pollMs(followed: FollowedTask): number | null {
    try {
      return this.#door.pollMs(this.#opened(followed));
    } catch {
      return null;
    }
  }

  async #follow(followed: FollowedTask): Promise<void> {
    const { waitingRoom, tasks, clock, steady, store, replica } = this.#gateway;
    let pollMs = this.#pollMs(followed);
    if (pollMs === null) {
      const why =
        'what is needed to follow the task that the server made of it cannot be read with the present secrets';
      return this.#record(followed, { kind: 'lost', why, forever: true });
    }
    let lostSince: number | null = null;
    while (await tasks.keepFollowed(followed.approval, replica, this.#until(pollMs))) {
      const approval = await store.find(followed.approval);
      if (approval === null || (isOver(approval.state) && approval.state !== 'unknown')) {
        return tasks.endFollowed(followed.approval);
      }
      await waitingRoom.wait(approval.id, approval.revision, new Date(clock.now().getTime() + pollMs));
      // A process that stops releases it at once, for another to take over.
      if (!waitingRoom.open) return void (await tasks.keepFollowed(followed.approval, replica, clock.now()));
      const state = await this.#poll(followed);
      if (state.kind === 'open') {
        lostSince = null;
        ({ pollMs } = state);
        continue;
      }
      const now = steady.now().getTime();
      if (state.kind === 'lost' && !state.forever) {
        lostSince ??= now;
        if (now - lostSince < PATIENCE_MS) continue;
      }
      return this.#record(followed, state);
    }
  }

  #poll(followed: FollowedTask): Promise<UpstreamTaskState> {
    return this.#door.poll(followed.server, followed.grant, () => this.#opened(followed));
  }

  /**
   * First the approval, then the agent's task, then the row: after a death in between, the rest is still found and
   * done.
   */
  async #record(followed: FollowedTask, end: UpstreamTaskEnd): Promise<void> {
    const { tasks, store, clock } = this.#gateway;
    const approval = await store.find(followed.approval);
    if (approval === null) return;
    const task =
      followed.task === null ? null : await tasks.findTask(followed.task, followed.grant, followed.server, clock.now());
    if (end.kind === 'cancelled' && task !== null) {
      const at = clock.now();
      await tasks.changeTask({ id: task.id, from: ['relayed', 'held'], to: 'cancelled', at, note: CANCELLED });
      const { joiner, grant, server } = task;
      await leave(this.#gateway, { joiner, grant, server, reason: CANCELLED });
    }
    const dispatch = { approval, by: followed.dispatcher, taken: [], startedAt: followed.startedAt };
    const ended = await finish(this.#gateway, dispatch, this.#outcomeOf(end));
    if (task !== null) await settleTask(this.#gateway, task, ended, this.#door.answers);
    await tasks.endFollowed(followed.approval);
  }

  #outcomeOf(end: UpstreamTaskEnd): Outcome {
    switch (end.kind) {
      case 'ended':
        return { kind: 'returned', response: end.response, failed: end.failed };
      case 'cancelled': {
        const response = new TextEncoder().encode(this.#door.answers.cancelledByServer());
        return { kind: 'returned', response, failed: true, note: CANCELLED };
      }
      case 'lost':
        return { kind: 'unknown', why: end.why };
      default:
        return end satisfies never;
    }
  }

  /** A lease that outlasts the next poll; when it runs out, another replica takes the task over. */
  #until(pollMs: number): Date {
    return new Date(this.#gateway.leases.until().getTime() + pollMs);
  }
}

const CANCELLED = 'the server cancelled it';

function rowOf(approval: string): string {
  return `pursuit ${approval}`;
}
