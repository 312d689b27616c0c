import { member } from '../../domain/json/json.ts';
import type { Ack, ClickDeps } from '../click/take-clicks.ts';
import { type Clicker, textAtPath } from '../people/clicker.ts';
import type { AppHomes } from './app-homes.ts';

type TakeOther = NonNullable<ClickDeps['takeOther']>;

/** Takes the event that a person has opened the app's Home; undefined: there are none. It decides nothing. */
export function homeTaker(appHomes: AppHomes | undefined): TakeOther | undefined {
  if (appHomes === undefined) return undefined;
  return async (_, body: unknown, ack: Ack) => {
    if (member(body, 'type') !== 'event_callback') return false;
    await ack();
    const who = openerIn(body);
    if (who !== null) await appHomes.opened(who);
    return true;
  };
}

/** The first that takes a payload has taken it. */
export function firstOf(...takers: readonly (TakeOther | undefined)[]): TakeOther {
  return async (terms, body, ack) => {
    for (const take of takers) if (await take?.(terms, body, ack)) return true;
    return false;
  };
}

/** Who opened it. An event says whose workspace it is from; whether the person is one of its members, Slack is asked. */
function openerIn(body: unknown): Clicker | null {
  const event = member(body, 'event');
  const user = textAtPath(event, 'user');
  if (member(event, 'type') !== 'app_home_opened' || textAtPath(event, 'tab') === 'messages') return null;
  if (user === null || !/^[UW][A-Z0-9]{2,}$/.test(user)) return null;
  const team = textAtPath(body, 'team_id');
  return {
    user,
    userTeam: team,
    team,
    enterprise: textAtPath(body, 'enterprise_id'),
    app: textAtPath(body, 'api_app_id'),
  };
}
