import type { AccountStanding, ProvenIdentity, RoleSource } from '../../domain/people/identity.ts';

/** One human of the config, for the page that shows who has what. */
export interface ListedPerson {
  readonly name: string;
  readonly slack: string | null;
  readonly login: string | null;
  readonly adminToken: boolean;
  readonly sources: readonly RoleSource[];
  /** Groups of approvers that list them by name. */
  readonly groups: readonly string[];
  /** Where they decide in the place of another, whom `for` names, and until when. */
  readonly standsIn: readonly { readonly group: string; readonly for: string; readonly until: string }[];
}

export interface SignInProvider {
  readonly issuer: string;
  readonly clientId: string;
  /** Its host, for people. */
  readonly label: string;
  /** After how many ms it is asked again about each login that is used. */
  readonly recheckMs: number;
}

/** The people of the config as it is now, and the provider by which they sign in. */
export interface Directory {
  /** null: nobody signs in by a provider. */
  provider(): SignInProvider | null;
  standing(identity: ProvenIdentity): AccountStanding;
  /** What the config alone gives whoever has this approver's id; null: it knows nobody by it. */
  member(id: string): { readonly name: string; readonly sources: readonly RoleSource[] } | null;
  people(): readonly ListedPerson[];
  /** The Slack user groups whose members are approvers, each once. */
  userGroups(): readonly string[];
  /** Values of the provider's claim and the roles that they give. */
  claims(): readonly { readonly claim: string; readonly value: string; readonly roles: readonly string[] }[];
}
