import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Loaded } from '../../config/load.ts';
import { type BucketPlace, placeName } from '../../domain/log/archive-place.ts';
import { revealingAncestors } from '../../main/process/ancestors.ts';
import { Unavailable } from '../../ports.ts';
import { EXCLUSIVE } from '../../sink/archive-bucket.ts';
import { openBucket } from '../../sink/archives.ts';
import { ANSWER_MS, type DoctorFinding, fault, isLoopback, ok, warn } from './finding.ts';
import { saidByGateway } from './freezes.ts';

const ABOUT = 'archive';
/** Milliseconds for which archiving may fail before it is a fault: a store is away for a while now and then. */
const FAILING_MS = 6 * 3_600_000;
const HOUR_MS = 3_600_000;

/** Whether the place for old events can be reached, and whether a running gateway says that it archives. Changes nothing. */
export async function archiveFindings({ config, settings }: Loaded, now: Date): Promise<DoctorFinding[]> {
  const place = config.retention?.archive ?? null;
  if (place === null) return [];
  const [reached, said] = await Promise.all([
    place.kind === 'folder' ? folderFindings(place.path) : bucketFindings(place),
    saidByGateway(settings),
  ]);
  return [...shortRetention(config.retention!.retainMs), ...reached, ...failing(said?.archiving, now)];
}

function shortRetention(retainMs: number): DoctorFinding[] {
  if (retainMs >= HOUR_MS) return [];
  const what = `audit.retain is ${Math.round(retainMs / 60_000)} min: each quarter of it makes a segment with an event, a checkpoint and a head, which stay for good`;
  return [warn(ABOUT, what, 'Use it only to try archiving; otherwise an hour (1h) or more.')];
}

function failing(said: unknown, now: Date): DoctorFinding[] {
  const text = (said as { since?: unknown } | null | undefined)?.since;
  const since = typeof text === 'string' ? new Date(text) : null;
  if (since === null || Number.isNaN(since.getTime())) return [];
  const lastsMs = now.getTime() - since.getTime();
  const what = `the running gateway has not been able to archive since ${since.toISOString()} (${Math.max(0, Math.floor(lastsMs / HOUR_MS))} h): nothing is lost, and the database grows`;
  return [(lastsMs < FAILING_MS ? warn : fault)(ABOUT, what, 'Its log says why: "the log is not archived: …".')];
}

async function folderFindings(path: string): Promise<DoctorFinding[]> {
  const remedy = `Mount it, create it, or let this user write there; or correct audit.archive.`;
  const found = await stat(path).catch(() => null);
  const [there, what] = found === null ? [dirname(path), `${path} is not there yet, and cannot be made`] : [path, path];
  if (found !== null && !found.isDirectory()) return [fault(ABOUT, `${path} is no folder`, remedy)];
  try {
    await access(there, constants.R_OK | constants.W_OK | constants.X_OK);
    return [ok(ABOUT, `old events go to ${path}`)];
  } catch (error) {
    return [fault(ABOUT, `${what}: it cannot be written (${(error as NodeJS.ErrnoException).code})`, remedy)];
  }
}

async function bucketFindings(place: BucketPlace): Promise<DoctorFinding[]> {
  const name = placeName({ kind: 'bucket', ...place });
  const { endpoint } = place;
  const found: DoctorFinding[] = [];
  if (endpoint?.startsWith('http://') && !isLoopback(new URL(endpoint).hostname)) {
    found.push(warn(ABOUT, `${name}: the connection is not encrypted`, 'Use https for endpoint in audit.archive.'));
  }
  for (const { pid, program, names } of revealingAncestors(new Set(['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']))) {
    const what = `process ${pid} (${program}) holds ${names.join(', ')}, where every process of this user can read it`;
    found.push(warn(ABOUT, what, 'Name a file by AWS_SHARED_CREDENTIALS_FILE instead.'));
  }
  try {
    const client = await openBucket(place);
    const body = await client.get(`${place.prefix}${EXCLUSIVE}`, ANSWER_MS);
    body?.destroy();
    if (body !== null) return [...found, ok(ABOUT, `old events go to ${name}`)];
    return [
      ...found,
      ok(ABOUT, `${name} answers; no gateway has written there yet, or these credentials may not read it`),
    ];
  } catch (error) {
    const what = error instanceof Unavailable ? error.message : `${name} cannot be used`;
    return [
      ...found,
      fault(ABOUT, `${what}: nothing leaves the database`, 'Correct audit.archive, the variables AWS_…, or the store.'),
    ];
  }
}
