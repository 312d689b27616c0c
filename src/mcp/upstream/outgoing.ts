import type { Outcome } from '../../domain/approval/dispatch.ts';
import type { Upstream } from '../../ports.ts';

/** A request on its way to the upstream: a dispatched call, or a request of the gateway's own. */
export interface OutgoingRequest {
  readonly upstream: Upstream;
  readonly grant: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
  /** The request's id as JSON text, which identifies its response. */
  readonly idText: string;
  /**
   * Called for each event that comes before the response: progress, or a server-to-client request. A returned promise
   * delays the next event until it resolves.
   */
  readonly onEvent: (event: Uint8Array) => Promise<void> | undefined | void;
  /** What the server asks meanwhile comes on this stream, where the upstream can choose. */
  readonly carriesRequests?: boolean;
  /** Aborted when the agent cancels the call while it runs (2026-07-28, or a cancelled task). */
  readonly signal?: AbortSignal;
}

/** How a request ended. */
export interface SendResult {
  readonly outcome: Outcome;
  /** The SSE event that carried the response, so that its event id is kept; null where there was none, or a large one. */
  readonly event: string | null;
  /** The id of a large event that carried the response. */
  readonly eventId?: string | null;
  /** The session that the answer hands out; null or absent: none. */
  readonly session?: string | null;
  /** Nothing was run, because the server no longer knows the session. */
  readonly sessionLost?: boolean;
}

/** A request that ended without an event that carried its response. */
export function endingIn(outcome: Outcome): SendResult {
  return { outcome, event: null };
}

/** The agent took the request back while it ran. */
export const CANCELLED: Outcome = { kind: 'unknown', why: 'the agent took it back while it ran' };
