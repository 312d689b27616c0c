import type { Clock, Revocations } from '../../ports.ts';

export type Revoked = 'revoked' | 'already';

/** A grant as the config has it: by its newest token, and by the one before it where that is still taken. */
export interface RevocableGrant {
  readonly name: string;
  readonly owner: string | null;
  readonly servers: readonly string[];
  readonly tokenSha256: string;
  readonly retiringSha256: string | null;
}

/** Takes a grant's present tokens away, for good and on every replica. `actor`: whose wish it was. */
export async function revokeGrant(
  { clock, revocations }: { readonly clock: Clock; readonly revocations: Revocations },
  { name, owner, servers, tokenSha256, retiringSha256 }: RevocableGrant,
  actor: string,
  reason: string | null,
): Promise<Revoked> {
  const at = clock.now();
  const base = { type: 'grant.revoked', at, actor, approval: null, server: null, tool: null, grant: name } as const;
  const event = { ...base, data: { reason, owner, servers: [...servers] } };
  let done = false;
  for (const token of [tokenSha256, retiringSha256]) {
    if (token === null) continue;
    done = (await revocations.revoke({ tokenSha256: token, grant: name, at, actor, reason }, event)) || done;
  }
  return done ? 'revoked' : 'already';
}
