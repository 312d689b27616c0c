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
  seal: string | null;
}

export interface ContinuationTable {
  digest: string;
  grant_name: string;
  server: string;
  fingerprint: string;
  approval_id: string;
  expires_at: Date;
  seal: string | null;
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
  seal: string | null;
}

/** What a server asked during a gated call. `answered_at`: null while it waits. */
export interface AskedRequestTable {
  n: Generated<string>;
  approval_id: string;
  grant_name: string;
  server: string;
  session: string | null;
  request_key: string;
  digest: string;
  kept: Uint8Array;
  asked_at: Date;
  answered_at: Date | null;
  seal: string | null;
}

/** A state that a server gave out: to a gated call, or where `approval_id` is null to an allowed request. */
export interface IssuedStateTable {
  n: Generated<string>;
  digest: string;
  grant_name: string;
  server: string;
  approval_id: string | null;
  issued_at: Date;
  until: Date;
  seal: string | null;
}

export interface QuestionTable {
  n: Generated<string>;
  task_id: string;
  session: string | null;
  request_id: string;
  kept: Uint8Array;
}
