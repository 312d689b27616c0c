import { NO_SUBJECT } from '../../domain/log/event.ts';
import { loginMark } from '../../domain/log/marks.ts';
import type { EndedAtProvider, IdentityProvider, Logins, PersonLogins } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import type { Directory } from './directory.ts';

/** Milliseconds for which a logout token is known again: longer than it may be taken (six minutes with clocks that differ). */
const REMEMBERED_MS = 8 * 60_000;

export interface LogoutDeps {
  readonly gateway: Pick<Gateway, 'clock' | 'store'>;
  readonly logins: Pick<Logins, 'end'>;
  readonly personLogins: Pick<PersonLogins, 'endedBy'>;
  readonly provider: Pick<IdentityProvider, 'logout'>;
  readonly directory: Pick<Directory, 'provider'>;
}

/**
 * The provider says that one of its sessions, or all of an account's, are over: their logins end here, on every replica. How
 * many; null: the token is not one of the provider's for this client, or has come before. Throws `Unavailable('provider')`
 * where that cannot be found out.
 */
export async function logOutByProvider(deps: LogoutDeps, token: string): Promise<number | null> {
  const issuer = deps.directory.provider()?.issuer;
  const said = issuer === undefined ? null : await deps.provider.logout(token);
  if (issuer === undefined || said === null) return null;
  const { store } = deps.gateway;
  const notice = `logout token ${said.mark}`;
  if (!(await store.claimNotice(notice, REMEMBERED_MS))) return null;
  try {
    return await endAll(deps, { issuer, session: said.session, subject: said.subject });
  } catch (error) {
    // It may be sent again: not all of it was done.
    await store.releaseNotice(notice);
    throw error;
  }
}

async function endAll({ gateway, logins, personLogins }: LogoutDeps, which: EndedAtProvider): Promise<number> {
  const found = await personLogins.endedBy(which);
  const at = gateway.clock.now();
  for (const { id, identity } of found) {
    const data = { login: loginMark(id), why: 'the provider ended the session' };
    const actor = `sub:${identity.subject}`;
    await logins.end(id, { ...NO_SUBJECT, type: 'admin.signed_out', at, actor, data });
  }
  return found.length;
}
