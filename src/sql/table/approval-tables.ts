import type { ColumnType, Generated } from 'kysely';
import type { Awaits, State } from '../../domain/approval/approval.ts';

/** Read as a value, written as its text. */
type JsonColumn = ColumnType<unknown, string, string>;

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
  sent: JsonColumn;
  hidden: JsonColumn;
  answers_to: string | null;
  asked: ColumnType<unknown, string | null, string | null>;
  questions: Generated<number>;
  answers: ColumnType<unknown, string | undefined, string>;
  trace: JsonColumn;
  stated_reason: string | null;
  later_reasons: ColumnType<unknown, string | undefined, string>;
  previous_unknown: string | null;
  /** JSON, as it was sealed: whose counter-proposal it is; null: an agent opened it. */
  counter_of?: string | null;
  policy_digest: string;
  request: Uint8Array | null;
  created_at: Date;
  expires_at: Date;
  pickup_until: Date | null;
  lease_until: Date | null;
  dispatcher: string | null;
  reminded_at: Date | null;
  escalated_at: Date | null;
  awaits: Awaits | null;
  note: string | null;
  result: Uint8Array | null;
  /** Until when an absent caller is still owed its end. */
  result_until: Date | null;
  /** The revision that the card shows. */
  shown: Generated<number>;
  /** Seals; null in rows from before there were any. See sql/table/sealed-rows.ts. */
  shown_digest: string | null;
  frozen_seal: string | null;
  /** The revision at which the state was reached. */
  state_revision: Generated<number>;
  state_seal: string | null;
  reasons_seal: string | null;
  /** What was found out about the call, and what later ones are compared with. See sql/table/sealed-facts.ts. */
  facts: Generated<string | null>;
  particulars: Generated<string | null>;
  updated_at: Date;
}

export interface JoinerTable {
  id: string;
  approval_id: string;
  session: string | null;
  request_id: string;
  /** The replica that holds its socket; `task` for a task; null: away. */
  replica: string | null;
  joined_at: Date;
  collected_at: Date | null;
  left_at: Date | null;
  /** When its client gave up waiting; null: it did not, or somebody has the seat again. */
  gave_up_at?: Date | null;
}

export interface DecisionTable {
  approval_id: string;
  approver: string;
  choice: 'approve' | 'deny';
  reason: string | null;
  via: string;
  self: boolean;
  user_group: string | null;
  person: string | null;
  /** By what it counts, as `rightsText` writes it; null: as one who may approve. */
  rights: string | null;
  /** What a passkey signed, as canonical JSON. */
  signature?: string | null;
  /** JSON: what the yes allows in advance. */
  offers: string | null;
  /** The allowance by which the vote counts here. */
  allowance: string | null;
  /** The approval that the denial opened. */
  counter?: string | null;
  at: Date;
  seal: string | null;
}

export interface CardTable {
  approval_id: string;
  channel: string;
  ts: string | null;
  revision: number;
  digest: string;
  posted_at: Date | null;
  /** The freeze that it tells of; null: none. */
  told_freeze: string | null;
  /** Why its channel takes nothing; null: it takes the card, or nobody knows. */
  refused?: string | null;
  /** When Slack is asked next whether the message is still there; null: a while after it was posted. */
  look_at?: Date | null;
  /** The seal of the last event that says what the card showed; null: there was none. */
  event_seal?: string | null;
  /** Null in rows from before there were any. See sql/table/sealed-tables.ts. */
  seal?: string | null;
  /** The run that is writing the card, its replica, and until when at most. */
  run: string | null;
  run_by: string | null;
  run_until: Date | null;
}

export interface CardContentTable {
  /** Hex SHA-256 of the content. */
  digest: string;
  approval_id: string;
  /** Empty where it is packed. */
  content: string;
  /** See sql/approval/packed-card.ts; null in rows from before cards were packed. */
  packed: Uint8Array | null;
  kept_at: Date;
}

export interface SessionTable {
  id: string;
  server: string;
  grant_name: string;
  opened_at: Date;
  seal: string | null;
}

export interface ReplicaTable {
  id: string;
  seen_at: Date;
  /** It seals what it saves of cards. */
  seals_cards: boolean;
}

export interface NoticeTable {
  notice: string;
  /** It is not sent again before then. */
  until: Date;
}

export interface OpeningTable {
  /** The approval's id; for a session, an id of its own. */
  id: string;
  grant_name: string;
  kind: 'approval' | 'session';
  /** By the database's clock. */
  at: Generated<Date>;
  /** Of an approval: its number among its grant's, and the bytes asked for up to it. Of a replica of an older release: by a trigger. */
  seq: Generated<string | null>;
  total: Generated<string | null>;
}
