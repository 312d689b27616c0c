import type { Loaded } from '../../config/load.ts';
import {
  isWatchedLong,
  WATCHED_LONG_DAYS,
  type Watching,
  watchingIn,
  watchingName,
} from '../../domain/policy/watching.ts';
import { type DoctorFinding, warn } from './finding.ts';
import { saidByGateway } from './freezes.ts';

const ABOUT = 'watch';

/**
 * What is only watched by the files, and since when by the log, as a running gateway says. From 14 days on it is asked
 * whether that is still meant.
 */
export async function watchFindings({ policies, settings }: Loaded, now: Date): Promise<DoctorFinding[]> {
  const watching = watchingIn(policies);
  if (watching.length === 0) return [];
  const said = (await saidByGateway(settings))?.watching;
  const since = new Map(
    (Array.isArray(said) ? said : []).map((one: WatchedAnswer) => [nameIn(one), one.since ?? null]),
  );
  return watching.map((one) => findingOf(one, dateIn(since.get(watchingName(one))), now));
}

interface WatchedAnswer {
  readonly server?: unknown;
  readonly rule?: unknown;
  readonly since?: unknown;
}

function nameIn({ server, rule }: WatchedAnswer): string {
  return watchingName({ server: String(server), rule: typeof rule === 'string' ? rule : null });
}

function dateIn(since: unknown): Date | null {
  const date = typeof since === 'string' ? new Date(since) : null;
  return date === null || Number.isNaN(date.getTime()) ? null : date;
}

function findingOf(one: Watching, since: Date | null, now: Date): DoctorFinding {
  const what = `${watchingName(one)} is only watched: its verdicts and limits are recorded and not enforced`;
  const where =
    one.rule === null ? `mode under servers.${one.server}` : `mode of tools.${one.rule} in the policy of ${one.server}`;
  const remedy = `When its would-be verdicts are right (verdict "would deny" and "would ask" in the console): ${where}: enforce.`;
  if (since === null) return warn(ABOUT, `${what}; since when is known while the gateway runs`, remedy);
  if (!isWatchedLong(since, now)) return warn(ABOUT, `${what}, since ${since.toISOString()}`, remedy);
  const days = Math.floor((now.getTime() - since.getTime()) / 86_400_000);
  return warn(
    ABOUT,
    `${what}, for ${days} days: more than ${WATCHED_LONG_DAYS}, so it protects nothing and may be forgotten`,
    remedy,
  );
}
