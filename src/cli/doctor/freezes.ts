import type pg from 'pg';
import type { Settings } from '../../config/settings.ts';
import { ANSWER_MS, type DoctorFinding, warn } from './finding.ts';

const ABOUT = 'freeze';
const REMEDY = 'When its reason is over: holdfast thaw [--server S | --grant G] --reason …';
/** Freezes that are listed one by one. */
const MOST_LISTED = 10;

/** What is frozen, as the database says. */
export async function frozenInDatabase(pool: Pick<pg.Pool, 'query'>): Promise<DoctorFinding[]> {
  const table = await pool.query<{ there: boolean }>(`select to_regclass('holdfast.freezes') is not null as there`);
  if (table.rows[0]?.there !== true) return [];
  const found = await pool.query<{ scope: string; name: string | null; by: string; since: Date; reason: string }>(
    'select scope, name, "by", since, reason from holdfast.freezes where lifted_at is null order by since',
  );
  return listed(
    found.rows.map(({ scope, name, by, since, reason }) => {
      const what = name === null ? 'everything' : `the ${scope} ${name}`;
      return `${what} is frozen by ${by} since ${since.toISOString()}: ${reason}`;
    }),
  );
}

/** The same as a running gateway says at `/readyz`, where its database cannot be opened beside it. */
export async function frozenAtGateway({ listen, publicUrl }: Settings): Promise<DoctorFinding[]> {
  const frozen = (await saidByGateway({ listen, publicUrl }))?.frozen;
  // Where it does not run, whether it should is for the others to say.
  return Array.isArray(frozen) ? listed(frozen.map((scope) => `${String(scope)} is frozen`)) : [];
}

/** What a running gateway says at `/readyz`; null: none answers there. */
export async function saidByGateway({ listen, publicUrl }: Pick<Settings, 'listen' | 'publicUrl'>): Promise<{
  readonly frozen?: unknown;
  readonly watching?: unknown;
  readonly archiving?: unknown;
} | null> {
  const host = addressHere(listen);
  const url = publicUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${listen.port}`;
  try {
    const response = await fetch(`${url}/readyz`, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) });
    return (await response.json()) as object;
  } catch {
    return null;
  }
}

/** Where a gateway that listens there is reached from this machine. */
export function addressHere({ host }: Settings['listen']): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

function listed(freezes: readonly string[]): DoctorFinding[] {
  const more = freezes.length - MOST_LISTED;
  return [
    ...freezes.slice(0, MOST_LISTED).map((what) => warn(ABOUT, `${what}: nothing new is sent`, REMEDY)),
    ...(more > 0 ? [warn(ABOUT, `${more} more freezes are in force`, REMEDY)] : []),
  ];
}
