import { sameSecret } from '../../bytes/same-secret.ts';

/** A person in front of the console, once they were recognised. */
export interface Reviewer {
  /** The approver's id under which decisions are taken: `admin`, or a Slack id. */
  readonly id: string;
  /** For the page's corner. */
  readonly name: string;
  /** User groups that this person is known to be in. */
  readonly userGroups: readonly string[];
  /** What the login rests on; when it changes, every login made on it is over. A secret: only its keyed digest is kept. */
  readonly basis: string;
}

/** Who is this reviewer? The one seam for single sign-on: another implementation, and nothing else changes. */
export interface Identity {
  /** false: nobody can sign in, and the console says how to change that. */
  readonly open: boolean;
  /** Recognises what was presented. Takes as long for a wrong credential as for a right one. */
  present(credential: string): Promise<Reviewer | null>;
  /** The reviewer of a running login as they stand now; null when they may no longer come in. */
  reviewer(id: string): Promise<Reviewer | null>;
}

/** Whoever holds the admin token is `admin`. null: no token is set. */
export function adminIdentity(adminToken: string | null): Identity {
  const admin = adminToken === null ? null : { id: 'admin', name: 'admin', userGroups: [], basis: adminToken };
  return {
    open: admin !== null,
    present: async (credential) => (admin !== null && sameSecret(credential, admin.basis) ? admin : null),
    reviewer: async (id) => (id === 'admin' ? admin : null),
  };
}
