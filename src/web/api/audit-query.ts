import { STATES, type State } from '../../domain/approval/approval.ts';
import { EVENTS, type EventType } from '../../domain/log/event.ts';
import { actorOf } from '../../domain/people/actor.ts';
import type { DeniedPart } from '../../domain/policy/judge-method.ts';
import type { EventFilter } from '../../ports.ts';

/** The verdicts that a reviewer can search for, with the events that record them. */
export const VERDICT_EVENTS = {
  allow: ['call.allowed', 'resource.read', 'prompt.got', 'method.relayed'],
  ask: ['approval.requested'],
  deny: ['call.denied', 'denial.used', 'method.denied'],
  limited: ['call.limited'],
  'would ask': ['call.would_ask'],
  'would deny': ['call.would_deny', 'method.would_deny'],
} as const satisfies Record<string, readonly EventType[]>;

/** What a reviewer can ask to see, with the events that record it. */
export const SUBJECT_EVENTS = {
  tools: [...EVENTS.filter((type) => /^(?:call|approval|allowance|denial)\./.test(type))],
  resources: ['resource.read', 'method.denied', 'method.would_deny'],
  prompts: ['prompt.got', 'method.denied', 'method.would_deny'],
  methods: ['method.relayed', 'method.denied', 'method.would_deny'],
} as const satisfies Record<string, readonly EventType[]>;

/** Which denials of methods belong to what a reviewer asks to see. */
const DENIED_PARTS: ReadonlyMap<string, DeniedPart['kind']> = new Map([
  ['resources', 'resource'],
  ['prompts', 'prompt'],
  ['methods', 'method'],
]);

const AUDIT_FIELDS = [
  'from',
  'to',
  'agent',
  'server',
  'tool',
  'approver',
  'what',
  'verdict',
  'state',
  'types',
  'text',
  'before',
] as const;
type AuditField = (typeof AUDIT_FIELDS)[number];
/** A search as the page's address holds it, so that a link can be saved and sent. */
export type AuditQuery = Readonly<Partial<Record<AuditField, string>>>;

/** Characters; the rest of a longer field is dropped. */
const MAX_FIELD_LENGTH = 300;
const EVENTS_PER_PAGE = 50;

export interface AuditSearch {
  readonly query: AuditQuery;
  readonly filter: EventFilter;
  /** What was not understood, in words. Such a field is not applied. */
  readonly faults: readonly string[];
}

/** Reads a search from its parameters. Ignores unknown parameters; reports fields that it does not understand. */
export function parseAuditQuery(parameters: (name: string) => string | undefined): AuditSearch {
  const query: Partial<Record<AuditField, string>> = {};
  for (const field of AUDIT_FIELDS) {
    const value = parameters(field)?.trim().slice(0, MAX_FIELD_LENGTH).replaceAll('\0', '').toWellFormed();
    if (value) query[field] = value;
  }
  const faults: string[] = [];
  const { agent, server, tool, text } = query;
  const from = instantOf('from', query, faults);
  const to = instantOf('to', query, faults);
  const types = typesOf(query, faults);
  const denied = DENIED_PARTS.get(query.what ?? '');
  const state = stateOf(query, faults);
  const before = beforeOf(query, faults);
  const filter: EventFilter = {
    limit: EVENTS_PER_PAGE,
    ...(from && { from }),
    ...(to && { to }),
    ...(agent && { grant: agent }),
    ...(server && { server }),
    ...(tool && { tool }),
    ...(query.approver && { actor: query.approver.includes(':') ? query.approver : actorOf({ id: query.approver }) }),
    ...(types && { types }),
    ...(denied && { denied }),
    ...(state && { state }),
    ...(text && { text }),
    ...(before !== undefined && { before }),
  };
  return { query, filter, faults };
}

/** The address of this search with some fields changed; an empty value removes a field. */
export function auditLink(query: AuditQuery, change: AuditQuery = {}): string {
  const parameters = new URLSearchParams();
  for (const field of AUDIT_FIELDS) {
    const value = field in change ? change[field] : query[field];
    if (value) parameters.set(field, value);
  }
  const text = parameters.toString();
  return text === '' ? '/audit' : `/audit?${text}`;
}

/** `2026-11-22T10:00`, with or without seconds and zone; without a zone it is UTC. */
function instantOf(field: 'from' | 'to', query: AuditQuery, faults: string[]): Date | undefined {
  const text = query[field];
  if (text === undefined) return undefined;
  const zoned = /(?:Z|[+-]\d\d:\d\d)$/i.test(text) ? text : `${text}${text.length === 10 ? 'T00:00' : ''}Z`;
  const at = new Date(zoned);
  if (!Number.isNaN(at.getTime()) && /^\d{4}-\d\d-\d\d/.test(text)) return at;
  faults.push(`${field} is not a time; write it as 2026-11-22T10:00.`);
  return undefined;
}

function typesOf(query: AuditQuery, faults: string[]): readonly EventType[] | undefined {
  const named = query.types?.split(',');
  const known = named?.filter((type): type is EventType => (EVENTS as readonly string[]).includes(type));
  if (named && known && known.length < named.length) faults.push('types names a type of event that does not exist.');
  const what = oneOf('what', SUBJECT_EVENTS, query, faults);
  const verdict = oneOf('verdict', VERDICT_EVENTS, query, faults);
  if (what === undefined || verdict === undefined) return verdict ?? what ?? known;
  return verdict.filter((type) => what.includes(type));
}

function oneOf(
  field: 'verdict' | 'what',
  choices: Readonly<Record<string, readonly EventType[]>>,
  query: AuditQuery,
  faults: string[],
): readonly EventType[] | undefined {
  const chosen = query[field];
  if (chosen === undefined) return undefined;
  if (Object.hasOwn(choices, chosen)) return choices[chosen];
  faults.push(`${field} is one of ${Object.keys(choices).join(', ')}.`);
  return undefined;
}

function stateOf(query: AuditQuery, faults: string[]): State | undefined {
  if (query.state === undefined) return undefined;
  if ((STATES as readonly string[]).includes(query.state)) return query.state as State;
  faults.push(`state is one of ${STATES.join(', ')}.`);
  return undefined;
}

function beforeOf(query: AuditQuery, faults: string[]): number | undefined {
  if (query.before === undefined) return undefined;
  const n = Number(query.before);
  if (Number.isSafeInteger(n) && n > 0) return n;
  faults.push('before is the number of an event.');
  return undefined;
}
