import type { Approval, Decision, Requirement } from './approval.ts';
import type { Right } from './circle.ts';
import { ADMIN, type Persons, personOf } from './current.ts';
import { fillPlaces, type NeededPlace, type Voter } from './places.ts';

/** People of a group who have not approved yet. `group` null: of those who may. */
export interface MissingPeople {
  readonly group: string | null;
  readonly people: number;
}

/** What a requirement has of what it needs. */
export interface VoteTally {
  /** How many people count. Without places of groups, also those beyond the quorum. */
  readonly people: number;
  /** Who is missing, in the order of the places; empty: nobody. */
  readonly missing: readonly MissingPeople[];
  /** Further groups of which one more person would do as well, because somebody counts for them who could count elsewhere. */
  readonly orOf: readonly string[];
}

type Counted = Pick<Requirement, 'names' | 'places' | 'quorum'>;

/** Who is there and who is missing, as the votes were when they were given. */
export function tallyOf({ requirement, decisions }: Pick<Approval, 'decisions' | 'requirement'>): VoteTally {
  const names = requirement.names ?? {};
  const nameThen = (id: string): string => (Object.hasOwn(names, id) ? names[id]! : id);
  const nameOf = ({ approver, person }: Decision) => person ?? (approver === ADMIN ? null : nameThen(approver));
  return tally(requirement, decisions, nameOf, nameThen);
}

/** The same, if today's configuration also says who is one person; the lower of both. */
export function tallyToday(
  { requirement, decisions }: Pick<Approval, 'decisions' | 'requirement'>,
  persons: Persons,
): VoteTally {
  const nameOf = ({ approver }: Decision): string | null =>
    approver === ADMIN && persons.adminToken !== 'a person' ? null : personOf(persons, approver);
  const today = tally(requirement, decisions, nameOf, (id) => personOf(persons, id));
  const then = tallyOf({ requirement, decisions });
  return then.people < today.people ? then : today;
}

/** How many people have approved, at least: a vote of the admin token that may be anybody's adds nobody to others. */
export function approvalsCounted(approval: Pick<Approval, 'decisions' | 'requirement'>): number {
  return tallyOf(approval).people;
}

/**
 * Who is missing, for people: `1 of security, 1 of dba still missing`; empty where nobody is, or no group has places. `name`: how a group is
 * written.
 */
export function missingText(
  { missing, orOf }: Pick<VoteTally, 'missing' | 'orOf'>,
  name: (group: string) => string = (group) => group,
): string {
  const named = missing.filter(({ group }) => group !== null);
  if (named.length === 0) return '';
  const of = named.map(({ group, people }) => `${people} of ${name(group!)}`).join(', ');
  return `${of}${orOf.length === 0 ? '' : ` (or of ${orOf.map(name).join(', ')})`} still missing`;
}

/** `nameOf`: null for somebody who may be any of the others. `seatOf`: the name of the one somebody stands in for. */
function tally(
  requirement: Counted,
  decisions: readonly Decision[],
  nameOf: (decision: Decision) => string | null,
  seatOf: (id: string) => string,
): VoteTally {
  const approving = decisions.filter(({ choice }) => choice === 'approve');
  const known = approving.flatMap((decision) => {
    const person = nameOf(decision);
    return person === null ? [] : [voter(person, decision, requirement, seatOf)];
  });
  // Alone it is somebody; which of the others it is besides them, nobody can say.
  const voters =
    known.length > 0 ? known : approving.slice(0, 1).map((vote) => voter(vote.approver, vote, requirement, seatOf));
  const places = placesOf(requirement);
  const filled = fillPlaces(places, voters);
  const people = sum(filled);
  if (requirement.places === undefined) {
    const lacking = requirement.quorum - people;
    return { people, missing: lacking > 0 ? [{ group: null, people: lacking }] : [], orOf: [] };
  }
  const missing = places.flatMap(({ group, count }, n) =>
    filled[n]! < count ? [{ group, people: count - filled[n]! }] : [],
  );
  const helps = (group: string): boolean => {
    const another = { person: NOBODY, claims: [{ group, seat: NOBODY }] };
    return sum(fillPlaces(places, [...voters, another])) > people;
  };
  const full = requirement.places.map(({ group }) => group).filter((group) => missing.every((m) => m.group !== group));
  return { people, missing, orOf: missing.length === 0 ? [] : full.filter(helps) };
}

/** No name of a person or an account: those have no control characters. */
const NOBODY = '\u0000';

/** Without places of groups every person counts, so that one too many is no fault. */
function placesOf({ places }: Counted): readonly NeededPlace[] {
  return places ?? [{ group: null, count: Number.POSITIVE_INFINITY }];
}

/** A vote that recorded no rights counts as one who may approve, and fills no group's place. */
function voter(person: string, { rights }: Decision, { places }: Counted, seatOf: (id: string) => string): Voter {
  const own: Right = { group: null, userGroup: null, standIn: null };
  const all = rights ?? (places === undefined ? [own] : []);
  return {
    person,
    claims: all.map(({ group, standIn }) => ({ group, seat: standIn === null ? person : seatOf(standIn.for) })),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
