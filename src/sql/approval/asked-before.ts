import { type Kysely, sql } from 'kysely';
import type { AskedBefore } from '../../domain/approval/cue.ts';
import type { Tables } from '../table/tables.ts';

/**
 * Whether a principal's calls of a tool were sent before, and whether it asked for anything since. Two looks into indexes
 * of 0070, whose conditions are these words. What an agent asks and takes back itself counts for neither, so that it cannot
 * use up what makes its next question look different.
 */
export async function askedBefore(
  db: Kysely<Tables>,
  { grant, server, tool }: { readonly grant: string; readonly server: string; readonly tool: string },
  since: Date,
): Promise<AskedBefore> {
  const found = await sql<AskedBefore>`
    select
      exists (select 1 from holdfast.approvals where grant_name = ${grant} and server = ${server} and tool = ${tool}
        and state in ('dispatched', 'succeeded', 'failed', 'unknown')) as sent,
      exists (select 1 from holdfast.approvals where grant_name = ${grant} and created_at >= ${since}
        and state <> 'withdrawn') as today`.execute(db);
  return found.rows[0]!;
}
