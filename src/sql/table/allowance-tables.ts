/** JSON documents are text, so that they stay what was sealed. Rows are never deleted. */
export interface AllowanceTable {
  id: string;
  approval_id: string;
  grant_name: string;
  server: string;
  tool: string;
  owner: string | null;
  token_sha256: string;
  policy_digest: string;
  may_vary: string;
  within: string;
  likeness: string;
  look: string | null;
  bounds: string;
  used: number;
  at: Date;
  until: Date;
  given_by: string;
  ended_at: Date | null;
  ended_why: string | null;
  ended_by: string | null;
  seal: string | null;
}

export interface DenialTable {
  id: string;
  approval_id: string;
  grant_name: string;
  server: string;
  tool: string;
  may_vary: string;
  likeness: string;
  reason: string | null;
  at: Date;
  until: Date;
  given_by: string;
  ended_at: Date | null;
  ended_why: string | null;
  ended_by: string | null;
  seal: string | null;
}

export interface CounterProposalTable {
  /** The approval that it opened. */
  id: string;
  /** The approval that was denied with it. */
  approval_id: string;
  grant_name: string;
  server: string;
  tool: string;
  fingerprint: string;
  proposed_by: string;
  at: Date;
  ended_at: Date | null;
  seal: string | null;
}
