import type { Approval } from '../approval/approval.ts';
import type { Json, JsonObject } from '../json/json.ts';
import type { Disclosed } from './enclosed.ts';

/** Everything that can happen, in the past tense. One event is one line of the audit log. */
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
  'call.previewed',
  'call.would_deny',
  'call.would_ask',
  'resource.read',
  'prompt.got',
  'method.relayed',
  'method.denied',
  'method.would_deny',
  'watch.began',
  'watch.ended',
  'approval.requested',
  'approval.described',
  'approval.joined',
  'approval.collected',
  'approval.caller_left',
  'approval.caller_gave_up',
  'approval.decided',
  'approval.changed',
  'approval.taken_back',
  'approval.refused',
  'approval.expired',
  'approval.withdrawn',
  'approval.lapsed',
  'approval.reminded',
  'approval.escalated',
  'call.dispatched',
  'call.returned',
  'call.deferred',
  'answer.given',
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
  'admin.break_glass',
  'token.made',
  'token.revoked',
  'token.used',
  'key.requested',
  'key.registered',
  'key.revoked',
  'key.suspended',
  'token.suspended',
  'grant.revoked',
  'freeze.set',
  'freeze.lifted',
  'allowance.given',
  'allowance.used',
  'allowance.ended',
  'denial.given',
  'denial.used',
  'denial.ended',
  'checkpoint.signed',
  'seals.began',
  'key.changed',
  'seal.broken',
  'log.went_back',
  'log.cut',
  'approvals.removed',
  'witness.lost',
  'store.accepted',
  'oversight.alarmed',
  'data.erased',
] as const;
export type EventType = (typeof EVENTS)[number];

/** An event before the sealer gives it its place in the chain. Its data is redacted before it is made. */
export interface NewEvent {
  readonly type: EventType;
  readonly at: Date;
  /** Who did it: `grant:release-bot`, `slack:U0MIRA`, `login:mira@example.com`, `sub:…`, `admin`, `holdfast`. */
  readonly actor: string;
  readonly approval: string | null;
  readonly server: string | null;
  readonly tool: string | null;
  readonly grant: string | null;
  /** The process that wrote it; filled in at one place for all events. */
  readonly replica?: string;
  /** Everything else about the event; never a secret, never a tool's result. */
  readonly data: JsonObject;
}

/** An event as the log holds it. */
export interface LoggedEvent extends NewEvent {
  /** Increases in the order of writing; readers use it as a cursor. */
  readonly n: number;
  /** Place in the chain; null until sealed. */
  readonly seq: number | null;
  /** Hex SHA-256 over the previous hash, seq and the canonical text; null until sealed. */
  readonly hash: string | null;
  /**
   * Not as a gateway wrote it: `body`, its text does not fit its seal; `columns`, the columns by which it was found say
   * something else than its text, from which everything here is. `secret`: nobody can tell, because its seal is of a secret
   * that is listed no longer, and it is not in the chain before that one's end. `key`: what can be erased of it cannot be read, and
   * no erasure is known. Absent: nothing is known against it.
   */
  readonly doubt?: 'body' | 'columns' | 'key' | 'secret';
  /** What of its data is ciphertext in its text, and what proves that it is what `data` says; absent: nothing. */
  readonly disclosed?: Disclosed;
}

/** What an event is about when it concerns no approval, server, tool or grant; spread into it. */
export const NO_SUBJECT = { approval: null, server: null, tool: null, grant: null } as const;

/** An event about an approval: it carries the approval's id, server, tool and grant. */
export function approvalEvent(
  approval: Pick<Approval, 'id' | 'server' | 'tool' | 'grant'>,
  event: { type: NewEvent['type']; at: Date; actor: string; data: { [name: string]: Json } },
): NewEvent {
  return { ...event, approval: approval.id, server: approval.server, tool: approval.tool, grant: approval.grant };
}
