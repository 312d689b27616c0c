import type { Approver } from '../../domain/approval/approval.ts';

/** A person's name in events: the way they came in, and their id there. */
export function actorOf({ id }: Pick<Approver, 'id'>): string {
  return id === 'admin' ? 'admin' : `slack:${id}`;
}
