import type { Gateway } from '../../gateway/gateway.ts';
import type { Revocations } from '../../ports.ts';
import type { Book } from '../pages/book.ts';

export type Revoked = 'revoked' | 'already' | 'not_found';

/** Takes a grant's present tokens away, for good and on every replica. */
export async function revoke(
  { gateway, revocations, book }: { gateway: Gateway; revocations: Revocations; book: Book },
  name: string,
  actor: string,
  reason: string | null,
): Promise<Revoked> {
  const grant = book.grants().find((one) => one.name === name);
  if (grant === undefined) return 'not_found';
  const at = gateway.clock.now();
  const event = { type: 'grant.revoked', at, actor, approval: null, server: null, tool: null } as const;
  const data = { reason, owner: grant.owner, servers: [...grant.servers] };
  let done = false;
  for (const tokenSha256 of [grant.tokenSha256, grant.retiringSha256]) {
    if (tokenSha256 === null) continue;
    const row = { tokenSha256, grant: name, at, actor, reason };
    done = (await revocations.revoke(row, { ...event, grant: name, data })) || done;
  }
  return done ? 'revoked' : 'already';
}
