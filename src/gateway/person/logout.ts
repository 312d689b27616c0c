import { NO_SUBJECT } from '../../domain/log/event.ts';
import { loginMark } from '../../domain/log/marks.ts';
import type { IdentityProvider, Logins, PersonLogins } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import type { Directory } from './directory.ts';

/**
 * The provider says that one of its sessions, or all of an account's, are over: their logins end here, on every replica. How
 * many; null: the token is not one of the provider's for this client.
 */
export async function logOutByProvider(
  deps: {
    readonly gateway: Pick<Gateway, 'clock'>;
    readonly logins: Pick<Logins, 'end'>;
    readonly personLogins: Pick<PersonLogins, 'endedBy'>;
    readonly provider: Pick<IdentityProvider, 'logout'>;
    readonly directory: Pick<Directory, 'provider'>;
  },
  token: string,
): Promise<number | null> {
  const issuer = deps.directory.provider()?.issuer;
  const said = issuer === undefined ? null : await deps.provider.logout(token);
  if (issuer === undefined || said === null) return null;
  const { session, subject } = said;
  const which = session !== null ? { issuer, session } : { issuer, subject: subject! };
  const found = await deps.personLogins.endedBy(which);
  // A session of somebody else's is not this token's to end.
  const own = found.filter(({ identity }) => subject === null || identity.subject === subject);
  const at = deps.gateway.clock.now();
  for (const { id, identity } of own) {
    const data = { login: loginMark(id), why: 'the provider ended the session' };
    const actor = `sub:${identity.subject}`;
    await deps.logins.end(id, { ...NO_SUBJECT, type: 'admin.signed_out', at, actor, data });
  }
  return own.length;
}
