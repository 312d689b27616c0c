import type { Generated } from 'kysely';

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
  /** What it has in common with others (log/phrases.ts); null: its words are its own. */
  phrase: string | null;
  /** Null in events from before there were seals. */
  seal: string | null;
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
  /** The place of the last event that it took. */
  seq: string;
  /** How often it has failed since. */
  failures: number;
  updated_at: Date;
}

/** One row. */
export interface EpochTable {
  one: Generated<boolean>;
  /** The log's id. */
  log: string;
  /** The last place in the chain whose events may be without a seal. */
  head: string;
  at: Date;
  seal: string;
}

/** One row for each time that an operator accepted the store as it is. */
export interface AcceptanceTable {
  /** 1 for the first. */
  number: string;
  log: string;
  at: Date;
  /** The chain's last place then: events up to there are signed as they are. */
  head: string;
  /** The cursor of the last event then: events up to there that no gateway wrote are known. */
  last_event: string;
  seal: string;
  /** By it the row is found: a MAC over log and number. Null: of a build that had none. */
  tag: string | null;
}

/** The key under which the log tells of an approval's call; where it was destroyed, who did it. */
export interface ErasableKeyTable {
  approval_id: string;
  /** Wrapped; null: it was destroyed. */
  key: Uint8Array | null;
  /** A seal, a blank, and JSON; null: nothing was erased. */
  erased: string | null;
  /** The beginning of a seal by the secret that wrapped or sealed it. */
  secret: string;
}

/** The head of a set of rows that matter by being there. */
export interface SealedSetTable {
  name: string;
  version: string;
  count: string;
  digest: string;
  seal: string;
}

/** What stays of a stretch of the log that was cut. `path`: hashes, with a space between them. */
export interface LinkTable {
  seq: string;
  previous: string;
  /** The event is not deleted. False: it is the first one after a cut. */
  kept: boolean;
  checkpoint: string | null;
  path: string;
}
