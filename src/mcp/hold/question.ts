import type { Approval } from '../../domain/approval.ts';
import { type Json, member } from '../../domain/json.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { textAt } from '../json/edit.ts';

const UTF8 = new TextDecoder();

/**
 * A server that asks back before it answers (2026-07-28, MRTR) gets its answer in a call of its own. Under an approval
 * that is the same call: the state it issued is remembered by digest, good for one call, and needs no second approval.
 */
export async function rememberQuestion(
  gateway: Gateway,
  approval: Approval,
  state: string | null,
  expiresAt: Date,
): Promise<void> {
  await gateway.tasks.rememberContinuation({
    digest: gateway.vault.digest('state', state ?? ''),
    grant: approval.grant,
    server: approval.server,
    fingerprint: approval.fingerprint,
    approval: approval.id,
    expiresAt,
  });
}

/** What an `input_required` response asks: JSON text of the requests, and the state. Null for another response. */
export function questionIn(response: Uint8Array): { inputRequests: string | null; requestState: string | null } | null {
  const text = UTF8.decode(response);
  // Parsing a large result only to see what it is not would be a waste.
  if (!text.includes('input_required')) return null;
  const result = member(JSON.parse(text) as Json, 'result');
  if (member(result, 'resultType') !== 'input_required') return null;
  const state = member(result, 'requestState');
  return {
    inputRequests: textAt(text, ['result', 'inputRequests']),
    requestState: typeof state === 'string' ? state : null,
  };
}
