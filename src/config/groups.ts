import type { ApproverGroup, Config } from './config.ts';
import type { Key } from './document/fault.ts';
import { entriesOf, type FaultList, isNow } from './document/shape.ts';
import { idOfPerson, personAt, SLACK_ID } from './people.ts';

/** The groups of approvers. `people`: whom a member may name. */
export function approversOf(value: unknown, people: Config['people'], faults: FaultList): Map<string, ApproverGroup> {
  const groups = new Map<string, ApproverGroup>();
  const form = memberForm(people);
  for (const [name, members] of entriesOf(value, ['approvers'], 'a map from group name to members', faults)) {
    const at = ['approvers', name];
    if (!Array.isArray(members) || members.length === 0) {
      faults.add(at, Array.isArray(members) ? 'has no members' : isNow(members), form);
      continue;
    }
    const found = members.map((member, index) => {
      const read = readMember(member, people);
      if (read === null) faults.add([...at, index], isNow(member), form);
      if (read?.kind === 'person') requireApprover(read.id, people, [...at, index], faults);
      return read;
    });
    const of = (kind: Member['kind']): string[] => {
      return [...new Set(found.flatMap((member) => (member?.kind === kind ? [member.id] : [])))];
    };
    groups.set(name, { people: of('person'), userGroups: of('user group'), admin: of('admin').length > 0 });
  }
  return groups;
}

interface Member {
  readonly kind: 'person' | 'user group' | 'admin';
  readonly id: string;
}

function memberForm(people: Config['people']): string {
  if (people === null) return 'people (U0MIRA), user groups (S0123ABC) or admin';
  return `names under people (${[...people.keys()].join(', ') || 'none yet'}), Slack ids (U0MIRA), user groups (S0123ABC) or admin`;
}

function readMember(member: unknown, people: Config['people']): Member | null {
  if (typeof member !== 'string') return null;
  if (member === 'admin') return { kind: 'admin', id: member };
  if (SLACK_ID.test(member)) return { kind: 'person', id: member };
  const person = people?.get(member);
  if (person !== undefined) return { kind: 'person', id: idOfPerson(person) };
  return /^S[A-Z0-9]{2,20}$/.test(member) ? { kind: 'user group', id: member } : null;
}

/** A person whose roles do not let them approve, in a group of approvers: one of the two is a mistake. */
function requireApprover(id: string, people: Config['people'], at: readonly Key[], faults: FaultList): void {
  const person = personAt(people, id);
  if (person === null || person.roles.has('approver')) return;
  const roles = [...person.roles].join(', ') || 'none';
  faults.add(at, `${person.name} may not approve: their roles are ${roles}`, 'people with the role approver');
}

/** Says which groups a name may refer to. */
export function knownGroups(groups: ReadonlyMap<string, unknown>): string {
  return groups.size === 0
    ? 'a group under approvers, which has none'
    : `one of the groups: ${[...groups.keys()].join(', ')}`;
}
