/** The cryptography that a check needs; handed in, because the domain imports none. */
export interface Proof {
  /** Hex SHA-256 of the text as UTF-8. */
  sha256(text: string): string;
  /** SHA-256 of these octets. */
  digest(octets: Uint8Array): Uint8Array;
  /** Ed25519 (RFC 8032). Key and signature as hex; false for anything malformed. */
  verifies(key: string, text: string, signature: string): boolean;
}

/** One event as it is found in the evidence. */
export interface Link {
  /** null: not sealed yet. */
  readonly seq: number | null;
  readonly hash: string | null;
  /** The canonical text. */
  readonly text: string;
  /** False: the columns that searches use say something other than the text. */
  readonly agrees: boolean;
}

/** What does not fit, and where. `seq` is the first event concerned. */
export type ChainFault =
  /** The event does not follow from the one before it: one of the two was changed. */
  | { readonly kind: 'changed'; readonly seq: number }
  /** `seq` to `until` are missing. */
  | { readonly kind: 'removed'; readonly seq: number; readonly until: number }
  /** `seq` and the event after it have changed places. */
  | { readonly kind: 'reordered'; readonly seq: number }
  | { readonly kind: 'inserted'; readonly seq: number }
  /** The text is right, but the columns beside it would make searches return wrong results. */
  | { readonly kind: 'mislabelled'; readonly seq: number }
  /** The chain is consistent, but not with what was signed: some event after `after`, up to `seq`, was rewritten. */
  | { readonly kind: 'rewritten'; readonly seq: number; readonly after: number }
  /** A checkpoint vouches for `until`, but the log ends before `seq`. */
  | { readonly kind: 'truncated'; readonly seq: number; readonly until: number }
  /** What was read begins after `seq`, and nothing signed in it says that the log was cut there. */
  | { readonly kind: 'cut_unsigned'; readonly seq: number }
  | { readonly kind: 'foreign_key'; readonly seq: number; readonly key: string }
  /** Signed by a key that was changed at the event `until`, and signs nothing after it. */
  | { readonly kind: 'retired_key'; readonly seq: number; readonly key: string; readonly until: number }
  /** The key was changed, and the one before it did not sign the change. */
  | { readonly kind: 'key_unsworn'; readonly seq: number; readonly key: string }
  /** An event or a checkpoint names another log, or (null) none although this one has an id. */
  | { readonly kind: 'other_log'; readonly seq: number; readonly log: string | null; readonly expected: string | null }
  | { readonly kind: 'bad_signature'; readonly seq: number }
  /** The checkpoint of `seq` is at another's place, or appears twice. */
  | { readonly kind: 'checkpoint_swapped'; readonly seq: number }
  /** A checkpoint that the next one, or an event of the log, names is missing. */
  | { readonly kind: 'checkpoint_removed'; readonly seq: number }
  /** The Merkle root in the checkpoint of `seq` is not that of the events after `since`. */
  | { readonly kind: 'wrong_root'; readonly seq: number; readonly since: number };
