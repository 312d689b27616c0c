import type { Role } from './role.ts';

/** Whom a provider vouches for, as far as its claims were checked. */
export interface ProvenIdentity {
  readonly issuer: string;
  /** The provider's own name for the account; exact. */
  readonly subject: string;
  /** In lower case, and only where the provider calls it verified; null: it does not. */
  readonly email: string | null;
  /** How pages show the person; from the provider, so anything. */
  readonly name: string;
  /** What the claim of `oidc.roles` said. */
  readonly values: readonly string[];
  /** Why `values` may say too little; null: the claim was there. */
  readonly lacking: 'absent' | 'overage' | 'malformed' | null;
}

/** Where a role comes from: `people` in the file, or a value of the provider's claim. */
export interface RoleSource {
  readonly role: Role;
  /** In words for pages: `people.mira.roles`, `groups: sec-approvers`. */
  readonly from: string;
}

export type AccountStanding =
  | {
      readonly kind: 'known';
      /** The approver's id: a Slack id, a login, or `sub:…` for an account that belongs to nobody under `people`. */
      readonly id: string;
      /** The name under `people`; null: none. */
      readonly person: string | null;
      readonly sources: readonly RoleSource[];
      /** By which the person was found; `email` belongs to the first account that came with it. */
      readonly by: 'subject' | 'login' | 'email' | 'claim';
    }
  /** `why`: what to do, for the person who was refused. */
  | { readonly kind: 'refused'; readonly why: string };

/** By what an account is somebody. Where it is another one later, whatever began with it is over. */
export interface AccountBinding {
  /** The name under `people`; null: none. */
  readonly person: string | null;
  readonly by: Extract<AccountStanding, { readonly kind: 'known' }>['by'];
}

export function rolesOf(sources: readonly RoleSource[]): ReadonlySet<Role> {
  return new Set(sources.map(({ role }) => role));
}
