import type { EventType } from './event.ts';

/**
 * By these something is stopped, let go, ended, recognised or begun for as long as the log lasts, and the gateway reads them
 * back from the log: they stay in the database when it is cut. There are few of them.
 */
export const STAYING_TYPES: readonly EventType[] = [
  ...(['seals.began', 'key.changed', 'store.accepted', 'log.cut'] as const),
  ...(['freeze.set', 'freeze.lifted', 'grant.revoked', 'watch.began', 'watch.ended', 'data.erased'] as const),
  ...(['key.requested', 'key.registered', 'key.revoked', 'key.suspended', 'token.revoked', 'token.suspended'] as const),
];

const STAYS = new Set<string>(STAYING_TYPES);
const START = '"type":"';

/** The type that a canonical text ends with, if events of it never leave; null: it may leave. */
export function stayingType(text: string): string | null {
  const from = text.lastIndexOf(START);
  const type = from < 0 || !text.endsWith('"}') ? '' : text.slice(from + START.length, -2);
  return STAYS.has(type) ? type : null;
}
