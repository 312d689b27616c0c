/** No grant's name has it. */
const BETWEEN = '/';

/**
 * The name of a principal, which is the boundary everywhere: of joins, results, tasks, sessions, limits, children, openings
 * and kept bytes. An agent with a grant's own token is the grant, by its name. One that comes with an access token is
 * `grant/mark`, where the mark stands for issuer and subject, so that two people with one grant share nothing.
 */
export function principalName(grant: string, mark: string): string {
  return `${grant}${BETWEEN}${mark}`;
}

/** The grant of a principal: what is frozen, revoked and bound to servers. */
export function grantNameOf(principal: string): string {
  const at = principal.indexOf(BETWEEN);
  return at < 0 ? principal : principal.slice(0, at);
}

/** What stands for issuer and subject; null: the grant itself calls, with its own token. */
export function markOf(principal: string): string | null {
  const at = principal.indexOf(BETWEEN);
  return at < 0 ? null : principal.slice(at + 1);
}
