/** A grant as the API gives it. */
export interface ListedGrant {
  readonly name: string;
  readonly owner: string | null;
  readonly servers: readonly string[];
  readonly expires: string | null;
  readonly lastUse: string | null;
  readonly revoked: { readonly by: string; readonly at: string; readonly reason: string | null } | null;
}
