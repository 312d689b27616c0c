import { sameSecret } from '../../bytes/same-secret.ts';
import type { Role } from '../../domain/people/role.ts';

/** A person who uses the console. */
export interface Reviewer {
  /** The approver's id under which their decisions count: `admin`, or a Slack id. */
  readonly id: string;
  /** The name shown in the page's header. */
  readonly name: string;
  /** The user groups that this person is known to be in. */
  readonly userGroups: readonly string[];
  /** What they signed in with. When it changes, every login made with it ends. A secret: only its keyed digest is kept. */
  readonly credential: string;
  /** What they may do; null or absent: the holder of the admin token, whom no role bounds. */
  readonly roles?: ReadonlySet<Role> | null;
}

/** Says whose the credentials are that are typed in. Who signs in by a provider is known by `people-doors.ts`. */
export interface Identity {
  /** false: nobody can sign in, and the console explains how to change that. */
  readonly canSignIn: boolean;
  /** Whose credential this is; null: nobody's. Takes as long for a wrong credential as for a right one. */
  authenticate(credential: string): Promise<Reviewer | null>;
  /** The reviewer of an existing login, as of now; null when they may no longer sign in. */
  reviewer(id: string): Promise<Reviewer | null>;
}

/** Whoever presents the admin token is `admin`. null: no token is set, so nobody can sign in. */
export function adminIdentity(adminToken: string | null): Identity {
  const admin = adminToken === null ? null : { id: 'admin', name: 'admin', userGroups: [], credential: adminToken };
  return {
    canSignIn: admin !== null,
    authenticate: async (credential) => (admin !== null && sameSecret(credential, admin.credential) ? admin : null),
    reviewer: async (id) => (id === 'admin' ? admin : null),
  };
}
