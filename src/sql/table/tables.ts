import type { ColumnType, Generated, Kysely, Transaction } from 'kysely';
import type { Awaits, State } from '../../domain/approval.ts';
import type { TaskPhase } from '../../ports.ts';

/** Our tables, all in the schema `holdfast`. Times are timestamptz, documents are `json`: their text is kept as given. */
export interface Tables {
  'holdfast.approvals': ApprovalTable;
  'holdfast.joiners': JoinerTable;
  'holdfast.decisions': DecisionTable;
  'holdfast.events': EventTable;
  'holdfast.phrases': PhraseTable;
  'holdfast.checkpoints': CheckpointTable;
  'holdfast.sinks': SinkTable;
  'holdfast.counters': CounterTable;
  'holdfast.cards': CardTable;
  'holdfast.card_contents': CardContentTable;
  'holdfast.sessions': SessionTable;
  'holdfast.replicas': ReplicaTable;
  'holdfast.notices': NoticeTable;
  'holdfast.tasks': TaskTable;
  'holdfast.continuations': ContinuationTable;
  'holdfast.pursuits': FollowedTaskTable;
  'holdfast.questions': QuestionTable;
  'holdfast.logins': LoginTable;
  'holdfast.revocations': RevocationTable;
}

/** A database, or a transaction in it: for what runs in either. */
export type Db = Kysely<Tables> | Transaction<Tables>;

/** Read as a value, written as its text. */
type JsonColumn = ColumnType<unknown, string, string>;
type Bytes = Uint8Array;

export interface ApprovalTable {
  id: string;
  state: State;
  revision: number;
  server: string;
  tool: string;
  grant_name: string;
  owner: string | null;
  self_approval: boolean;
  fingerprint: string;
  requirement: JsonColumn;
  arguments: JsonColumn;
  trace: JsonColumn;
  stated_reason: string | null;
  previous_unknown: string | null;
  policy_digest: string;
  request: Bytes | null;
  created_at: Date;
  expires_at: Date;
  pickup_until: Date | null;
  lease_until: Date | null;
  dispatcher: string | null;
  reminded_at: Date | null;
  escalated_at: Date | null;
  awaits: Awaits | null;
  note: string | null;
  result: Bytes | null;
  /** Until when an absent caller is still owed the end of it. */
  result_until: Date | null;
  /** The revision that the card shows. */
  shown: Generated<number>;
  updated_at: Date;
}

export interface JoinerTable {
  id: string;
  approval_id: string;
  session: string | null;
  request_id: string;
  /** Whose socket it hangs on; null: away. */
  replica: string | null;
  joined_at: Date;
  collected_at: Date | null;
  left_at: Date | null;
}

export interface DecisionTable {
  approval_id: string;
  approver: string;
  choice: 'approve' | 'deny';
  reason: string | null;
  via: string;
  self: boolean;
  user_group: string | null;
  at: Date;
}

export interface EventTable {
  n: Generated<string>;
  /** RFC 8785 text of the event; what the chain is made over. */
  body: string;
  type: string;
  at: Date;
  approval_id: string | null;
  server: string | null;
  tool: string | null;
  grant_name: string | null;
  actor: string;
  seq: string | null;
  hash: string | null;
  /** What it says in common with others (phrases.ts); null: its words are its own. */
  phrase: string | null;
}

export interface PhraseTable {
  id: string;
  words: string;
}

export interface CheckpointTable {
  seq: string;
  hash: string;
  at: Date;
  body: string;
  signature: string;
}

export interface SinkTable {
  name: string;
  /** The last event it took. */
  seq: string;
  /** How often it failed since. */
  failures: number;
  updated_at: Date;
}

export interface CounterTable {
  key: string;
  window_start: Date;
  window_end: Date;
  used: string;
}

export interface CardTable {
  approval_id: string;
  channel: string;
  ts: string | null;
  revision: number;
  digest: string;
  posted_at: Date | null;
  /** The run that has the card, its replica, and until when at most. */
  run: string | null;
  run_by: string | null;
  run_until: Date | null;
}

export interface CardContentTable {
  /** Hex SHA-256 of the content. */
  digest: string;
  approval_id: string;
  content: string;
  kept_at: Date;
}

export interface SessionTable {
  id: string;
  server: string;
  grant_name: string;
  opened_at: Date;
}

export interface ReplicaTable {
  id: string;
  seen_at: Date;
}

export interface NoticeTable {
  notice: string;
  /** Nobody says it again before. */
  until: Date;
}

export interface LoginTable {
  id: string;
  reviewer: string;
  credential: string;
  at: Date;
  seen_at: Date;
  ends_at: Date;
}

export interface RevocationTable {
  token_sha256: string;
  grant_name: string;
  at: Date;
  actor: string;
  reason: string | null;
}

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
  request: Bytes;
  kept: Bytes | null;
  lease_until: Date | null;
  created_at: Date;
  updated_at: Date;
  expires_at: Date;
  fetched_at: Date | null;
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
  kept: Bytes;
  /** The replica that follows it, and until when it is left to that one. */
  holder: string;
  held_until: Date;
  started_at: Date;
}

export interface QuestionTable {
  n: Generated<string>;
  task_id: string;
  session: string | null;
  request_id: string;
  kept: Bytes;
}
