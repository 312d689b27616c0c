import type { Requirement } from '../domain/approval/approval.ts';
import type { Principal } from '../domain/call/call.ts';
import type { Policy } from '../domain/policy/policy.ts';
import type { Ask } from '../domain/policy/verdict.ts';

/** The config and policies as they stand now. A reload swaps what is behind it; a parked call keeps what it froze. */
export interface Rules {
  /** null: no such server (any more). */
  policy(server: string): Policy | null;
  /** The approvers an ask means, frozen into the approval. */
  requirement(ask: Ask): Requirement;
  /** The grant's principal while it may call this server; null once it was revoked, expired or unbound. */
  principal(grant: string, server: string): Principal | null;
  readonly approval: ApprovalTerms;
  /** SHA-256, hex, of the token that stands for this grant; null when there is no such grant. */
  token(grant: string): string | null;
  /** Learns what any replica has revoked by now; called before a pass is spent. Throws `Unavailable('store')`. */
  refresh(): Promise<void>;
}

/** Milliseconds, but for the count. */
export interface ApprovalTerms {
  readonly timeoutMs: number;
  readonly pickupMs: number;
  readonly maxPending: number;
}
