import { isOver } from '../../domain/approval/approval.ts';
import type { Dispatch, Outcome } from '../../domain/approval/dispatch.ts';
import type { FollowedTask } from '../../ports.ts';
import { leave } from '../call/leave.ts';
import { finish } from '../dispatch/finish.ts';
import type { Gateway } from '../gateway.ts';
import { settleTask } from './settle-task.ts';
import type { TaskDoor, UpstreamTaskMade, UpstreamTaskState } from './task-door.ts';

/** Milliseconds for which a server may be out of reach before nobody can say how its task ended. */
const PATIENCE_MS = 15 * 60_000;
/** As many as one look takes over. */
const AT_ONCE = 100;

/** How a server's task ended, or that this will never be known. */
type UpstreamTaskEnd = Exclude<UpstreamTaskState, { kind: 'open' }>;

/**
 * Follows the tasks that servers made of approved calls to their real end, whoever still listens: an approval is not
 * done because its server says "later". Each is followed by one replica, which looks as often as the server wants; what
 * a dead replica followed is taken over. Its end is recorded once, by the dispatch that it belongs to.
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

  /** Makes it durable, held by this replica; `begin` follows it, once its approval says that it awaits a task. */
  async open(
    dispatch: Dispatch,
    task: { readonly id: string; readonly grant: string; readonly server: string },
    made: UpstreamTaskMade,
  ): Promise<void> {
    const { tasks, vault, replica } = this.#gateway;
    const { id } = dispatch.approval;
    const { grant, server } = task;
    const kept = vault.seal('request', rowOf(id), made.kept);
    const { by: dispatcher, startedAt } = dispatch;
    const followed = { approval: id, dispatcher, task: task.id, grant, server, kept, startedAt };
    await tasks.followTask(followed, replica, this.#until(made.pollMs));
  }

  /** Takes over what nobody follows. */
  async claim(): Promise<void> {
    const { tasks, replica, clock } = this.#gateway;
    for (const one of await tasks.claimFollowed(replica, clock.now(), this.#until(0), AT_ONCE)) this.begin(one);
  }

  begin(followed: FollowedTask): void {
    if (this.#running.has(followed.approval)) return;
    this.#running.add(followed.approval);
    const run = this.#follow(followed)
      .catch((error) => this.#gateway.log.error({ err: error, approval: followed.approval }, 'a task is lost sight of'))
      .finally(() => this.#running.delete(followed.approval));
    this.#track(run);
  }

  /** One look out of turn, for an agent that asks; an end is recorded first. null: nobody follows it any more. */
  async lookNow(approval: string): Promise<UpstreamTaskState | null> {
    const followed = await this.#gateway.tasks.findFollowed(approval);
    if (followed === null) return null;
    const state = await this.#look(followed);
    if (state.kind !== 'open' && !(state.kind === 'lost' && !state.forever)) await this.#record(followed, state);
    return state;
  }

  /** How the door asks after the task of this approval; null: none is followed. Throws where no secret opens it. */
  async madeFor(approval: string): Promise<Uint8Array | null> {
    const followed = await this.#gateway.tasks.findFollowed(approval);
    return followed === null ? null : this.#opened(followed);
  }

  #opened({ approval, kept }: FollowedTask): Uint8Array {
    return this.#gateway.vault.open('request', rowOf(approval), kept);
  }

  /** Milliseconds between two looks; null: the secret that it was sealed with is gone, and waiting will not bring it back. */
  #pollMs(followed: FollowedTask): number | null {
    try {
      return this.#door.pollMs(this.#opened(followed));
    } catch {
      return null;
    }
  }

  async #follow(followed: FollowedTask): Promise<void> {
    const { waitingRoom, tasks, clock, store, replica } = this.#gateway;
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
      // A process that stops leaves it to the next one at once.
      if (!waitingRoom.open) return void (await tasks.keepFollowed(followed.approval, replica, clock.now()));
      const state = await this.#look(followed);
      if (state.kind === 'open') {
        lostSince = null;
        ({ pollMs } = state);
        continue;
      }
      const now = clock.now().getTime();
      if (state.kind === 'lost' && !state.forever) {
        lostSince ??= now;
        if (now - lostSince < PATIENCE_MS) continue;
      }
      return this.#record(followed, state);
    }
  }

  #look(followed: FollowedTask): Promise<UpstreamTaskState> {
    return this.#door.look(followed.server, followed.grant, this.#opened(followed));
  }

  /** Approval first, then the agent's task, then the row: whoever dies between them leaves the rest to be found. */
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

  /** A lease beyond the next look: where its holder is dead for longer, another replica takes it over. */
  #until(pollMs: number): Date {
    return new Date(this.#gateway.leases.until().getTime() + pollMs);
  }
}

const CANCELLED = 'the server cancelled it';

function rowOf(approval: string): string {
  return `pursuit ${approval}`;
}
