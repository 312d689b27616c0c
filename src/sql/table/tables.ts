import type { Generated, Kysely, Transaction } from 'kysely';
import type { AllowanceTable, CounterProposalTable, DenialTable } from './allowance-tables.ts';
import type {
  ApprovalTable,
  CardContentTable,
  CardTable,
  DecisionTable,
  JoinerTable,
  NoticeTable,
  OpeningTable,
  ReplicaTable,
  SessionTable,
} from './approval-tables.ts';
import type {
  AcceptanceTable,
  CheckpointTable,
  EpochTable,
  ErasableKeyTable,
  EventTable,
  LinkTable,
  PhraseTable,
  SealedSetTable,
  SinkTable,
} from './log-tables.ts';
import type { MemoryTable } from './memory-table.ts';
import type { OversightCursorTable, OversightSumsTable } from './oversight-tables.ts';
import type {
  ApiTokenTable,
  PersonEmailTable,
  PersonKeyTable,
  PersonLoginTable,
  SigningNonceTable,
} from './people-tables.ts';
import type { SampleTable } from './sample-table.ts';
import type { SnoozeTable } from './snooze-table.ts';
import type {
  AskedRequestTable,
  ContinuationTable,
  FollowedTaskTable,
  IssuedStateTable,
  QuestionTable,
  TaskTable,
} from './task-tables.ts';

/**
 * Our tables, all in the schema `holdfast`. Times are timestamptz; documents are `json`, which keeps their text as
 * given.
 */
export interface Tables {
  'holdfast.approvals': ApprovalTable;
  'holdfast.joiners': JoinerTable;
  'holdfast.decisions': DecisionTable;
  'holdfast.events': EventTable;
  'holdfast.links': LinkTable;
  'holdfast.phrases': PhraseTable;
  'holdfast.checkpoints': CheckpointTable;
  'holdfast.epoch': EpochTable;
  'holdfast.acceptances': AcceptanceTable;
  'holdfast.sealed_sets': SealedSetTable;
  'holdfast.sinks': SinkTable;
  'holdfast.counters': CounterTable;
  'holdfast.quota_parts': QuotaPartTable;
  'holdfast.cards': CardTable;
  'holdfast.card_contents': CardContentTable;
  'holdfast.sessions': SessionTable;
  'holdfast.replicas': ReplicaTable;
  'holdfast.notices': NoticeTable;
  'holdfast.openings': OpeningTable;
  'holdfast.tasks': TaskTable;
  'holdfast.continuations': ContinuationTable;
  'holdfast.pursuits': FollowedTaskTable;
  'holdfast.questions': QuestionTable;
  'holdfast.asked_requests': AskedRequestTable;
  'holdfast.issued_states': IssuedStateTable;
  'holdfast.logins': LoginTable;
  'holdfast.person_logins': PersonLoginTable;
  'holdfast.person_emails': PersonEmailTable;
  'holdfast.api_tokens': ApiTokenTable;
  'holdfast.person_keys': PersonKeyTable;
  'holdfast.signing_nonces': SigningNonceTable;
  'holdfast.memories': MemoryTable;
  'holdfast.snoozes': SnoozeTable;
  'holdfast.erasable_keys': ErasableKeyTable;
  'holdfast.oversight_sums': OversightSumsTable;
  'holdfast.oversight_cursor': OversightCursorTable;
  'holdfast.samples': SampleTable;
  'holdfast.revocations': RevocationTable;
  'holdfast.freezes': FreezeTable;
  'holdfast.policy_texts': PolicyTextTable;
  'holdfast.allowances': AllowanceTable;
  'holdfast.denials': DenialTable;
  'holdfast.counter_proposals': CounterProposalTable;
}

/** A database, or a transaction in it: for what runs in either. */
export type Db = Kysely<Tables> | Transaction<Tables>;

export interface CounterTable {
  key: string;
  window_start: Date;
  window_end: Date;
  used: string;
  /** How often parts of it were called back, and when last. */
  recalls: Generated<number>;
  recalled_at: Date | null;
}

/** No seal: nothing that is here makes a call pass; what a process holds of a window it knows itself. */
export interface QuotaPartTable {
  id: string;
  holder: string;
  key: string;
  window_start: Date;
  size: string;
  /** `recalls` of its counter when it was taken. */
  recalls: number;
  until: Date;
}

/** No seal: the digest of the text is its key. */
export interface PolicyTextTable {
  digest: string;
  body: string;
  at: Generated<Date>;
}

export interface LoginTable {
  id: string;
  reviewer: string;
  credential: string;
  at: Date;
  seen_at: Date;
  ends_at: Date;
  seal: string | null;
}

export interface RevocationTable {
  token_sha256: string;
  grant_name: string;
  at: Date;
  actor: string;
  reason: string | null;
  seal: Generated<string | null>;
}

/** Never deleted. `name`: the server or grant; null: everything. */
export interface FreezeTable {
  id: string;
  scope: 'all' | 'server' | 'grant';
  name: string | null;
  reason: string;
  by: string;
  since: Date;
  lifted_at: Date | null;
  lifted_by: string | null;
  lifted_reason: string | null;
  /** Null in rows from before there were any, as in the other tables of table/sealed-tables.ts. */
  seal: string | null;
}
