import type { ShownCall } from '../call/redact-call.ts';

/** What became of a call by its policy; `limited`: a limit was full. */
export const SAID = ['allow', 'ask', 'deny', 'limited'] as const;
export type Said = (typeof SAID)[number];

/** What is kept of a call's content, redacted as a card is. */
export type KeptCall = Pick<ShownCall, 'arguments' | 'sent'>;

/** One call that was made, as far as the log and what is kept beside it still say. */
export interface KnownCall {
  /** The number of its event. */
  readonly n: number;
  readonly at: Date;
  readonly server: string;
  readonly tool: string;
  /** The principal's name. */
  readonly grant: string;
  readonly owner: string | null;
  /** undefined: the log does not say in which session. */
  readonly session: string | null | undefined;
  readonly approval: string | null;
  /** What the policy said of it, watched or enforced. */
  readonly said: Said;
  /** When it was let through to its server; null: it never was. */
  readonly passedAt: Date | null;
  /** null: its arguments are not kept. */
  readonly kept: KeptCall | null;
}
