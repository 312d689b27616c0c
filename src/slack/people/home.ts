import { type JsonObject, member } from '../../domain/json.ts';
import { fatal, type SetupFault } from '../setup/fault.ts';

/** The workspace, and on Grid the organisation, whose people count. */
export interface Home {
  readonly team: string;
  readonly enterprise: string | null;
}

/** What the config says of it; what is absent is asked of Slack. */
export interface HomeTerms {
  readonly team?: string | undefined;
  readonly enterprise?: string | undefined;
}

/**
 * What does not fit between Slack's `auth.test` and the config. Slack names the organisation wherever there is one
 * (https://docs.slack.dev/reference/methods/auth.test), so that none said is none there.
 */
export function homeFaults(who: JsonObject, { team, enterprise }: HomeTerms): SetupFault[] {
  const faults: SetupFault[] = [];
  const actual = text(who, 'team_id');
  if (team !== undefined && actual !== team) {
    const what = `the token is for workspace ${actual ?? '(not said)'}, the config says ${team}`;
    faults.push(fatal(what, 'Set slack.team to the one you mean, or take that workspace’s token.'));
  }
  const organisation = text(who, 'enterprise_id');
  if (enterprise !== undefined && organisation !== enterprise) {
    const of = organisation === null ? 'no organisation' : `organisation ${organisation}`;
    const what = `the token is for a workspace of ${of}, the config says ${enterprise}`;
    faults.push(fatal(what, 'Set slack.enterprise to that organisation, or leave it out: Slack is asked then.'));
  }
  return faults;
}

/** Where we are, by Slack's `auth.test`; null where that is not what the config says, or not said. */
export function homeOf(who: JsonObject, terms: HomeTerms): Home | null {
  const team = text(who, 'team_id');
  if (team === null || homeFaults(who, terms).length > 0) return null;
  return { team, enterprise: text(who, 'enterprise_id') };
}

function text(object: JsonObject, name: string): string | null {
  const value = member(object, name);
  return typeof value === 'string' && value !== '' ? value : null;
}
