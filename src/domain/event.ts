import type { JsonObject } from './json.ts';

/** What can happen, past tense. One event is one line of the audit log. */
export const EVENTS = [
  'gateway.started',
  'gateway.stopped',
  'policy.loaded',
  'policy.rejected',
  'tools.listed',
  'access.refused',
  'grant.used',
  'call.allowed',
  'call.denied',
  'call.limited',
  'call.refused',
  'call.refunded',
  'approval.requested',
  'approval.joined',
  'approval.collected',
  'approval.caller_left',
  'approval.decided',
  'approval.refused',
  'approval.expired',
  'approval.withdrawn',
  'approval.lapsed',
  'approval.reminded',
  'approval.escalated',
  'call.dispatched',
  'call.returned',
  'call.deferred',
  'call.succeeded',
  'call.failed',
  'call.unknown',
  'card.posted',
  'card.updated',
  'card.failed',
  'admin.signed_in',
  'admin.signed_out',
  'admin.refused',
  'admin.read',
  'grant.revoked',
  'checkpoint.signed',
] as const;
export type EventType = (typeof EVENTS)[number];

/** An event before the sealer gave it its place in the chain. Redacted before it is made. */
export interface NewEvent {
  readonly type: EventType;
  readonly at: Date;
  /** Who did it: `grant:release-bot`, `slack:U0MIRA`, `admin`, `holdfast`. */
  readonly actor: string;
  readonly approval: string | null;
  readonly server: string | null;
  readonly tool: string | null;
  readonly grant: string | null;
  /** The process that wrote it; put in at one place for all. */
  readonly replica?: string;
  /** Everything else about it; never a secret, never a result. */
  readonly data: JsonObject;
}

/** An event as the log holds it. */
export interface LoggedEvent extends NewEvent {
  /** Order of writing; a cursor for readers. */
  readonly n: number;
  /** Place in the chain; null until sealed. */
  readonly seq: number | null;
  /** Hex SHA-256 over the previous hash, seq and the canonical text; null until sealed. */
  readonly hash: string | null;
}
