import type { Approver } from '../../domain/approval/approval.ts';

/** A person's name in events: by which means they came, and who they are there. */
export function actorOf({ id }: Pick<Approver, 'id'>): string {
  return id === 'admin' ? 'admin' : `slack:${id}`;
}
