import type { Gateway } from '../../gateway/gateway.ts';
import type { TaskDoor } from '../../gateway/task/task-door.ts';
import type { TaskRuns } from '../../gateway/task/task-runs.ts';
import type { HeldCalls } from '../hold/held-calls.ts';
import type { ServerEntry } from '../upstream/server.ts';
import type { TaskSupport } from './support.ts';

/** What the handlers of task messages share. */
export interface TaskContext {
  readonly gateway: Gateway;
  /** The server of this name, as configured now. */
  readonly servers: (name: string) => ServerEntry | undefined;
  readonly door: TaskDoor;
  readonly heldCalls: HeldCalls;
  readonly runs: TaskRuns;
  readonly support: TaskSupport;
}
