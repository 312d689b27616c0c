import type { RetentionSettings } from './config.ts';
import { ARCHIVE_FORM, type ConfigShape } from './config-schema.ts';
import { durationMs } from './document/duration.ts';
import { type FaultList, isNow } from './document/shape.ts';
import { inFolder } from './server.ts';

/** Milliseconds that events stay at least: where they are archived, and where they are deleted for good. */
const LEAST_MS = 60_000;
const LEAST_DELETED_MS = 86_400_000;
/** The word for deleting them for good, so that no log is lost by what was left out. */
const NONE = 'none';

/** null: the log stays in the database, as where the file says nothing. */
export function retentionOf(shape: ConfigShape['audit'], folder: string, faults: FaultList): RetentionSettings | null {
  const { retain, archive } = shape ?? {};
  if (retain === undefined && archive === undefined) return null;
  if (retain === undefined) {
    faults.add(['audit', 'archive'], 'stands without audit.retain', 'audit.retain beside it, such as 90d');
    return null;
  }
  if (archive === undefined) {
    faults.add(['audit', 'retain'], 'stands without audit.archive', `audit.archive beside it: ${ARCHIVE_FORM}`);
    return null;
  }
  const retainMs = durationMs(retain, ['audit', 'retain'], faults);
  if (retainMs === null) return null;
  const least = archive === NONE ? LEAST_DELETED_MS : LEAST_MS;
  if (retainMs < least) {
    const form = archive === NONE ? 'a day (1d) or more, because audit.archive is none' : 'a minute (1m) or more';
    faults.add(['audit', 'retain'], isNow(retain), form);
  }
  return { retainMs, archive: archive === NONE ? null : inFolder(folder, archive) };
}

/** Milliseconds that ended approvals stay at least: longer than any witness remembers one. */
const LEAST_APPROVALS_MS = 7 * 86_400_000;

/** null: they stay, as where the file says nothing. */
export function approvalsRetainOf(shape: ConfigShape['approvals'], faults: FaultList): number | null {
  const at = ['approvals', 'retain'];
  const retainMs = durationMs(shape?.retain, at, faults);
  if (retainMs !== null && retainMs < LEAST_APPROVALS_MS) faults.add(at, isNow(shape!.retain!), 'a week (7d) or more');
  return retainMs;
}
