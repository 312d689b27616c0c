import { type Policy, rulesOf } from './policy.ts';

/** A server whose policy is only watched, or one rule of a policy that is otherwise enforced. */
export interface Watching {
  readonly server: string;
  /** The key under `tools`; null: the whole server. */
  readonly rule: string | null;
}

/** Everything that is only watched, by the policies as they are in force. */
export function watchingIn(policies: ReadonlyMap<string, Policy>): Watching[] {
  return [...policies].flatMap(([server, policy]): Watching[] => {
    if (policy.mode === 'watch') return [{ server, rule: null }];
    return rulesOf(policy)
      .filter(({ mode }) => mode === 'watch')
      .map(({ key }) => ({ server, rule: key }));
  });
}

/** Its name for people: `tickets`, or `tickets.delete_*`. */
export function watchingName({ server, rule }: Watching): string {
  return rule === null ? server : `${server}.${rule}`;
}

/** Days after which what is only watched is warned of: by then a policy is either right or forgotten. */
export const WATCHED_LONG_DAYS = 14;

export function isWatchedLong(since: Date, now: Date): boolean {
  return now.getTime() - since.getTime() >= WATCHED_LONG_DAYS * 86_400_000;
}
