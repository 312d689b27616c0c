import { html } from 'hono/html';
import type { State } from '../../domain/approval/approval.ts';
import { member } from '../../domain/json/json.ts';
import type { EventType, LoggedEvent } from '../../domain/log/event.ts';
import { asciiOnly } from '../../text/visible.ts';
import type { Html } from './html.ts';
import { NO_NAMES, type PersonNames, personName } from './person.ts';
import { visibleName } from './visible-text.ts';

/** The colour of a badge. Colour is never the only sign: the badge's text says the same. */
export type Tone = 'good' | 'bad' | 'wait' | 'run' | 'odd' | 'dull';

const STATE_TONES = {
  pending: 'wait',
  approved: 'run',
  dispatched: 'run',
  succeeded: 'good',
  failed: 'bad',
  unknown: 'odd',
  denied: 'bad',
  expired: 'dull',
  withdrawn: 'dull',
  lapsed: 'dull',
} as const satisfies Record<State, Tone>;

export function badge(tone: Tone, text: string): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}

export function stateBadge(state: State): Html {
  return badge(STATE_TONES[state], state);
}

const EVENT_LABELS = {
  'gateway.started': ['dull', 'Gateway started'],
  'gateway.stopped': ['dull', 'Gateway stopped'],
  'policy.loaded': ['dull', 'Policy loaded'],
  'policy.rejected': ['bad', 'Policy file rejected'],
  'tools.listed': ['dull', 'Tools listed'],
  'access.refused': ['bad', 'Access refused'],
  'call.allowed': ['good', 'Allowed'],
  'call.denied': ['bad', 'Denied by policy'],
  'call.limited': ['wait', 'Rate limited'],
  'call.refused': ['bad', 'Refused'],
  'call.refunded': ['dull', 'Quota given back'],
  'call.previewed': ['dull', 'Asked the server for a preview'],
  'call.would_deny': ['odd', 'Would be denied'],
  'call.would_ask': ['odd', 'Would be asked about'],
  'resource.read': ['good', 'Resource read'],
  'prompt.got': ['good', 'Prompt fetched'],
  'method.relayed': ['dull', 'Method relayed'],
  'method.denied': ['bad', 'Denied by policy'],
  'method.would_deny': ['odd', 'Would be denied'],
  'watch.began': ['bad', 'Only watched from here on'],
  'watch.ended': ['good', 'Enforced from here on'],
  'approval.requested': ['wait', 'Approval requested'],
  'approval.described': ['dull', 'Preview added'],
  'approval.joined': ['dull', 'Identical call joined'],
  'approval.collected': ['dull', 'Result collected'],
  'approval.caller_left': ['dull', 'Caller left'],
  'approval.caller_gave_up': ['dull', 'Caller gave up waiting'],
  'approval.decided': ['run', 'Decided'],
  'approval.changed': ['bad', 'Changed to deny'],
  'approval.taken_back': ['bad', 'Approval taken back'],
  'approval.refused': ['bad', 'Click refused'],
  'approval.expired': ['dull', 'Expired'],
  'approval.withdrawn': ['dull', 'Withdrawn'],
  'approval.lapsed': ['dull', 'Lapsed'],
  'approval.reminded': ['dull', 'Reminded'],
  'approval.escalated': ['wait', 'Escalated'],
  'call.dispatched': ['run', 'Sent to the server'],
  'call.returned': ['wait', 'Not sent, approval kept'],
  'call.deferred': ['wait', 'Answered, not finished'],
  'answer.given': ['wait', 'Answered the server’s question'],
  'call.succeeded': ['good', 'Succeeded'],
  'call.failed': ['bad', 'Failed'],
  'call.unknown': ['odd', 'Outcome unknown'],
  'card.posted': ['dull', 'Card posted'],
  'card.updated': ['dull', 'Card updated'],
  'card.failed': ['bad', 'Card failed'],
  'admin.signed_in': ['dull', 'Signed in'],
  'admin.signed_out': ['dull', 'Signed out'],
  'admin.refused': ['bad', 'Reviewer refused'],
  'admin.read': ['dull', 'Details read'],
  'admin.break_glass': ['wait', 'Admin token used'],
  'token.made': ['wait', 'Personal token made'],
  'token.revoked': ['bad', 'Personal token revoked'],
  'token.used': ['dull', 'Personal token used'],
  'key.requested': ['wait', 'Passkey added'],
  'key.registered': ['good', 'Passkey registered'],
  'key.revoked': ['bad', 'Passkey revoked'],
  'key.suspended': ['bad', 'Passkey suspended'],
  'token.suspended': ['bad', 'Personal tokens suspended'],
  'grant.used': ['dull', 'Grant used'],
  'grant.revoked': ['bad', 'Grant revoked'],
  'freeze.set': ['bad', 'Frozen'],
  'freeze.lifted': ['good', 'Thawed'],
  'allowance.given': ['good', 'The like allowed'],
  'allowance.used': ['good', 'Approved by an allowance'],
  'allowance.ended': ['dull', 'Allowance ended'],
  'denial.given': ['bad', 'The like denied'],
  'denial.used': ['bad', 'Denied in advance'],
  'denial.ended': ['dull', 'Standing denial ended'],
  'oversight.alarmed': ['odd', 'Oversight: look at an approver'],
  'data.erased': ['odd', 'Data erased'],
  'checkpoint.signed': ['dull', 'Checkpoint signed'],
  'log.cut': ['dull', 'Old events cut'],
  'approvals.removed': ['dull', 'Ended approvals removed'],
} as const satisfies Partial<Record<EventType, readonly [Tone, string]>>;

/** Colour and label of an event; a type without a label is shown by its own name. */
export function eventLabel(type: EventType): readonly [Tone, string] {
  return (EVENT_LABELS as Partial<Record<EventType, readonly [Tone, string]>>)[type] ?? ['dull', type];
}

/** Like `eventLabel`, but a decision says which: Approved or Denied. */
export function eventBadge(event: Pick<LoggedEvent, 'type' | 'data' | 'doubt'>): Html {
  if (event.doubt !== undefined) return html`${plainBadge(event)} ${badge('bad', DOUBTS[event.doubt])}`;
  return plainBadge(event);
}

const DOUBTS = {
  body: 'Not written by a gateway',
  columns: 'Columns changed later',
  key: 'Key missing, no erasure known',
  secret: 'Sealed by an unlisted secret',
} as const;

function plainBadge(event: Pick<LoggedEvent, 'type' | 'data'>): Html {
  const [tone, label] = eventLabel(event.type);
  if (event.type !== 'approval.decided') return badge(tone, label);
  const approved = member(event.data, 'choice') === 'approve';
  return approved ? badge('good', 'Approved') : badge('bad', 'Denied');
}

/** An event's actor in words: `grant:release-bot` as `agent release-bot`, `slack:U0MIRA` as `mira (U0MIRA)`. */
export function actorName(actor: string, names: PersonNames = NO_NAMES): Html {
  if (actor === 'holdfast') return html`the gateway`;
  const [kind, ...rest] = actor.split(':');
  const id = rest.join(':');
  if (kind === 'grant') return html`agent ${visibleName(id)}`;
  if (kind === 'slack' || kind === 'login') return personName(id, names);
  return personName(actor, names);
}

/**
 * What an event about a method is about: the method, and the first thing that it named. Empty for every other event.
 */
export function methodName({ data }: Pick<LoggedEvent, 'data'>): Html {
  const [method, name, names] = ['method', 'name', 'names'].map((key) => member(data, key));
  const first = typeof name === 'string' ? name : Array.isArray(names) ? names[0] : undefined;
  const shown =
    typeof first === 'string' ? html` ${visibleName(first.length > 160 ? `${first.slice(0, 160)}…` : first)}` : '';
  return typeof method === 'string' ? html`<span class="tool">${visibleName(method)}${shown}</span>` : html``;
}

/**
 * `server.tool`, as policies write it; empty when both are null. An honest tool's name is ASCII, so letters of other
 * scripts that look alike are shown by their code.
 */
export function toolName(server: string | null, tool: string | null): Html {
  if (server === null && tool === null) return html``;
  return html`<span class="tool">${visibleName(server ?? '?')}${tool === null ? '' : html`<wbr>.${visibleName(asciiOnly(tool))}`}</span>`;
}
