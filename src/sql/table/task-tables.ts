import type { Generated } from 'kysely';
import type { TaskPhase } from '../../ports.ts';

export interface TaskTable {
  id: string;
  approval_id: string;
  joiner_id: string;
  grant_name: string;
  server: string;
  era: 'legacy' | 'modern';
  phase: TaskPhase;
  outcome: 'completed' | 'tool_error' | 'protocol_error' | null;
  note: string | null;
  request: Uint8Array;
  kept: Uint8Array | null;
  lease_until: Date | null;
  created_at: Date;
  updated_at: Date;
  expires_at: Date;
  fetched_at: Date | null;
  leg_id: string | null;
  leg_joiner: string | null;
}

export interface ContinuationTable {
  digest: string;
  grant_name: string;
  server: string;
  fingerprint: string;
  approval_id: string;
  expires_at: Date;
}

export interface FollowedTaskTable {
  approval_id: string;
  dispatcher: string;
  task_id: string | null;
  grant_name: string;
  server: string;
  kept: Uint8Array;
  /** The replica that follows it, and until when others leave it alone. */
  holder: string;
  held_until: Date;
  started_at: Date;
}

export interface QuestionTable {
  n: Generated<string>;
  task_id: string;
  session: string | null;
  request_id: string;
  kept: Uint8Array;
}
