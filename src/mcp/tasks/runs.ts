import { type Approval, isOver } from '../../domain/approval.ts';
import { due, isLate } from '../../gateway/decision/due.ts';
import { type Dispatch, finish, type Outcome } from '../../gateway/dispatch/finish.ts';
import { spend } from '../../gateway/dispatch/spend.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Task } from '../../ports.ts';
import { freshSession } from '../upstream/fresh-session.ts';
import { type SendResult, sendHeld } from '../upstream/send.ts';
import type { ServerEntry } from '../upstream/server.ts';
import { upstreamTaskIn } from '../upstream/task.ts';
import { concludeTask } from './conclude.ts';
import { TaskInbox } from './inbox.ts';
import { callOfTask, headersFor, openTaskRequest, type TaskRequest } from './request.ts';
import { settle } from './settle.ts';
import { UpstreamTasks } from './upstream-tasks.ts';

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
  readonly pursuits: UpstreamTasks;
  readonly #inbox: TaskInbox;
  readonly #gateway: Gateway;
  readonly #servers: (name: string) => ServerEntry | undefined;
  readonly #follow: (run: Promise<void>) => void;
  /** Approvals whose tasks were opened here, until when, in ms: looked at as soon as anything is heard of them. */
  readonly #opened = new Map<string, number>();
  readonly #running = new Map<string, AbortController>();
  /** Instants, in ms, before which an approval is not tried again. */
  readonly #notBefore = new Map<string, number>();
  /** Tasks whose session the server no longer knows. */
  readonly #homeless = new Set<string>();
  #timer: ReturnType<typeof setInterval> | null = null;
  #looking = false;

  constructor(
    gateway: Gateway,
    servers: (name: string) => ServerEntry | undefined,
    follow: (run: Promise<void>) => void,
  ) {
    this.#gateway = gateway;
    this.#servers = servers;
    this.#follow = follow;
    this.pursuits = new UpstreamTasks(gateway, servers, follow);
    this.#inbox = new TaskInbox(gateway);
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

  /** Where its calls are sent; undefined: it is not configured any more. */
  server(name: string): ServerEntry | undefined {
    return this.#servers(name);
  }

  async #look(approval: string | null): Promise<void> {
    // A process that is stopping begins nothing more.
    if (this.#timer === null || !this.#gateway.waitingRoom.open || (approval === null && this.#looking)) return;
    if (approval === null) this.#looking = true;
    const { tasks, clock, log } = this.#gateway;
    try {
      const now = clock.now();
      const found = await tasks.dueTasks([...this.#running.keys()], approval);
      for (const task of found.ready) if (this.#mayTry(task, now)) this.#begin(task);
      for (const id of found.cancelled) this.abandon(id);
      if (approval !== null) return;
      await this.pursuits.claim();
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

  #begin(task: Task): void {
    this.follow(task.id, (signal) => this.#run(task, signal));
  }

  /** Does something for a task, once at a time in this process. */
  follow(id: string, work: (signal: AbortSignal) => Promise<void>): void {
    const control = new AbortController();
    this.#running.set(id, control);
    const run = work(control.signal)
      .catch((error) => this.#gateway.log.error({ err: error, task: id }, 'a task could not go on'))
      .finally(() => {
        // The next leg may have begun before this one was let go.
        if (this.#running.get(id) === control) this.#running.delete(id);
      });
    this.#follow(run);
  }

  async #run(task: Task, signal: AbortSignal): Promise<void> {
    const gateway = this.#gateway;
    let approval = await gateway.store.find(task.approval);
    if (approval === null) return;
    if (isLate(approval, gateway.clock.now())) approval = (await due(gateway, approval.id)) ?? approval;
    if (isOver(approval.state)) {
      this.#opened.delete(approval.id);
      return settle(this.#gateway, task, approval);
    }
    if (approval.state !== 'approved') return;
    const server = this.#servers(task.server);
    const principal = gateway.rules.principal(task.grant, task.server);
    const sealed = await gateway.tasks.taskBytes(task.id, 'request');
    if (sealed === null) return;
    const request = openTaskRequest(gateway.vault, task, sealed);
    const whose = principal ?? { grant: task.grant, owner: approval.owner, selfApproval: false };
    const spent = await spend(this.#gateway, approval, task.joiner, callOfTask(request, whose, task.server));
    switch (spent.kind) {
      case 'dispatch':
        return this.#dispatch(task, request, server, spent.dispatch, signal);
      case 'over':
        return settle(this.#gateway, task, spent.approval);
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

  async #dispatch(
    task: Task,
    request: TaskRequest,
    server: ServerEntry | undefined,
    dispatch: Dispatch,
    signal: AbortSignal,
  ): Promise<void> {
    const { sent, session } = await this.#send(task, request, server, signal);
    const { outcome } = sent;
    if (outcome.kind !== 'not_sent') this.#homeless.delete(task.id);
    if (outcome.kind !== 'not_sent' && server !== undefined) {
      const leg = { task, server, request, dispatch, session, questions: null };
      return concludeTask(this.#gateway, this.pursuits, leg, outcome);
    }
    await finish(this.#gateway, dispatch, outcome);
    // The pass is back. A session that is gone does not come again: the next attempt opens one of its own.
    if (sent.sessionLost && request.session !== null) this.#homeless.add(task.id);
    else this.#later(task, RETRY_MS);
    setTimeout(() => void this.#look(task.approval), 0).unref?.();
  }

  /** `session`: the one it was sent in, when the agent's is over. */
  async #send(
    task: Task,
    request: TaskRequest,
    server: ServerEntry | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly sent: SendResult; readonly session: string | null }> {
    const ended = (outcome: Outcome): SendResult => ({ outcome, event: null });
    if (server === undefined) return { sent: ended({ kind: 'not_sent', why: 'no such server' }), session: null };
    const headers = headersFor(request, server);
    const bytes = new TextEncoder().encode(request.text);
    let session: string | null = null;
    const send = (inside: Record<string, string>): Promise<SendResult> =>
      sendHeld({
        upstream: server.upstream,
        grant: task.grant,
        headers: inside,
        bytes,
        idText: request.idText,
        meanwhile: (event) => this.#inbox.put(task.id, request.session, event),
        // A legacy server is told by a notification, and may go on.
        ...(task.era === 'modern' ? { signal } : {}),
      });
    const unsure = (error: Error): SendResult => ended({ kind: 'unknown', why: error.message });
    if (!this.#homeless.has(task.id)) return { sent: await send(headers).catch(unsure), session };
    const inOurs = (inside: Record<string, string>): Promise<SendResult> => {
      session = inside['mcp-session-id'] ?? null;
      return send(inside);
    };
    // A task that the server made of it lives in this session: it is left to the server to end.
    const keep = ({ outcome }: SendResult): boolean =>
      request.asTask && outcome.kind === 'returned' && upstreamTaskIn(outcome.response, task.era, request) !== null;
    const refused = (why: string): SendResult => ended({ kind: 'not_sent', why });
    const sent = await freshSession(server, task.grant, headers, { send: inOurs, refused, keep }).catch(unsure);
    return { sent, session };
  }
}
