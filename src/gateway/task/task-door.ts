import type { Approval } from '../../domain/approval/approval.ts';
import type { Outcome } from '../../domain/approval/dispatch.ts';
import type { Call, Principal } from '../../domain/call/call.ts';
import type { Task } from '../../ports.ts';
import type { ToldCounter } from '../counter/told-counter.ts';

/** What a server asks the agent before it goes on (2026-07-28, MRTR), as JSON texts; null where it says nothing. */
export interface ServerQuestion {
  readonly inputRequests: string | null;
  readonly requestState: string | null;
}

/** What a server asked a task's agent, and the answers so far; kept as JSON texts, so that no number is rounded. */
export interface Questions extends ServerQuestion {
  /** The agent's answers, by name. */
  readonly given: Readonly<Record<string, string>>;
  /** How often the server has asked. */
  readonly round: number;
}

/** A task that a server made of an approved call: what is needed to follow it. */
export interface UpstreamTaskHandle {
  /** How the door asks about it, in the door's own form. */
  readonly kept: Uint8Array;
  /** Milliseconds that the server wants between two polls. */
  readonly pollMs: number;
  /** Tells the server that made it that it is no longer wanted. Never rejects for what the server answers. */
  cancel(): Promise<void>;
}

/** The state of a server's own task. */
export type UpstreamTaskState =
  /**
   * Not over. `text`: the server's own description, the JSON of its `tasks/get` result. `leftOut`: bytes of what it asks,
   * where that is too long to be in `text`; null: it is not.
   */
  | { readonly kind: 'open'; readonly text: string; readonly pollMs: number; readonly leftOut: number | null }
  /** `response`: the answer to the call itself. */
  | { readonly kind: 'ended'; readonly response: Uint8Array; readonly failed: boolean }
  | { readonly kind: 'cancelled' }
  /** Nothing is known of it now. `forever`: nor ever will be. */
  | { readonly kind: 'lost'; readonly why: string; readonly forever: boolean };

/** How the sending of a task's call ended, and what its answer was if that was not its end. */
export interface TaskSent {
  readonly outcome: Outcome;
  /** Nothing was sent because the server no longer knows the session. */
  readonly sessionLost: boolean;
  /** The server asks back. */
  readonly question: ServerQuestion | null;
  /** The server runs the call as a task of its own. */
  readonly made: UpstreamTaskHandle | null;
}

/** Words the answers to tasks, in the agents' protocol. */
export interface TaskAnswers {
  /** The JSON-RPC response for an approval that ended without an answer to pass on. `note`: its first line. */
  withoutAnswer(approval: Approval, counter: ToldCounter | null): { readonly response: string; readonly note: string };
  /** The JSON-RPC response for a call whose task the server cancelled. */
  cancelledByServer(): string;
  /** What a JSON-RPC response means for the task. */
  outcomeOf(response: string): Task['outcome'];
}

/** What only the agents' door can do for a task: read its stored request, talk to its server, word its answers. */
export interface TaskDoor {
  readonly answers: TaskAnswers;
  /** The call in a stored request. */
  callOf(request: Uint8Array, server: string, principal: Principal): Call;
  /** The stored request as it answers what its server asked, in the same form. */
  answering(task: Task, request: Uint8Array, questions: Questions): Uint8Array;
  /** What a server asks, for people; bounded. */
  serversWord(question: ServerQuestion): string;
  /** Sends the call. `fresh`: in a session of the gateway's own, because the agent's is over. Never rejects. */
  send(task: Task, request: Uint8Array, fresh: boolean, signal: AbortSignal): Promise<TaskSent>;
  /** The server's own id of its task. */
  taskIdIn(kept: Uint8Array): string;
  /** Milliseconds between two polls of a server's task, as agreed when it was made. */
  pollMs(kept: Uint8Array): number;
  /** Asks for the state of a server's task. `open`: its handle, opened only where the server is configured; may throw. */
  poll(server: string, grant: string, open: () => Uint8Array): Promise<UpstreamTaskState>;
}
