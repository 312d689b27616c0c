import { NO_SUBJECT } from '../../domain/log/event.ts';
import { tokenMark } from '../../domain/log/marks.ts';
import type { Clock, Revocations } from '../../ports.ts';

/** `already`: every token had been revoked before. */
export type Revoked = 'revoked' | 'already';

/** A grant of the config: its newest token, and the previous one while that is still accepted. */
export interface RevocableGrant {
  readonly name: string;
  readonly owner: string | null;
  readonly servers: readonly string[];
  readonly tokenSha256: string;
  readonly retiringSha256: string | null;
}

/** Revokes a grant's current tokens, for good and on every replica. `actor`: who revokes them. */
export async function revokeGrant(
  { clock, revocations }: { readonly clock: Clock; readonly revocations: Revocations },
  { name, owner, servers, tokenSha256, retiringSha256 }: RevocableGrant,
  actor: string,
  reason: string | null,
): Promise<Revoked> {
  const at = clock.now();
  const base = { type: 'grant.revoked', at, actor, ...NO_SUBJECT, grant: name } as const;
  let revoked = false;
  for (const token of [tokenSha256, retiringSha256]) {
    if (token === null) continue;
    const event = { ...base, data: { reason, owner, servers: [...servers], token: tokenMark(token) } };
    revoked = (await revocations.revoke({ tokenSha256: token, grant: name, at, actor, reason }, event)) || revoked;
  }
  return revoked ? 'revoked' : 'already';
}
