import { type Kysely, sql } from 'kysely';
import type { Tables } from '../table/tables.ts';

/**
 * What of this Postgres' settings lets commits be lost, in words for the operator: a lost commit is a decision or a
 * dispatch that nobody knows of after a fail-over.
 */
export async function lossySettings(db: Kysely<Tables>): Promise<string[]> {
  const found = await sql<{ commit: string; fsync: string; names: string; standbys: string; recovering: boolean }>`
    select current_setting('synchronous_commit') as commit, current_setting('fsync') as fsync,
      current_setting('synchronous_standby_names') as names, pg_is_in_recovery() as recovering,
      (select count(*) from pg_stat_replication where state = 'streaming') as standbys`.execute(db);
  const { commit, fsync, names, standbys } = found.rows[0]!;
  const faults: string[] = [];
  if (fsync === 'off') faults.push('fsync is off: a crash of the machine loses or breaks what was committed');
  if (commit === 'off') faults.push('synchronous_commit is off: a crash of the database loses the last commits');
  const hasStandby = Number(standbys) > 0 || names !== '';
  if (hasStandby && names === '') {
    faults.push(
      'it has a standby and no synchronous_standby_names: a fail-over to that standby loses the last commits',
    );
  } else if (hasStandby && commit === 'local') {
    faults.push('synchronous_commit is local: a fail-over to its standby loses the last commits');
  }
  return faults;
}
