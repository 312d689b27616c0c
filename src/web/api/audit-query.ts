import { STATES, type State } from '../../domain/approval/approval.ts';
import { EVENTS, type EventType } from '../../domain/log/event.ts';
import type { EventFilter } from '../../ports.ts';

/** What policy said, as a reviewer would ask for it, and the events that say so. */
export const VERDICT_EVENTS = {
  allow: ['call.allowed'],
  ask: ['approval.requested'],
  deny: ['call.denied'],
  limited: ['call.limited'],
} as const satisfies Record<string, readonly EventType[]>;

export const FIELDS = [
  'from',
  'to',
  'agent',
  'server',
  'tool',
  'approver',
  'verdict',
  'state',
  'types',
  'text',
  'before',
] as const;
export type Field = (typeof FIELDS)[number];
/** The search as the address bar has it: a saved link is this. */
export type Query = Readonly<Partial<Record<Field, string>>>;

const LONGEST_FIELD = 300;
export const PAGE = 50;

export interface Asked {
  readonly query: Query;
  readonly filter: EventFilter;
  /** What could not be understood, in words; such a field is not applied. */
  readonly faults: readonly string[];
}

/** Reads a search. Unknown parameters are left alone; a field that makes no sense is said. */
export function readQuery(parameters: (name: string) => string | undefined): Asked {
  const query: Partial<Record<Field, string>> = {};
  for (const field of FIELDS) {
    const value = parameters(field)?.trim().slice(0, LONGEST_FIELD).replaceAll('\0', '').toWellFormed();
    if (value) query[field] = value;
  }
  const faults: string[] = [];
  const { agent, server, tool, text } = query;
  const from = instantOf('from', query, faults);
  const to = instantOf('to', query, faults);
  const types = typesOf(query, faults);
  const state = stateOf(query, faults);
  const before = beforeOf(query, faults);
  const filter: EventFilter = {
    limit: PAGE,
    ...(from && { from }),
    ...(to && { to }),
    ...(agent && { grant: agent }),
    ...(server && { server }),
    ...(tool && { tool }),
    ...(query.approver && { actor: actorOf(query.approver) }),
    ...(types && { types }),
    ...(state && { state }),
    ...(text && { text }),
    ...(before !== undefined && { before }),
  };
  return { query, filter, faults };
}

/** The same search, with something changed. */
export function linkTo(query: Query, change: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const field of FIELDS) {
    const value = field in change ? change[field] : query[field];
    if (value) parameters.set(field, value);
  }
  const text = parameters.toString();
  return text === '' ? '/audit' : `/audit?${text}`;
}

/** `2026-11-22T10:00`, with or without seconds and zone; without a zone it is UTC. */
function instantOf(field: 'from' | 'to', query: Query, faults: string[]): Date | undefined {
  const text = query[field];
  if (text === undefined) return undefined;
  const zoned = /(?:Z|[+-]\d\d:\d\d)$/i.test(text) ? text : `${text}${text.length === 10 ? 'T00:00' : ''}Z`;
  const at = new Date(zoned);
  if (!Number.isNaN(at.getTime()) && /^\d{4}-\d\d-\d\d/.test(text)) return at;
  faults.push(`${field} is no time; write it as 2026-11-22T10:00.`);
  return undefined;
}

function typesOf(query: Query, faults: string[]): readonly EventType[] | undefined {
  const named = query.types?.split(',');
  const known = named?.filter((one): one is EventType => (EVENTS as readonly string[]).includes(one));
  if (named && known && known.length < named.length) faults.push('types holds a type of event that does not exist.');
  if (query.verdict === undefined) return known;
  if (Object.hasOwn(VERDICT_EVENTS, query.verdict)) {
    return VERDICT_EVENTS[query.verdict as keyof typeof VERDICT_EVENTS];
  }
  faults.push(`verdict is one of ${Object.keys(VERDICT_EVENTS).join(', ')}.`);
  return known;
}

function stateOf(query: Query, faults: string[]): State | undefined {
  if (query.state === undefined) return undefined;
  if ((STATES as readonly string[]).includes(query.state)) return query.state as State;
  faults.push(`state is one of ${STATES.join(', ')}.`);
  return undefined;
}

function beforeOf(query: Query, faults: string[]): number | undefined {
  if (query.before === undefined) return undefined;
  const n = Number(query.before);
  if (Number.isSafeInteger(n) && n > 0) return n;
  faults.push('before is the number of an event.');
  return undefined;
}

/** People write a Slack id; the log says where it came from. */
function actorOf(approver: string): string {
  return approver === 'admin' || approver.includes(':') ? approver : `slack:${approver}`;
}
