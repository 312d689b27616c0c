import { type Approval, isOver } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Task } from '../../ports.ts';
import { earlierOf } from '../../time/two-clocks.ts';
import { due, isLate } from '../decision/due.ts';
import { finish } from '../dispatch/finish.ts';
import { spend } from '../dispatch/spend.ts';
import type { Gateway } from '../gateway.ts';
import { answerTask } from './answer-task.ts';
import { concludeTask } from './conclude-task.ts';
import { foreignColumn, isRequestForeign, requestOfTask } from './find-task.ts';
import { FollowedTasks } from './followed-tasks.ts';
import { giveUpForeignTask } from './foreign-task.ts';
import { settleTask } from './settle-task.ts';
import type { TaskDoor } from './task-door.ts';

/** Milliseconds between two polls of the store: the most that a lost wake-up can cost a task. */
const POLL_MS = 2_000;
/** Milliseconds between two attempts to spend a pass that cannot be spent now. */
const RETRY_MS = 10_000;

/**
 * Sends the calls of tasks once they are approved: nobody holds a stream for a task, so the gateway is the requester.
 * Every replica polls; one of them spends the pass (P2), by the same compare-and-swap as for streams. What a dead
 * replica leaves behind, another one finds within two seconds.
 */
export class TaskRuns {
  readonly followed: FollowedTasks;
  readonly #gateway: Gateway;
  readonly #door: TaskDoor;
  readonly #track: (run: Promise<void>) => void;
  /** Approvals whose tasks were opened here, polled as soon as they change; until when, in ms since 1970. */
  readonly #watched = new Map<string, number>();
  readonly #running = new Map<string, AbortController>();
  /** Approvals that are not to be tried again before this instant, in ms of the steady clock. */
  readonly #notBefore = new Map<string, number>();
  /** Tasks whose session the server no longer knows. */
  readonly #sessionless = new Set<string>();
  #timer: ReturnType<typeof setInterval> | null = null;
  #polling = false;

  /** `track`: keeps the process from ending before a run has. */
  constructor(gateway: Gateway, door: TaskDoor, track: (run: Promise<void>) => void) {
    this.#gateway = gateway;
    this.#door = door;
    this.#track = track;
    this.followed = new FollowedTasks(gateway, door, track);
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#poll(null), POLL_MS);
    this.#gateway.waitingRoom.onChange((id) => {
      if (this.#watched.has(id)) void this.#poll(id);
    });
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Sends this approval's tasks without delay once it is approved. */
  watch(approval: Approval): void {
    this.#watched.set(approval.id, approval.expiresAt.getTime() + this.#gateway.rules.approval.pickupMs);
    if (approval.state !== 'pending') void this.#poll(approval.id);
  }

  /** The agent cancelled the task: stops what this process does for it. */
  abandon(id: string): void {
    this.#running.get(id)?.abort();
  }

  /** Works for a task in the background. `#poll` starts nothing else for it meanwhile, in this process. */
  run(id: string, work: (signal: AbortSignal) => Promise<void>): void {
    const control = new AbortController();
    this.#running.set(id, control);
    const running = work(control.signal)
      .catch((error) => this.#gateway.log.error({ err: error, task: id }, 'a task could not go on'))
      .finally(() => {
        // The next attempt may have begun already.
        if (this.#running.get(id) === control) this.#running.delete(id);
      });
    this.#track(running);
  }

  async #poll(approval: string | null): Promise<void> {
    // A process that is stopping starts nothing new.
    if (this.#timer === null || !this.#gateway.waitingRoom.open || (approval === null && this.#polling)) return;
    if (approval === null) this.#polling = true;
    const { tasks, clock, steady, log } = this.#gateway;
    try {
      const now = steady.now();
      const { ready, answering, cancelled } = await tasks.dueTasks([...this.#running.keys()], approval);
      for (const task of ready) {
        if (this.#mayTry(task, now)) this.run(task.id, (signal) => this.#attempt(task, signal));
      }
      for (const task of answering) {
        if (this.#mayTry(task, now)) this.run(task.id, (signal) => this.#answer(task, signal));
      }
      for (const id of cancelled) this.abandon(id);
      if (approval !== null) return;
      await this.followed.claim();
      await tasks.forgetTasks(clock.now(), earlierOf(clock));
      for (const [id, until] of this.#watched) if (until <= now.getTime()) this.#watched.delete(id);
    } catch (error) {
      log.warn({ err: error }, 'tasks could not be read; trying again');
    } finally {
      if (approval === null) this.#polling = false;
    }
  }

  #mayTry(task: Task, now: Date): boolean {
    if (this.#running.has(task.id)) return false;
    const waitsFor = task.leg?.approval ?? task.approval;
    const until = this.#notBefore.get(waitsFor);
    if (until === undefined) return true;
    if (until > now.getTime()) return false;
    this.#notBefore.delete(waitsFor);
    return true;
  }

  async #answer(task: Task, signal: AbortSignal): Promise<void> {
    const { leg } = task;
    if (leg === null) return;
    const retryMs = await answerTask(this.#gateway, this.#door, this.followed, { task, leg }, signal);
    if (retryMs !== null) this.#notBefore.set(leg.approval, this.#gateway.steady.now().getTime() + retryMs);
  }

  async #attempt(task: Task, signal: AbortSignal): Promise<void> {
    const gateway = this.#gateway;
    let approval = await gateway.store.find(task.approval);
    if (approval === null) return;
    const foreign = foreignColumn(task, approval);
    if (foreign !== null) return giveUpForeignTask(gateway, task, foreign);
    if (isLate(approval, gateway.clock.now())) approval = (await due(gateway, approval)) ?? approval;
    if (isOver(approval.state)) {
      this.#watched.delete(approval.id);
      return settleTask(gateway, task, approval, this.#door.answers);
    }
    if (approval.state !== 'approved') return;
    const request = await requestOfTask(gateway, task);
    if (request === null) {
      if (await isRequestForeign(gateway, task)) await giveUpForeignTask(gateway, task, 'request');
      return;
    }
    const unbound = { grant: task.grant, owner: approval.owner, selfApproval: false };
    const principal = gateway.rules.principal(task.grant, task.server, approval.owner) ?? unbound;
    const spent = await spend(gateway, approval, task.joiner, this.#door.callOf(request, task.server, principal));
    switch (spent.kind) {
      case 'dispatch':
        return this.#send(task, request, spent.dispatch, signal);
      case 'over':
        return settleTask(gateway, task, spent.approval, this.#door.answers);
      case 'full':
        return this.#retryAfter(task, Math.min(spent.full.retryAfter * 1_000, 60_000));
      case 'unsure':
        return this.#retryAfter(task, RETRY_MS);
      // Looked at again at the next poll, two seconds later.
      case 'frozen':
      case 'conflict':
      case 'gone':
        return;
      default:
        return spent satisfies never;
    }
  }

  #retryAfter(task: Task, ms: number): void {
    this.#notBefore.set(task.approval, this.#gateway.steady.now().getTime() + ms);
  }

  async #send(task: Task, request: Uint8Array, dispatch: Dispatch, signal: AbortSignal): Promise<void> {
    const sent = await this.#door.send(task, request, this.#sessionless.has(task.id), signal);
    if (sent.outcome.kind !== 'not_sent') {
      this.#sessionless.delete(task.id);
      const attempt = { task, dispatch, questions: null };
      return concludeTask(this.#gateway, this.#door, this.followed, attempt, sent);
    }
    await finish(this.#gateway, dispatch, sent.outcome);
    // The pass was given back. A lost session does not return, so the next attempt opens one of its own.
    if (sent.sessionLost) this.#sessionless.add(task.id);
    else this.#retryAfter(task, RETRY_MS);
    setTimeout(() => void this.#poll(task.approval), 0).unref?.();
  }
}
