import type { Kysely } from 'kysely';
import type { MeasuredClock } from '../../time/measured-clock.ts';
import type { Tables } from '../table/tables.ts';

/** A connection to one of the two kinds of SQL. The store never asks which. */
export interface SqlConnection {
  readonly db: Kysely<Tables>;
  close(): Promise<void>;
  /** The server's clock, learnt anew by each `ping` and `beat` of the store. Absent: it is this machine's. */
  readonly clock?: MeasuredClock;
  /** Sets the one listener for connections that broke: the next one may lead to another server. Absent: none can. */
  onBreak?(listener: () => void): void;
  /** What of the server's settings lets commits be lost, in words. Absent: it has none. */
  lossy?(): Promise<string[]>;
  /** Rejects when the disk under the database is full. Absent where we cannot know: on a remote Postgres. */
  checkDisk?(): Promise<void>;
}
