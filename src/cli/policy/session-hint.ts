import type { Policy } from '../../domain/policy/policy.ts';

/**
 * What an author should know of this policy's limits per session; null: it has none. An agent may open another session
 * as often as `sessions.openings` allows, so such a limit holds for an honest agent only.
 */
export function sessionHint({ allTools, exact, globs }: Policy): string | null {
  const rules = [...exact.values(), ...globs.map(({ rule }) => rule)];
  const limits = [...allTools.limits, ...rules.flatMap((rule) => rule.limits)];
  const places = [...new Set(limits.filter(({ scope }) => scope === 'session').map(({ where }) => where))];
  const [first] = places;
  if (first === undefined) return null;
  const more = places.length === 1 ? '' : ` and ${places.length - 1} more`;
  return `${first}${more}: counted per session, and an agent can start a new session at any time; scope: grant counts all of them`;
}
