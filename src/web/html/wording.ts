import { html } from 'hono/html';
import type { State } from '../../domain/approval/approval.ts';
import { member } from '../../domain/json/json.ts';
import type { EventType, LoggedEvent } from '../../domain/log/event.ts';
import type { Risk, Severity } from '../../domain/tool/risk.ts';
import { type Html, name } from './shown.ts';

/** How something is coloured; always beside its word, never instead of it. */
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

export function badge(tone: Tone, words: string): Html {
  return html`<span class="badge ${tone}">${words}</span>`;
}

export function stateBadge(state: State): Html {
  return badge(STATE_TONES[state], state);
}

export function riskBadge(risk: Risk | null, severity: Severity | null): Html {
  if (risk === null && severity === null) return html``;
  const grave = severity === 'high' || severity === 'critical' || risk === 'destructive' || risk === 'financial';
  return badge(
    grave ? 'bad' : 'dull',
    [risk, severity === null ? null : `${severity} severity`].filter(Boolean).join(' · '),
  );
}

const EVENT_WORDS = {
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
  'approval.requested': ['wait', 'Approval asked'],
  'approval.joined': ['dull', 'Identical call joined'],
  'approval.collected': ['dull', 'Result collected'],
  'approval.caller_left': ['dull', 'Caller left'],
  'approval.decided': ['run', 'Decided'],
  'approval.refused': ['bad', 'Click refused'],
  'approval.expired': ['dull', 'Expired'],
  'approval.withdrawn': ['dull', 'Withdrawn'],
  'approval.lapsed': ['dull', 'Lapsed'],
  'approval.reminded': ['dull', 'Reminded'],
  'approval.escalated': ['wait', 'Escalated'],
  'call.dispatched': ['run', 'Sent to the server'],
  'call.returned': ['wait', 'Not sent, pass returned'],
  'call.deferred': ['wait', 'Answered, not ended'],
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
  'grant.used': ['dull', 'Grant used'],
  'grant.revoked': ['bad', 'Grant revoked'],
  'checkpoint.signed': ['dull', 'Checkpoint signed'],
} as const satisfies Partial<Record<EventType, readonly [Tone, string]>>;

/** A type that this page has no words for is shown as it is. */
export function eventWords(type: EventType): readonly [Tone, string] {
  return (EVENT_WORDS as Partial<Record<EventType, readonly [Tone, string]>>)[type] ?? ['dull', type];
}

export function eventBadge(event: Pick<LoggedEvent, 'type' | 'data'>): Html {
  const [tone, words] = eventWords(event.type);
  if (event.type !== 'approval.decided') return badge(tone, words);
  const approved = member(event.data, 'choice') === 'approve';
  return approved ? badge('good', 'Approved') : badge('bad', 'Denied');
}

/** Who did it, for people. */
export function actorName(actor: string): Html {
  if (actor === 'holdfast') return html`the gateway`;
  const [kind, ...rest] = actor.split(':');
  const id = rest.join(':');
  if (kind === 'grant') return html`agent ${name(id)}`;
  if (kind === 'slack') return html`${name(id)} in Slack`;
  return name(actor);
}

/** `server.tool`, as the policy writes it. */
export function toolName(server: string | null, tool: string | null): Html {
  if (server === null && tool === null) return html``;
  return html`<span class="tool">${name(server ?? '?')}${tool === null ? '' : html`<wbr>.${name(tool)}`}</span>`;
}
