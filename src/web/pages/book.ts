import type { Policy } from '../../domain/policy/policy.ts';

/** A server as the config names it; nothing of its address or credentials. */
export interface ServerView {
  readonly name: string;
  readonly kind: 'http' | 'stdio';
  readonly policy: Policy | null;
  /** When its own list of tools last passed through this process; null: not since it started. */
  readonly listedAt: Date | null;
}

/** A grant as the config has it. */
export interface GrantView {
  readonly name: string;
  readonly owner: string | null;
  readonly servers: readonly string[];
  readonly expires: Date | null;
  readonly selfApproval: boolean;
  /** Lower-case hex; told to nobody, it is what a revocation names. */
  readonly tokenSha256: string;
  /** The same of the token before, while both are taken; null: there is one only. */
  readonly retiringSha256: string | null;
}

/** The config as it stands, for reading. A reload shows at once. */
export interface Book {
  servers(): readonly ServerView[];
  grants(): readonly GrantView[];
}
