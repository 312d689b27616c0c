import { dayOf } from '../../time/day.ts';
import { type Json, member } from '../json/json.ts';

/** What is summed up, by day (UTC): for a person, for a group that was asked, for a tool that was asked about. */
export const OVERSEEN = ['person', 'group', 'tool'] as const;
export type Overseen = (typeof OVERSEEN)[number];

/** Upper ends of the times from question to decision that are counted together, in ms; a last count is for all longer ones. */
export const WAIT_ENDS_MS = [3_000, 10_000, 30_000, 60_000, 300_000, 1_800_000, 7_200_000] as const;

export interface Sums {
  /** Questions that were put to them, or about it. */
  readonly asked: number;
  readonly approved: number;
  readonly denied: number;
  /** Decisions in the full view of the call, in its form to deny or to allow the like, or signed. */
  readonly full: number;
  /** A yes that became a no, or was taken back. */
  readonly reversed: number;
  /** Milliseconds from question to decision, of all decisions together. */
  readonly waitedMs: number;
  /** Decisions by how long they took: see `WAIT_ENDS_MS`. */
  readonly waits: readonly number[];
}

const NO_WAITS: readonly number[] = Array.from({ length: WAIT_ENDS_MS.length + 1 }, () => 0);
export const NO_SUMS: Sums = {
  ...{ asked: 0, approved: 0, denied: 0, full: 0, reversed: 0, waitedMs: 0, waits: NO_WAITS },
};

/** Sums of one day that grow. */
export interface Addition {
  readonly day: string;
  readonly kind: Overseen;
  readonly subject: string;
  readonly sums: Sums;
}

/** A chained event, as far as it counts here. */
export interface CountedEvent {
  readonly type: string;
  readonly at: Date;
  readonly actor: string;
  readonly server: string | null;
  readonly tool: string | null;
  readonly data: Json;
  /** Of its question: the groups that were asked, and the people who were named, by their names; empty: nobody knows any more. */
  readonly groups: readonly string[];
  readonly people: readonly string[];
}

/** The types of events that count. */
export const COUNTED_TYPES = [
  'approval.requested',
  'approval.decided',
  'approval.changed',
  'approval.taken_back',
  'allowance.used',
] as const;

/** Characters of a subject's name that are kept. */
const LONGEST_SUBJECT = 200;

/** What an event adds. Pure. */
export function additionsOf(event: CountedEvent): readonly Addition[] {
  const { type, at, server, tool, groups, people } = event;
  const day = dayOf(at);
  const own = type === 'approval.requested' || type === 'allowance.used' ? people : [personIn(event)];
  const sums = sumsOf(event);
  if (sums === null) return [];
  const about = [
    ...own.map((subject) => ['person', subject] as const),
    ...groups.map((subject) => ['group', subject] as const),
    ['tool', `${server ?? '?'}.${tool ?? '?'}`] as const,
  ];
  return about.map(([kind, subject]) => ({ day, kind, subject: subject.slice(0, LONGEST_SUBJECT), sums }));
}

function personIn({ actor, data }: CountedEvent): string {
  const person = member(data, 'person');
  // An id as the log has it: `slack:U0MIRA`, `login:mira@example.com`, `admin`.
  return typeof person === 'string' ? person : actor.replace(/^(?:slack|login):/, '');
}

function sumsOf({ type, data }: CountedEvent): Sums | null {
  if (type === 'approval.requested') return { ...NO_SUMS, asked: 1 };
  // It was opened as a question, and nobody was asked.
  if (type === 'allowance.used') return { ...NO_SUMS, asked: -1 };
  if (type === 'approval.taken_back') return { ...NO_SUMS, reversed: 1 };
  const isYes = member(data, 'choice') === 'approve';
  if (type === 'approval.changed') {
    // The yes before it is counted already, as one decision of this person about this question.
    return isYes ? null : { ...NO_SUMS, approved: -1, denied: 1, reversed: 1 };
  }
  if (type !== 'approval.decided') return null;
  // Signed anew where a passkey is gone: the same yes.
  if (isYes && member(data, 'instead') === 'approve') return null;
  // It came with the counter-proposal, whose denial is counted: no question was answered within no time.
  if (isYes && member(data, 'proposed') === true) return null;
  const waited = member(data, 'waitedMs');
  const waitedMs = typeof waited === 'number' && waited >= 0 ? Math.min(waited, 31_622_400_000) : 0;
  const surface = member(member(data, 'saw') ?? null, 'surface');
  const isFull = (typeof surface === 'string' && surface !== 'card') || member(data, 'signature') !== undefined;
  const slot = WAIT_ENDS_MS.findIndex((end) => waitedMs <= end);
  const waits = NO_WAITS.map((_, n) => (n === (slot < 0 ? WAIT_ENDS_MS.length : slot) ? 1 : 0));
  return {
    ...NO_SUMS,
    ...(isYes ? { approved: 1 } : { denied: 1 }),
    ...{ full: isFull ? 1 : 0, waitedMs, waits },
  };
}

export function addSums(one: Sums, other: Sums): Sums {
  return {
    asked: one.asked + other.asked,
    approved: one.approved + other.approved,
    denied: one.denied + other.denied,
    full: one.full + other.full,
    reversed: one.reversed + other.reversed,
    waitedMs: one.waitedMs + other.waitedMs,
    waits: NO_WAITS.map((_, n) => (one.waits[n] ?? 0) + (other.waits[n] ?? 0)),
  };
}

/** One line of the report. Shares are from 0 to 1; null: there was no decision. */
export interface OverseenLine {
  readonly name: string;
  readonly asked: number;
  readonly decided: number;
  readonly approved: number;
  readonly denied: number;
  readonly reversed: number;
  readonly approvedShare: number | null;
  /** Decided within 3 s of the question. */
  readonly fastShare: number | null;
  readonly fullShare: number | null;
  readonly meanSeconds: number | null;
  /** Half of the decisions took at most so many seconds; null: no decision, or more than two hours. */
  readonly halfWithinSeconds: number | null;
}

/** What a tool's questions suggest: `rule`: always approved, so a rule or an allowance could say so; `deny`: often denied. */
export type Candidate = 'rule' | 'deny';
export interface OverseenTool extends OverseenLine {
  readonly candidate: Candidate | null;
}

export interface OversightReport {
  readonly from: string;
  /** The last day, inclusive. */
  readonly to: string;
  readonly people: readonly OverseenLine[];
  readonly groups: readonly OverseenLine[];
  readonly tools: readonly OverseenTool[];
  /** The place in the chain up to which events are counted. */
  readonly upTo: number;
  /** Sums that no gateway wrote were left out. */
  readonly doubtful: boolean;
  /** There are more lines than are read. */
  readonly cut: boolean;
}

/** Decisions from which on a tool is a candidate, and the share of denials. */
const LEAST_FOR_RULE = 20;
const LEAST_FOR_DENY = 5;
const OFTEN_DENIED = 0.5;

export function lineOf(name: string, sums: Sums): OverseenLine {
  const { asked, approved, denied, full, reversed, waitedMs, waits } = sums;
  const decided = Math.max(0, approved + denied);
  const share = (part: number): number | null => (decided === 0 ? null : Math.min(1, Math.max(0, part / decided)));
  return {
    ...{ name, asked: Math.max(0, asked), decided, approved, denied, reversed },
    approvedShare: share(approved),
    fastShare: share(waits[0] ?? 0),
    fullShare: share(full),
    meanSeconds: decided === 0 ? null : Math.round(waitedMs / decided / 100) / 10,
    halfWithinSeconds: halfWithin(waits),
  };
}

function halfWithin(waits: readonly number[]): number | null {
  const total = waits.reduce((sum, each) => sum + each, 0);
  if (total === 0) return null;
  let seen = 0;
  for (const [n, end] of WAIT_ENDS_MS.entries()) {
    seen += waits[n] ?? 0;
    if (seen * 2 >= total) return end / 1_000;
  }
  return null;
}

export function toolLineOf(name: string, sums: Sums): OverseenTool {
  const line = lineOf(name, sums);
  const { decided, approved, denied } = line;
  const isRule = decided >= LEAST_FOR_RULE && approved === decided && line.reversed === 0;
  const isDeny = decided >= LEAST_FOR_DENY && denied / decided >= OFTEN_DENIED;
  return { ...line, candidate: isRule ? 'rule' : isDeny ? 'deny' : null };
}

/** When an approver is told of. */
export interface OversightTerms {
  /** More than this share of a person's decisions within 3 s. */
  readonly fastShare: number;
  /** More than this share approved. */
  readonly approvedShare: number;
  /** Of at least so many decisions. */
  readonly least: number;
  /** Of the last so many days. */
  readonly days: number;
}

export const OVERSIGHT_TERMS: OversightTerms = { fastShare: 0.5, approvedShare: 0.98, least: 50, days: 7 };

export interface OversightAlarm {
  readonly kind: 'fast' | 'always_yes';
  readonly person: string;
  readonly share: number;
  readonly limit: number;
  readonly decided: number;
}

/** Who decides faster than one can read, or approves whatever comes. */
export function oversightAlarms(people: readonly OverseenLine[], terms: OversightTerms): readonly OversightAlarm[] {
  return people.flatMap(({ name: person, decided, fastShare, approvedShare }) => {
    if (decided < terms.least) return [];
    const over = (kind: OversightAlarm['kind'], share: number | null, limit: number): OversightAlarm[] =>
      share !== null && share > limit ? [{ kind, person, share, limit, decided }] : [];
    return [...over('fast', fastShare, terms.fastShare), ...over('always_yes', approvedShare, terms.approvedShare)];
  });
}
