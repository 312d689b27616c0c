import { type Approval, isOver } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Task } from '../../ports.ts';
import { due, isLate } from '../decision/due.ts';
import { finish } from '../dispatch/finish.ts';
import { spend } from '../dispatch/spend.ts';
import type { Gateway } from '../gateway.ts';
import { concludeTask } from './conclude-task.ts';
import { requestOfTask } from './find-task.ts';
import { FollowedTasks } from './followed-tasks.ts';
import { settleTask } from './settle-task.ts';
import type { TaskDoor } from './task-door.ts';

/** Milliseconds between two looks at what nobody was told of: what a lost wake-up costs a task at most. */
const LOOK_MS = 2_000;
/** Milliseconds between two attempts to spend a pass that cannot be spent now. */
const RETRY_MS = 10_000;

/**
 * Sends the calls of tasks once they are approved: with a task nobody holds a stream, so the gateway is the requester.
 * Every replica looks; the pass is spent by one (P2), by the same compare-and-swap as for streams. A replica that died
 * leaves nothing behind that another one does not find within two seconds.
 */
export class TaskRuns {
  readonly followed: FollowedTasks;
  readonly #gateway: Gateway;
  readonly #door: TaskDoor;
  readonly #track: (run: Promise<void>) => void;
  /** Approvals whose tasks were opened here, until when, in ms: looked at as soon as anything is heard of them. */
  readonly #opened = new Map<string, number>();
  readonly #running = new Map<string, AbortController>();
  /** Instants, in ms, before which an approval is not tried again. */
  readonly #notBefore = new Map<string, number>();
  /** Tasks whose session the server no longer knows. */
  readonly #sessionless = new Set<string>();
  #timer: ReturnType<typeof setInterval> | null = null;
  #looking = false;

  /** `track`: keeps the process from ending before a run has. */
  constructor(gateway: Gateway, door: TaskDoor, track: (run: Promise<void>) => void) {
    this.#gateway = gateway;
    this.#door = door;
    this.#track = track;
    this.followed = new FollowedTasks(gateway, door, track);
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#look(null), LOOK_MS);
    this.#gateway.waitingRoom.onStir((id) => {
      if (this.#opened.has(id)) void this.#look(id);
    });
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  opened(approval: Approval): void {
    this.#opened.set(approval.id, approval.expiresAt.getTime() + this.#gateway.rules.approval.pickupMs);
    if (approval.state !== 'pending') void this.#look(approval.id);
  }

  /** The agent took the task back: what runs for it here is given up. */
  abandon(id: string): void {
    this.#running.get(id)?.abort();
  }

  /** Does something for a task, once at a time in this process. */
  run(id: string, work: (signal: AbortSignal) => Promise<void>): void {
    const control = new AbortController();
    this.#running.set(id, control);
    const run = work(control.signal)
      .catch((error) => this.#gateway.log.error({ err: error, task: id }, 'a task could not go on'))
      .finally(() => {
        // The next attempt may have begun before this one was let go.
        if (this.#running.get(id) === control) this.#running.delete(id);
      });
    this.#track(run);
  }

  async #look(approval: string | null): Promise<void> {
    // A process that is stopping begins nothing more.
    if (this.#timer === null || !this.#gateway.waitingRoom.open || (approval === null && this.#looking)) return;
    if (approval === null) this.#looking = true;
    const { tasks, clock, log } = this.#gateway;
    try {
      const now = clock.now();
      const found = await tasks.dueTasks([...this.#running.keys()], approval);
      for (const task of found.ready) {
        if (this.#mayTry(task, now)) this.run(task.id, (signal) => this.#attempt(task, signal));
      }
      for (const id of found.cancelled) this.abandon(id);
      if (approval !== null) return;
      await this.followed.claim();
      await tasks.forgetTasks(now);
      for (const [id, until] of this.#opened) if (until <= now.getTime()) this.#opened.delete(id);
    } catch (error) {
      log.warn({ err: error }, 'tasks could not be looked at; trying again');
    } finally {
      if (approval === null) this.#looking = false;
    }
  }

  #mayTry(task: Task, now: Date): boolean {
    if (this.#running.has(task.id)) return false;
    const until = this.#notBefore.get(task.approval);
    if (until === undefined) return true;
    if (until > now.getTime()) return false;
    this.#notBefore.delete(task.approval);
    return true;
  }

  async #attempt(task: Task, signal: AbortSignal): Promise<void> {
    const gateway = this.#gateway;
    let approval = await gateway.store.find(task.approval);
    if (approval === null) return;
    if (isLate(approval, gateway.clock.now())) approval = (await due(gateway, approval.id)) ?? approval;
    if (isOver(approval.state)) {
      this.#opened.delete(approval.id);
      return settleTask(gateway, task, approval, this.#door.answers);
    }
    if (approval.state !== 'approved') return;
    const request = await requestOfTask(gateway, task);
    if (request === null) return;
    const unbound = { grant: task.grant, owner: approval.owner, selfApproval: false };
    const principal = gateway.rules.principal(task.grant, task.server) ?? unbound;
    const spent = await spend(gateway, approval, task.joiner, this.#door.callOf(request, task.server, principal));
    switch (spent.kind) {
      case 'dispatch':
        return this.#send(task, request, spent.dispatch, signal);
      case 'over':
        return settleTask(gateway, task, spent.approval, this.#door.answers);
      case 'full':
        return this.#later(task, Math.min(spent.full.retryAfter * 1_000, 60_000));
      case 'unsure':
        return this.#later(task, RETRY_MS);
      case 'conflict':
      case 'gone':
        return;
      default:
        return spent satisfies never;
    }
  }

  #later(task: Task, ms: number): void {
    this.#notBefore.set(task.approval, this.#gateway.clock.now().getTime() + ms);
  }

  async #send(task: Task, request: Uint8Array, dispatch: Dispatch, signal: AbortSignal): Promise<void> {
    const sent = await this.#door.send(task, request, this.#sessionless.has(task.id), signal);
    if (sent.outcome.kind !== 'not_sent') {
      this.#sessionless.delete(task.id);
      const attempt = { task, dispatch, questions: null };
      return concludeTask(this.#gateway, this.#door, this.followed, attempt, sent);
    }
    await finish(this.#gateway, dispatch, sent.outcome);
    // The pass is back. A session that is gone does not come again: the next attempt opens one of its own.
    if (sent.sessionLost) this.#sessionless.add(task.id);
    else this.#later(task, RETRY_MS);
    setTimeout(() => void this.#look(task.approval), 0).unref?.();
  }
}
