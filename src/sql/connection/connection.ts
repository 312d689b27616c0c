import type { Kysely } from 'kysely';
import type { Tables } from '../table/tables.ts';

/** A connection to one of the two kinds of SQL. The store never asks which. */
export interface SqlConnection {
  readonly db: Kysely<Tables>;
  close(): Promise<void>;
  /** Rejects when the disk under the database is full. Absent where we cannot know: on a remote Postgres. */
  checkDisk?(): Promise<void>;
}
