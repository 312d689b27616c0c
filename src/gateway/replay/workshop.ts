import type { Policy } from '../../domain/policy/policy.ts';
import type { KnownCall } from '../../domain/replay/known-call.ts';
import type { ToolUse } from '../../domain/replay/usage.ts';

/** What is wrong with a policy's text, and where. */
export interface PolicyFault {
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
  readonly expected: string | null;
}

/** From what a policy is suggested. */
export interface SuggestionBasis {
  readonly server: string;
  readonly uses: readonly ToolUse[];
  readonly calls: readonly KnownCall[];
  readonly from: Date;
  readonly until: Date;
}

/** Reads and writes policy files; handed in, because files have a language of their own. */
export interface Workshop {
  /** The servers of the config. */
  readonly servers: () => readonly string[];
  /** The policy that rules there; null: there is none. */
  readonly ruling: (server: string) => Policy | null;
  readonly parse: (
    text: string,
    format: 'json' | 'yaml',
  ) => { readonly ok: true; readonly policy: Policy } | { readonly ok: false; readonly faults: readonly PolicyFault[] };
  /** In steps, between which others have a turn. */
  readonly suggest: (
    basis: SuggestionBasis,
  ) => Generator<void, { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string }>;
}
