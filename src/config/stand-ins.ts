import type { StandIn } from '../domain/approval/circle.ts';
import type { ApproverGroup, Config } from './config.ts';
import { StandInShape } from './config-schema.ts';
import type { Key } from './document/fault.ts';
import { parseInstant } from './document/instant.ts';
import { checkShape, type FaultList, isNow } from './document/shape.ts';
import type { ReportFault } from './environment.ts';
import { knownGroups } from './groups.ts';
import { idOfPerson, personAt, SLACK_ID } from './people.ts';

/** The most entries of `stand_ins`. */
const MOST_STAND_INS = 100;

const UNTIL_FORM = 'the instant at which it is over, such as 2026-12-24T00:00:00Z';

/** What the entries are read by. */
interface Known {
  readonly people: Config['people'];
  readonly groups: ReadonlyMap<string, ApproverGroup>;
  readonly now: Date;
  readonly warn: ReportFault;
  readonly faults: FaultList;
}

interface Entry {
  readonly standIn: StandIn;
  readonly at: readonly Key[];
  /** Names of the two humans, or their ids. */
  readonly absent: string;
  readonly substitute: string;
}

/**
 * The file's `stand_ins`: who decides in a group in the place of one whom it lists. Those that are over are left out with a
 * warning, so that a gateway starts with an old file. Nobody stands in for one who stands in themselves, because a group
 * would then be decided by somebody whom nobody in it chose.
 */
export function standInsIn(value: unknown, known: Known): readonly StandIn[] {
  if (value === undefined) return [];
  const { faults } = known;
  const form = 'a list of { group, for, by, until }';
  if (!Array.isArray(value)) {
    faults.add(['stand_ins'], isNow(value), form);
    return [];
  }
  if (value.length > MOST_STAND_INS)
    faults.add(['stand_ins'], `has ${value.length} entries`, `at most ${MOST_STAND_INS}`);
  const entries = value.slice(0, MOST_STAND_INS).flatMap((entry, index) => readEntry(entry, index, known) ?? []);
  for (const [index, entry] of entries.entries()) refuseTangles(entry, entries.slice(0, index), entries, faults);
  return entries.map(({ standIn }) => standIn);
}

function readEntry(value: unknown, index: number, known: Known): Entry | null {
  const { groups, people, now, warn, faults } = known;
  const at = ['stand_ins', index];
  const shape = checkShape(StandInShape, value, at, faults);
  if (shape === null) return null;
  const until = parseInstant(shape.until);
  if (until === undefined) faults.add([...at, 'until'], isNow(shape.until), UNTIL_FORM);
  const group = groups.get(shape.group);
  if (group === undefined) faults.add([...at, 'group'], isNow(shape.group), knownGroups(groups));
  const absent = idOf(shape.for, people, [...at, 'for'], faults);
  const substitute = idOf(shape.by, people, [...at, 'by'], faults);
  if (until === undefined || group === undefined || absent === null || substitute === null) return null;
  if (until <= now) {
    const message = `is ${until.toISOString()}, which is past: ${shape.by} does not stand in for ${shape.for} any more`;
    warn(`stand_ins.${index}.until`, message, 'an instant to come, or no such entry');
    return null;
  }
  const names = { absent: nameOf(absent, people), substitute: nameOf(substitute, people) };
  if (!group.people.some((member) => nameOf(member, people) === names.absent)) {
    const where = `is ${shape.for}, whom ${shape.group} does not list by name`;
    const instead = 'somebody whom the group lists; who is in a Slack user group is changed in Slack';
    faults.add([...at, 'for'], where, instead);
    return null;
  }
  const person = personAt(people, substitute);
  if (person !== null && !person.roles.has('approver')) {
    const roles = [...person.roles].join(', ') || 'none';
    faults.add(
      [...at, 'by'],
      `${person.name} may not approve: their roles are ${roles}`,
      'people with the role approver',
    );
    return null;
  }
  const standIn = { group: shape.group, for: absent, by: substitute, until: until.toISOString() };
  return { standIn, at, ...names };
}

function refuseTangles(entry: Entry, earlier: readonly Entry[], all: readonly Entry[], faults: FaultList): void {
  const { at, absent, substitute } = entry;
  const inGroup = (list: readonly Entry[]) => list.filter(({ standIn }) => standIn.group === entry.standIn.group);
  if (absent === substitute) {
    faults.add([...at, 'by'], `${substitute} would stand in for themselves`, 'another person');
    return;
  }
  const same = inGroup(earlier).find((other) => other.absent === absent);
  if (same !== undefined) {
    const twice = same.substitute === substitute ? 'says the same as' : `gives ${absent} a second stand-in besides`;
    faults.add(at, `${twice} ${same.at.join('.')}`, 'one stand-in for a person in a group');
  }
  const next = inGroup(all).find(
    (other) => other !== entry && other.substitute !== other.absent && other.substitute === absent,
  );
  if (next !== undefined) {
    const chain = `${absent} stands in for ${next.absent} (${next.at.join('.')}), so ${substitute} cannot stand in for ${absent}`;
    faults.add([...at, 'for'], chain, 'one step: a stand-in for the one who is really away');
  }
}

/** The id of a Slack user, or of a person under `people`. null, and a fault: it is neither. */
function idOf(text: string, people: Config['people'], at: readonly Key[], faults: FaultList): string | null {
  const person = people?.get(text);
  if (person !== undefined) return idOfPerson(person);
  if (SLACK_ID.test(text)) return text;
  const known = people === null ? '' : `, or one of the people (${[...people.keys()].join(', ') || 'none yet'})`;
  faults.add(at, `is ${JSON.stringify(text)}, whom nobody knows`, `a Slack id such as U0MIRA${known}`);
  return null;
}

function nameOf(id: string, people: Config['people']): string {
  return personAt(people, id)?.name ?? id;
}
