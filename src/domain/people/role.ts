/** What a person may do: an auditor reads, an approver decides where a group lists them, an operator freezes and revokes. */
export const ROLES = ['auditor', 'approver', 'operator'] as const;
export type Role = (typeof ROLES)[number];

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}
