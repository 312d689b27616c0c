import type { Gateway } from '../../gateway/gateway.ts';
import type { HeldCalls } from '../hold/held-calls.ts';
import type { TaskRuns } from './runs.ts';
import type { TaskSupport } from './support.ts';

/** What the methods share. */
export interface TaskContext {
  readonly gateway: Gateway;
  readonly desk: HeldCalls;
  readonly runs: TaskRuns;
  readonly support: TaskSupport;
}
