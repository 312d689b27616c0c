import type { StandingDenial } from '../../domain/allowance/allowance.ts';
import type { AskedQuestion } from '../../domain/approval/answer.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import type { Call } from '../../domain/call/call.ts';
import type { InexactValues } from '../../domain/call/inexact.ts';
import type { Sent } from '../../domain/call/sent.ts';
import type { Freeze } from '../../domain/freeze/freeze.ts';
import type { JudgedInexact } from '../../domain/policy/inexact.ts';
import type { FullLimit } from '../../domain/policy/limit.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { NoOpening } from '../../ports.ts';
import type { HeardCall } from '../state/heard-call.ts';
import type { Seat } from '../state/seat.ts';

/** A `tools/call` that passed the strict door. */
export interface Arrival {
  readonly call: Call;
  /** Its server's current policy; null: the server has none. */
  readonly policy: Policy | null;
  /** The request exactly as it came. */
  readonly bytes: Uint8Array;
  /** The JSON-RPC id, as JSON text. */
  readonly requestId: string;
  /** What two readers of the request could take for different values. */
  readonly inexact: InexactValues;
  /** What is parked and sent if the call is gated, in the door's own form; made when it is first needed. */
  readonly freeze: () => Uint8Array | Promise<Uint8Array>;
  /** Why the call is not forwarded if it is gated, in words for the agent; null: nothing prevents it. */
  readonly gatedFault: () => string | null;
  /** The agent's reason for the call in its own words, unverified; null: it gave none. */
  readonly statedReason: string | null;
  /** Set where the call only answers what a server asked during another one. */
  readonly leg?: Leg;
}

/** What makes a call a leg: an answer that needs an approval of its own. */
export interface Leg {
  /** The call whose server asked. */
  readonly parent: Approval;
  readonly asked: AskedQuestion;
  /** What is shown as sent; absent: what the call itself sends. */
  readonly sent?: Sent;
}

/** A gated call whose agent has not said why it calls. */
export interface Unreasoned {
  readonly server: string;
  readonly tool: string;
  /** The tool's list offers an argument to say it in. */
  readonly argument: boolean;
}

/** What to do with a call. Each kind is one way to answer the agent. */
export type Handled =
  /**
   * Relay the bytes. `notSent` gives the quota back and must be called if nothing was sent; null: no quota was taken.
   */
  | {
      readonly kind: 'forward';
      readonly notSent: (() => Promise<void>) | null;
      /** Must be told, before the agent gets it, of what the call brings; absent: nobody asks. */
      readonly heard?: HeardCall;
    }
  | { readonly kind: 'denied'; readonly reason: string }
  /** A person has denied this call and the like for a while. */
  | { readonly kind: 'standing'; readonly denial: StandingDenial }
  | { readonly kind: 'limited'; readonly full: FullLimit }
  /** A condition, a limit or a person would have to judge a value that could be read in two ways. */
  | { readonly kind: 'inexact'; readonly judged: JudgedInexact }
  /** A gated call that carries something that no approver would see. `why` names it and says what to do. */
  | { readonly kind: 'unshown'; readonly why: string }
  /** A gated call whose body is longer than is held. In bytes. `setting`: what bounds it; null: the runtime does. */
  | { readonly kind: 'too_long'; readonly most: number; readonly length: number; readonly setting: string | null }
  /** Nothing new is forwarded: it was not parked either, and nobody was asked. */
  | { readonly kind: 'frozen'; readonly freeze: Freeze }
  /** A gated call of an account that belongs to no person: nobody was asked. `why`: without a full stop. */
  | { readonly kind: 'unjoined'; readonly why: string }
  /** Policy wants to know why the agent calls, and it does not say so: nobody was asked. */
  | { readonly kind: 'unreasoned'; readonly unreasoned: Unreasoned }
  /** The server no longer waits for this answer. */
  | { readonly kind: 'unasked' }
  /** The grant has too many approvals pending. */
  | { readonly kind: 'crowded'; readonly pending: number }
  /** The grant has too many bytes kept, or too many callers waiting. */
  | { readonly kind: 'overfull'; readonly refusal: Extract<NoOpening, { kind: 'heavy' | 'overjoined' }> }
  /** `part` could not answer, so nothing is forwarded (P6). */
  | { readonly kind: 'unavailable'; readonly part: string; readonly why: string }
  /** Parked; the caller has a seat at the approval. */
  | { readonly kind: 'held'; readonly seat: Seat };
