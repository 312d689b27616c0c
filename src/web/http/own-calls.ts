import { ADMIN, type Persons, waysOfPerson } from '../../domain/approval/current.ts';
import type { OwnedBy } from '../../ports.ts';

/**
 * The calls of this person's agents: those that worked for them when they called, and those of grants that are theirs today.
 * null: the admin token, which owns no agents.
 */
export function ownCalls(
  id: string,
  persons: Pick<Persons, 'names'>,
  grants: readonly { readonly name: string; readonly owner: string | null }[],
): OwnedBy | null {
  if (id === ADMIN) return null;
  const ids = waysOfPerson(persons, id).filter((way) => way !== ADMIN);
  const own = grants.filter(({ owner }) => owner !== null && ids.includes(owner));
  return { ids, grants: own.map(({ name }) => name) };
}
