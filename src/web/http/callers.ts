import type { Context } from 'hono';
import type { Approver } from '../../domain/approval/approval.ts';
import { NO_SUBJECT } from '../../domain/log/event.ts';
import { judgeAccess } from '../../domain/people/access.ts';
import { actorOf } from '../../domain/people/actor.ts';
import type { Role } from '../../domain/people/role.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { TOKEN_PREFIX } from '../../gateway/person/tokens.ts';
import { bearerIn, isAdmin } from './admin-token.ts';
import type { LoginSessions } from './login-sessions.ts';
import type { PeopleDoors } from './people-doors.ts';
import type { AddressOf } from './remote-address.ts';

/** Who asks the API. */
export interface ApiCaller {
  readonly approver: Approver;
  /** null: the admin token, or a console login with it. */
  readonly roles: ReadonlySet<Role> | null;
  readonly by: 'admin_token' | 'personal_token' | 'login';
  /** The session of the console, by its login's id, and the name under which it is; absent: no session. */
  readonly login?: string;
  readonly name?: string;
}

export interface CallersDeps {
  readonly gateway: Pick<Gateway, 'clock' | 'journal'>;
  /** null: none is set. */
  readonly adminToken: string | null;
  readonly addressOf: AddressOf;
  /** Absent: console logins are not accepted. */
  readonly loginSessions?: LoginSessions;
  /** Absent: there are no people here. */
  readonly people?: PeopleDoors | undefined;
}

/** Finds out who asks the API. */
export class Callers {
  readonly #deps: CallersDeps;

  constructor(deps: CallersDeps) {
    this.#deps = deps;
  }

  /** false: nobody can be let in, whatever they present. */
  get isOpen(): boolean {
    return this.#deps.adminToken !== null || this.#hasProvider;
  }

  /** By the Authorization header alone; null: it carries nothing that is known. */
  async byToken(c: Context): Promise<ApiCaller | null> {
    const { adminToken, people, addressOf } = this.#deps;
    const authorization = c.req.header('authorization');
    if (isAdmin(authorization, adminToken)) {
      if (this.#hasProvider)
        people?.breakGlass.used('api', `${c.req.method} ${c.req.path}`.slice(0, 200), addressOf(c));
      return { approver: { id: 'admin', via: 'api', userGroups: [] }, roles: null, by: 'admin_token' };
    }
    const presented = bearerIn(authorization);
    if (people === undefined || !this.#hasProvider || !presented?.startsWith(TOKEN_PREFIX)) return null;
    const holder = await people.holders.holder(presented, addressOf(c));
    if (holder === null) return null;
    const approver = { id: holder.id, via: 'api', userGroups: [] } as const;
    return { approver, roles: new Set([holder.role]), by: 'personal_token' };
  }

  /** By the console's cookie; for changes see `cookieRequestFault`. null: nobody is signed in. */
  async byLogin(c: Context): Promise<ApiCaller | null> {
    const { loginSessions } = this.#deps;
    if (c.req.header('authorization') !== undefined || loginSessions === undefined) return null;
    const login = await loginSessions.activeLogin(c);
    if (login === null) return null;
    const { id, name, userGroups, roles = null } = login.reviewer;
    return { approver: { id, via: 'console', userGroups }, roles, by: 'login', login: login.login, name };
  }

  /** Why this caller may not do this, in words, which is then in the log; null: they may. */
  objection(c: Context, { approver, roles }: ApiCaller): string | null {
    const judged = judgeAccess(roles, c.req.method, c.req.path);
    if (judged.may) return null;
    noteRoleRefusal(this.#deps.gateway, c, approver, judged.why);
    return judged.why;
  }

  get #hasProvider(): boolean {
    return (this.#deps.people?.directory.provider() ?? null) !== null;
  }
}

/** Logs that somebody asked for what their role does not open. */
export function noteRoleRefusal(
  { clock, journal }: Pick<Gateway, 'clock' | 'journal'>,
  c: Context,
  who: { readonly id: string },
  reason: string,
): void {
  const data = { reason, asked: `${c.req.method} ${c.req.path}`.slice(0, 200) };
  journal.note({ ...NO_SUBJECT, type: 'admin.refused', at: clock.now(), actor: actorOf(who), data });
}
