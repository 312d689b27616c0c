import { type Json, member } from '../../domain/json/json.ts';

/** Who clicked, as Slack's payload says. Ids only: anybody can choose any name. */
export interface Clicker {
  readonly user: string;
  /** The person's own workspace, or on Grid the organisation (`E…`). */
  readonly userTeam: string | null;
  /** The workspace in which the app was used; null for an installation on a whole organisation. */
  readonly team: string | null;
  /** The organisation, on Grid. */
  readonly enterprise: string | null;
  readonly app: string | null;
}

/** null: the payload names nobody. */
export function clickerIn(body: unknown): Clicker | null {
  const user = textAtPath(body, 'user', 'id');
  if (user === null || !/^[UW][A-Z0-9]{2,}$/.test(user)) return null;
  return {
    user,
    userTeam: textAtPath(body, 'user', 'team_id'),
    team: textAtPath(body, 'team', 'id'),
    enterprise: textAtPath(body, 'enterprise', 'id') ?? textAtPath(body, 'team', 'enterprise_id'),
    app: textAtPath(body, 'api_app_id'),
  };
}

/** The string at a path; null if it is missing, empty or not a string. */
export function textAtPath(from: unknown, ...path: readonly string[]): string | null {
  const value = path.reduce<unknown>((at, name) => member(at, name), from) as Json | undefined;
  return typeof value === 'string' && value !== '' ? value : null;
}
