import { counted, plural } from '../../text/plural.ts';
import { DAY_MS } from '../../time/day.ts';
import { compare } from '../json/decimal.ts';
import { grantNameOf } from '../people/principal.ts';
import type { SummaryPart } from '../policy/summary.ts';
import type { Approval } from './approval.ts';
import { opensWithCue } from './cue.ts';
import type { Particulars, UnusualLine } from './facts.ts';
import { isWholePlace } from './particulars.ts';

/** Days that are looked back, calls that are compared (the latest), and lines that are told of values. */
export const USUAL_BOUNDS = { days: 30, calls: 300, lines: 12 } as const;
/** Calls without which no amount and no hours are usual, and days on which they must have come. */
const ENOUGH = { amounts: 5, hours: 20, days: 5 } as const;
const HOUR_MS = 3_600_000;
/** How the line of a first call begins. */
const FIRST_CALL = 'First call of this tool that people are asked about for ';

/**
 * What is known of earlier calls of one tool by one principal to which people said yes, the latest first: what was denied,
 * withdrawn or not decided makes nothing usual, or an agent could ask until it is.
 */
export interface EarlierAsked {
  readonly known: readonly Particulars[];
  /** Others of these of which nothing is kept that can be believed. */
  readonly unknown: number;
  /** There are more than were read. */
  readonly more: boolean;
  /** Calls to which nobody said yes; at most `USUAL_BOUNDS.calls` are counted. */
  readonly unapproved: number;
}

/**
 * What of a call is unusual, as facts with their numbers: the first such call, a new destination, an unusual hour (UTC), an
 * amount above all before. Pure, and linear in the calls. Of calls that people were asked about, because of no others does the
 * gateway keep what they were.
 */
export function unusualOf(own: Particulars, principal: string, earlier: EarlierAsked): UnusualLine[] {
  const { known, unknown, more, unapproved } = earlier;
  const who: SummaryPart = { value: grantNameOf(principal) };
  const except = unknown === 0 ? '' : `; of ${counted(unknown, 'earlier one')} it is not known what they were`;
  const days = ` in ${USUAL_BOUNDS.days} days`;
  if (known.length === 0 && unknown > 0) {
    const calls = `${more ? 'latest ' : ''}${counted(unknown, 'approved call')}`;
    return [
      [
        { text: `Nothing is kept of the ${calls} of this tool for ` },
        who,
        { text: `${more ? '' : days}, so that this one is compared with none` },
      ],
    ];
  }
  if (known.length === 0 && unapproved > 0) {
    const asked = unapproved >= USUAL_BOUNDS.calls ? `${unapproved} or more` : String(unapproved);
    return [
      [
        { text: `Asked ${asked} ${plural(unapproved, 'time')} for ` },
        who,
        { text: `${days}, and no such call was approved and made` },
      ],
    ];
  }
  if (known.length === 0) {
    return [[{ text: FIRST_CALL }, who, { text: days }]];
  }
  const span = `its ${more ? 'latest ' : ''}${counted(known.length, 'approved call')}${more ? '' : days}`;
  const lines = [
    ...newDestinations(own, known, span, except),
    ...aboveAll(own, known, more),
    ...unlikeOthers(own, known, span),
    ...oddHour(own, known, span),
  ];
  return bounded(lines, own.uncompared ?? 0);
}

/** What takes the place of the lines where the log did not answer: nobody is to take that for nothing unusual. */
export const NOT_READ: readonly UnusualLine[] = [
  [{ text: 'What was usual could not be read, so this call is compared with none' }],
];

const NOT_YET: readonly UnusualLine[] = [[{ text: 'What is unusual about this call is not known yet' }]];

/**
 * What people are told of what is unusual about a call. It is looked up when its card is made, and may be read elsewhere
 * before: then that is said. Of what can be decided no more, and of an answer to a server's question, nothing is.
 */
export function unusualSaid({
  facts,
  state,
  answersTo,
}: Pick<Approval, 'answersTo' | 'facts' | 'state'>): readonly UnusualLine[] {
  if (facts !== undefined) return facts.unusual;
  return state === 'pending' && answersTo === null ? NOT_YET : [];
}

/**
 * The same beside the call's cues, which say with *First use* more than the line of a first call does: nobody is told the
 * same thing twice on one card.
 */
export function unusualBesideCues(
  approval: Pick<Approval, 'answersTo' | 'facts' | 'state' | 'trace'>,
): readonly UnusualLine[] {
  const lines = unusualSaid(approval);
  return opensWithCue(approval.trace, 'first_use') ? lines.filter((line) => !isOfFirstCall(line)) : lines;
}

function isOfFirstCall([start]: UnusualLine): boolean {
  return start !== undefined && 'text' in start && start.text === FIRST_CALL;
}

/** The first lines, and how many there are besides: whatever the agent adds, it takes no line away without a word. */
function bounded(lines: readonly UnusualLine[], uncompared: number): UnusualLine[] {
  const first = lines.slice(0, USUAL_BOUNDS.lines);
  const left = lines.length - first.length;
  const rest = [
    ...(left === 0 ? [] : [`${counted(left, 'value')} more that ${left === 1 ? 'is' : 'are'} unusual`]),
    ...(uncompared === 0
      ? []
      : [`${counted(uncompared, 'argument')} more that ${uncompared === 1 ? 'was' : 'were'} not compared`]),
  ];
  return rest.length === 0 ? first : [...first, [{ text: rest.join('; ') }]];
}

function newDestinations(own: Particulars, known: readonly Particulars[], span: string, except: string): UnusualLine[] {
  return Object.entries(own.destinations).flatMap(([path, place]) => {
    const before = known.filter(({ destinations }) => Object.hasOwn(destinations, path));
    if (!isWholePlace(place)) {
      return [
        [{ value: path }, { text: ' is ' }, { value: place }, { text: '; it is too long to be compared with others' }],
      ];
    }
    if (before.some(({ destinations }) => destinations[path] === place)) return [];
    const none = known.length === 1 ? `${span} did not name it` : `none of ${span} named it`;
    return [[{ text: 'New: ' }, { value: path }, { text: ' is ' }, { value: place }, { text: `; ${none}${except}` }]];
  });
}

function aboveAll(own: Particulars, known: readonly Particulars[], more: boolean): UnusualLine[] {
  return Object.entries(own.amounts).flatMap(([path, amount]) => {
    const before = known.flatMap(({ amounts }) => (Object.hasOwn(amounts, path) ? [amounts[path]!] : [])).sort(compare);
    const [least, most] = [before[0], before.at(-1)];
    if (before.length < ENOUGH.amounts || least === undefined || most === undefined || compare(amount, most) <= 0)
      return [];
    const range = least === most ? `each had ${figures(most)}` : `had ${figures(least)} to ${figures(most)}`;
    const calls = more
      ? `${before.length} of its latest approved calls`
      : `its ${before.length} approved calls in ${USUAL_BOUNDS.days} days`;
    return [[{ value: path }, { text: ` is ${figures(amount)}; ${calls} ${range}` }]];
  });
}

/** What others had as a plain value, so that nobody gets past the comparison by writing it in another way. */
function unlikeOthers(own: Particulars, known: readonly Particulars[], span: string): UnusualLine[] {
  const had = ({ amounts, destinations }: Particulars, path: string): boolean =>
    Object.hasOwn(destinations, path) || Object.hasOwn(amounts, path);
  return (own.unlike ?? [])
    .filter((path) => known.some((one) => had(one, path)))
    .map((path) => [
      { value: path },
      { text: ` cannot be compared with ${span}: it is not written as a plain value, as it was there` },
    ]);
}

/** Outside the shortest stretch of the day in which all others came. */
function oddHour(own: Particulars, known: readonly Particulars[], span: string): UnusualLine[] {
  const days = new Set(known.map(({ at }) => Math.floor(at / DAY_MS)));
  if (known.length < ENOUGH.hours || days.size < ENOUGH.days) return [];
  const came = [...new Set(known.map(({ at }) => hourOf(at)))].sort((a, b) => a - b);
  const hour = hourOf(own.at);
  // The longest gap between two hours; what is not in it is the stretch in which they came.
  let [from, to, gap] = [came[0]!, came.at(-1)!, -1];
  for (const [at, start] of came.entries()) {
    const next = came[(at + 1) % came.length]!;
    const between = (next - start + 24) % 24 || 24;
    if (between > gap) [from, to, gap] = [next, start, between];
  }
  const inStretch = (hour - from + 24) % 24 <= (to - from + 24) % 24;
  if (inStretch) return [];
  const until = (to + 1) % 24;
  return [[{ text: `It is ${clock(own.at)} UTC; ${span} came between ${pad(from)}:00 and ${pad(until)}:00 UTC` }]];
}

function hourOf(at: number): number {
  return Math.floor((((at % DAY_MS) + DAY_MS) % DAY_MS) / HOUR_MS);
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

function pad(hour: number): string {
  return String(hour).padStart(2, '0');
}

/** A canonical decimal with its thousands apart. */
function figures(amount: string): string {
  const [whole = '', fraction] = amount.split('.');
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}
