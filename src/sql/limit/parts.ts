import { type Kysely, sql } from 'kysely';
import { type Take, takeKey } from '../../domain/policy/limit.ts';
import type { AskedPart, GrantedPart, PartStore, SeenPart } from '../../ports.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import type { Tables } from '../table/tables.ts';
import { windowWidth } from './window.ts';

/** Takes parts of the windows that the database's clock is in, in one statement. */
export async function takeParts(
  db: Kysely<Tables>,
  holder: string,
  leaseMs: number,
  parts: readonly AskedPart[],
): Promise<readonly GrantedPart[]> {
  const requests = parts.map(({ id, take, ask }) => ({
    id,
    key: takeKey(take),
    width: windowWidth(take),
    max: take.max,
    ask,
  }));
  const taken = await sql<{ part: string; granted: number; starts: Date; left_ms: number }>`${KEPT_PLAN}
    select part, granted::float8 as granted, starts, left_ms
    from holdfast.take_parts(${holder}, ${leaseMs}::float8, ${JSON.stringify(requests)}::json)`.execute(db);
  return taken.rows.map(({ part, granted, starts, left_ms }) => ({
    id: part,
    size: granted,
    windowStart: starts,
    leftMs: left_ms,
  }));
}

export async function lookAtParts(
  db: Kysely<Tables>,
  holder: string,
  ids: readonly string[],
  renewMs: number | null,
): Promise<readonly SeenPart[]> {
  const seen = await sql<{ part: string; alive: boolean; recalled: boolean }>`${KEPT_PLAN}
    select part, alive, recalled
    from holdfast.look_at_parts(${holder}, ${JSON.stringify(ids)}::json, ${renewMs}::float8)`.execute(db);
  return seen.rows.map(({ part, alive, recalled }) => ({ id: part, alive, recalled }));
}

export async function giveBackParts(
  db: Kysely<Tables>,
  holder: string,
  parts: Parameters<PartStore['giveBackParts']>[1],
): Promise<void> {
  const ended = JSON.stringify(parts.map(({ id, left }) => ({ id, remains: left })));
  await sql`${KEPT_PLAN} select holdfast.give_back_parts(${holder}, ${ended}::json)`.execute(db);
}

export async function callBackParts(db: Kysely<Tables>, holder: string, take: Take): Promise<number> {
  const found = await sql<{ others: number }>`
    select holdfast.call_back_parts(${holder}, ${takeKey(take)}, ${windowWidth(take)}) as others`.execute(db);
  return found.rows[0]?.others ?? 0;
}

export async function partsOut(db: Kysely<Tables>, holder: string, take: Take): Promise<number> {
  const found = await sql<{ others: number }>`
    select count(*)::int as others from holdfast.quota_parts p
    where p.key = ${takeKey(take)} and p.window_start = holdfast.window_start(${windowWidth(take)}, clock_timestamp())
      and p.holder <> ${holder} and p.until > clock_timestamp()`.execute(db);
  return found.rows[0]?.others ?? 0;
}
