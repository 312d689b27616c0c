import type { Context } from 'hono';
import { member } from '../../domain/json/json.ts';
import type { StoreAcceptance } from '../../gateway/decision/accept-store.ts';
import { bodyObject } from './body.ts';

/** Characters. */
const MAX_REASON = 2_000;

/** The reason in a body that has nothing else to say, or what is wrong with it. */
export async function readReason(
  c: Context,
): Promise<
  { readonly ok: true; readonly text: string; readonly dryRun: boolean } | { readonly ok: false; readonly why: string }
> {
  const wrong = (why: string) => ({ ok: false, why }) as const;
  const body = await bodyObject(c);
  if (typeof body === 'string') return wrong(body);
  const reason = member(body, 'reason');
  if (typeof reason !== 'string' || reason.trim() === '')
    return wrong('reason is missing. Say why; it goes into the log.');
  if (reason.length > MAX_REASON) return wrong(`reason is longer than ${MAX_REASON} characters.`);
  const dryRun = member(body, 'dryRun') ?? false;
  if (typeof dryRun !== 'boolean') return wrong('dryRun is true or false: with true nothing is changed.');
  return { ok: true, text: reason.replaceAll('\0', '').toWellFormed(), dryRun };
}

/** What was accepted, as the API and `store accept --json` say it; with `dryRun`, what would be. */
export function acceptedJson(
  { acceptance, alarms, at, actor, reason, unknown, restored, ended, putBack, lost }: StoreAcceptance,
  dryRun = false,
) {
  return {
    accepted: dryRun ? null : acceptance.number,
    dryRun,
    at: at.toISOString(),
    by: actor,
    reason,
    found: alarms.map(({ kind, about, why }) => ({ kind, about, why })),
    unknown: [...unknown],
    restored: [...restored],
    ended: [...ended],
    putBack: putBack.map((one) => ({ ...one })),
    lost: lost.map((one) => ({ ...one })),
  };
}
