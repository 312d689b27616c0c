import { isOver } from '../../domain/approval.ts';
import { leave } from '../../gateway/call/leave.ts';
import { type Dispatch, finish, type Outcome } from '../../gateway/dispatch/finish.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { FollowedTask } from '../../ports.ts';
import { theirsCancelled } from '../protocol/tool-results.ts';
import type { ServerEntry } from '../upstream/server.ts';
import { readUpstreamTask, type UpstreamTask, type UpstreamTaskState } from '../upstream/task.ts';
import { settle } from './settle.ts';

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
export class UpstreamTasks {
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
    theirs: UpstreamTask,
  ): Promise<FollowedTask> {
    const gateway = this.#gateway;
    const { id } = dispatch.approval;
    const kept = gateway.vault.seal('request', rowOf(id), new TextEncoder().encode(JSON.stringify(theirs)));
    const { grant, server } = task;
    const pursuit = { approval: id, dispatcher: dispatch.by, task: task.id, grant, server, kept };
    const whole = { ...pursuit, startedAt: dispatch.startedAt };
    await gateway.tasks.followTask(whole, gateway.replica, this.#until(theirs.pollMs));
    return whole;
  }

  /** Takes over what nobody follows. */
  async claim(): Promise<void> {
    const { tasks, replica, clock } = this.#gateway;
    for (const pursuit of await tasks.claimFollowed(replica, clock.now(), this.#until(0), AT_ONCE)) this.begin(pursuit);
  }

  begin(pursuit: FollowedTask): void {
    if (this.#running.has(pursuit.approval)) return;
    this.#running.add(pursuit.approval);
    const run = this.#pursue(pursuit)
      .catch((error) => this.#gateway.log.error({ err: error, approval: pursuit.approval }, 'a task is lost sight of'))
      .finally(() => this.#running.delete(pursuit.approval));
    this.#follow(run);
  }

  /** One look out of turn, for an agent that asks; what has ended is recorded first. null: nobody follows it any more. */
  async lookNow(approval: string): Promise<UpstreamTaskState | null> {
    const pursuit = await this.#gateway.tasks.findFollowed(approval);
    if (pursuit === null) return null;
    const sight = await this.#look(pursuit);
    if (sight.kind !== 'open' && !(sight.kind === 'lost' && !sight.forever)) await this.#record(pursuit, sight);
    return sight;
  }

  theirs({ approval, kept }: FollowedTask): UpstreamTask {
    return JSON.parse(UTF8.decode(this.#gateway.vault.open('request', rowOf(approval), kept))) as UpstreamTask;
  }

  /** null: the secret that it was sealed with is gone, and will not come back by waiting. */
  #followable(pursuit: FollowedTask): UpstreamTask | null {
    try {
      return this.theirs(pursuit);
    } catch {
      return null;
    }
  }

  async #pursue(pursuit: FollowedTask): Promise<void> {
    const { waitingRoom, tasks, clock, store, replica } = this.#gateway;
    const followable = this.#followable(pursuit);
    if (followable === null) {
      const why =
        'what is needed to follow the task that the server made of it cannot be read with the secrets of today';
      return this.#record(pursuit, { kind: 'lost', why, forever: true });
    }
    let { pollMs } = followable;
    let lostSince: number | null = null;
    while (await tasks.keepFollowed(pursuit.approval, replica, this.#until(pollMs))) {
      const approval = await store.find(pursuit.approval);
      if (approval === null || (isOver(approval.state) && approval.state !== 'unknown')) {
        return tasks.endFollowed(pursuit.approval);
      }
      await waitingRoom.wait(approval.id, approval.revision, new Date(clock.now().getTime() + pollMs));
      // A process that stops leaves it to the next one at once.
      if (!waitingRoom.open) return void (await tasks.keepFollowed(pursuit.approval, replica, clock.now()));
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

  #look(pursuit: FollowedTask): Promise<UpstreamTaskState> {
    const server = this.#servers(pursuit.server);
    if (server === undefined)
      return Promise.resolve({ kind: 'lost', why: 'the server is not configured', forever: false });
    return readUpstreamTask(server, pursuit.grant, this.theirs(pursuit)).catch((error: Error) => ({
      kind: 'lost',
      why: error.message,
      forever: false,
    }));
  }

  /** Approval first, then the agent's task, then the pursuit: whoever dies between them leaves the rest to be found. */
  async #record(pursuit: FollowedTask, sight: Exclude<UpstreamTaskState, { kind: 'open' }>): Promise<void> {
    const { tasks, store, clock } = this.#gateway;
    const approval = await store.find(pursuit.approval);
    if (approval === null) return;
    const task =
      pursuit.task === null ? null : await tasks.findTask(pursuit.task, pursuit.grant, pursuit.server, clock.now());
    if (sight.kind === 'cancelled' && task !== null) {
      const note = 'the server cancelled it';
      const at = clock.now();
      await tasks.changeTask({ id: task.id, from: ['relayed', 'held'], to: 'cancelled', at, note });
      const { joiner, grant, server } = task;
      await leave(this.#gateway, { joiner, grant, server, reason: note });
    }
    const dispatch = { approval, by: pursuit.dispatcher, taken: [], startedAt: pursuit.startedAt };
    const ended = await finish(this.#gateway, dispatch, outcomeOf(sight));
    if (task !== null) await settle(this.#gateway, task, ended);
    await tasks.endFollowed(pursuit.approval);
  }

  /** A lease beyond the next look: dead for longer, another replica takes it over. */
  #until(pollMs: number): Date {
    return new Date(this.#gateway.leases.until().getTime() + pollMs);
  }
}

function rowOf(approval: string): string {
  return `pursuit ${approval}`;
}

function outcomeOf(sight: Exclude<UpstreamTaskState, { kind: 'open' }>): Outcome {
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
