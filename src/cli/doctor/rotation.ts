import type { Kysely } from 'kysely';
import { sealedByOthers } from '../../sql/log/backlog.ts';
import type { Tables } from '../../sql/table/tables.ts';
import { plural } from '../../text/plural.ts';
import { rowSeals } from '../../vault/row-seals.ts';
import { type DoctorFinding, ok, warn } from './finding.ts';

/** Whether anything that still lives was sealed by another secret than the newest: as long as it was, that one is needed. */
export async function rotationFindings(db: Kysely<Tables>, secrets: readonly string[]): Promise<DoctorFinding[]> {
  const about = 'seals';
  const [newest, ...others] = secrets;
  if (newest === undefined) return [];
  const { approvals, events, keys } = await sealedByOthers(db, rowSeals([newest, ...others]).prefix);
  if (approvals + events + keys === 0) return [ok(about, 'nothing that is still needed is sealed by an older secret')];
  const wrapped = keys === 0 ? '' : `, and ${keys} ${plural(keys, 'key')} of what can be erased`;
  const what = `${approvals} live ${plural(approvals, 'approval')} and ${events} unsigned ${plural(events, 'event')}${wrapped} are not sealed by the newest secret`;
  const remedy =
    others.length > 0
      ? 'Keep the older secrets listed until this is over (docs/operations.md, Secret rotation).'
      : 'Nothing of them runs or is signed: list the secret before this one too (docs/operations.md, Secret rotation).';
  return [warn(about, what, remedy)];
}
