import type { Approver } from '../../domain/approval/approval.ts';
import { ADMIN, type Persons, personOf } from '../../domain/approval/current.ts';
import type { Beholder } from '../../ports.ts';

/** By which pending approvals are told to wait for this person: none for whoever may approve nothing today. */
export function beholderOf({ id, userGroups }: Pick<Approver, 'id' | 'userGroups'>, persons: Persons): Beholder {
  const person = personOf(persons, id);
  const isNobody = id === ADMIN && (persons.adminToken === 'nobody' || persons.adminToken === 'closed');
  if (isNobody || persons.barred.has(person)) return { ways: [], person: null, userGroups: [], admin: false };
  const others = [...persons.names].filter(([, name]) => name === person).map(([way]) => way);
  const named = persons.names.has(id) ? person : null;
  return { ways: [...new Set([id, ...others])], person: named, userGroups, admin: id === ADMIN };
}
