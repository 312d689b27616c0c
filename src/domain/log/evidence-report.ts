import type { Erasure } from '../call/erasure.ts';
import type { JsonObject } from '../json/json.ts';
import type { ChainFault } from './evidence.ts';

/** An event of the evidence, as it says of itself. */
export interface EvidenceStep {
  readonly seq: number | null;
  readonly type: string;
  readonly at: string;
  readonly actor: string;
  /** What was called; absent: the event names none. */
  readonly server?: string;
  readonly tool?: string;
  readonly data: JsonObject;
}

/** What does not fit. `seq`: the event concerned, if it is one. */
export type EvidenceFault =
  | { readonly kind: 'not_evidence' | 'bad_signature' }
  /** Nobody whom the auditor trusts signed it. */
  | { readonly kind: 'foreign_signer'; readonly key: string }
  /** A key of the auditor's that neither signed this log nor came into force in it. */
  | { readonly kind: 'unused_key'; readonly key: string }
  /** Another log, or no approval of this name. */
  | { readonly kind: 'other_event'; readonly seq: number | null }
  /** Its text is not what its hash was made over, it is not in its place, or twice. */
  | { readonly kind: 'changed_event'; readonly seq: number | null }
  /** No checkpoint of the evidence has it in its tree. */
  | { readonly kind: 'not_included'; readonly seq: number }
  | { readonly kind: 'bad_checkpoint'; readonly seq: number | null }
  /** As in a whole log: which key, which log. */
  | { readonly kind: 'chain'; readonly fault: ChainFault }
  /** A card that no event of it names, or that is not what was logged. */
  | { readonly kind: 'other_card'; readonly digest: string }
  | { readonly kind: 'other_policy'; readonly digest: string }
  /** What it encloses is neither in the file, as it was logged, nor erased by an event of it. */
  | { readonly kind: 'undisclosed'; readonly seq: number | null }
  /** Something that no event of it encloses. */
  | { readonly kind: 'other_disclosed' }
  /** A signature of a passkey does not count; `why` says so of the event. */
  | { readonly kind: 'signature'; readonly seq: number | null; readonly why: string }
  /** Its events do not tell one story; `why` says what is missing. */
  | { readonly kind: 'story'; readonly seq: number | null; readonly why: string };

/** What the evidence of one decision proves. No fault: all of it fits. */
export interface EvidenceReport {
  readonly approval: string | null;
  readonly log: string | null;
  /** When it was taken. */
  readonly at: string | null;
  readonly key: string | null;
  readonly steps: readonly EvidenceStep[];
  /** Events that a checkpoint vouches for. */
  readonly covered: number;
  /** When the newest of these checkpoints was signed. */
  readonly coveredAt: string | null;
  readonly cards: number;
  /** Events about passkeys that no checkpoint vouches for. */
  readonly unproven: number;
  /** Votes that a registered passkey signed. */
  readonly signatures: number;
  /** The policy's text; null: it is not in the evidence. */
  readonly policy: string | null;
  readonly complete: boolean;
  /** Who had its data erased, and when; absent: nobody. */
  readonly erased?: Erasure;
  readonly faults: readonly EvidenceFault[];
}
