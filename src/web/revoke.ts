import type { Gateway } from '../gateway/gateway.ts';
import type { Revocations } from '../ports.ts';
import type { Book } from './book.ts';

export type Revoked = 'revoked' | 'already' | 'not_found';

/** Takes a grant's present token away, for good and on every replica. */
export async function revoke(
  { gateway, revocations, book }: { gateway: Gateway; revocations: Revocations; book: Book },
  name: string,
  actor: string,
  reason: string | null,
): Promise<Revoked> {
  const grant = book.grants().find((one) => one.name === name);
  if (grant === undefined) return 'not_found';
  const at = gateway.setting.clock.now();
  const event = { type: 'grant.revoked', at, actor, approval: null, server: null, tool: null } as const;
  const done = await revocations.revoke(
    { tokenSha256: grant.tokenSha256, grant: name, at, actor, reason },
    { ...event, grant: name, data: { reason, owner: grant.owner, servers: [...grant.servers] } },
  );
  return done ? 'revoked' : 'already';
}
