import { type JsonObject, member } from '../../domain/json/json.ts';

/** The workspace, and on Enterprise Grid the organisation, whose people count. */
export interface Home {
  readonly team: string;
  readonly enterprise: string | null;
  /**
   * The app is installed on the whole organisation, and the config names that: people of every workspace of it count,
   * and clicks come from each (https://docs.slack.dev/enterprise/developing-for-enterprise-orgs).
   */
  readonly everywhere: boolean;
}

/** What the config says about it; what is absent is taken from Slack's answer. */
export interface HomeTerms {
  readonly team?: string | undefined;
  readonly enterprise?: string | undefined;
}

/** A difference between Slack's answer and the config, and what to do about it. */
export interface HomeMismatch {
  readonly what: string;
  readonly remedy: string;
}

/**
 * Compares Slack's `auth.test` with the config. Slack names the organisation whenever there is one
 * (https://docs.slack.dev/reference/methods/auth.test), so if it names none, there is none.
 */
export function homeMismatches(identity: JsonObject, terms: HomeTerms): HomeMismatch[] {
  const { team, enterprise } = terms;
  const mismatches: HomeMismatch[] = [];
  const actual = text(identity, 'team_id');
  // A token for a whole organisation is for no workspace in particular.
  if (team !== undefined && actual !== team && !isEverywhere(identity, terms)) {
    const what = `the token is for workspace ${actual ?? '(not said)'}, the config says ${team}`;
    mismatches.push({ what, remedy: 'Set slack.team to the one you mean, or take that workspace’s token.' });
  }
  const organisation = text(identity, 'enterprise_id');
  if (enterprise !== undefined && organisation !== enterprise) {
    const of = organisation === null ? 'no organisation' : `organisation ${organisation}`;
    const what = `the token is for a workspace of ${of}, the config says ${enterprise}`;
    const remedy = 'Set slack.enterprise to that organisation, or leave it out: Slack is asked then.';
    mismatches.push({ what, remedy });
  }
  return mismatches;
}

/** Our home according to Slack's `auth.test`; null if it differs from the config, or Slack does not name it. */
export function homeOf(identity: JsonObject, terms: HomeTerms): Home | null {
  const team = text(identity, 'team_id');
  if (team === null || homeMismatches(identity, terms).length > 0) return null;
  return { team, enterprise: text(identity, 'enterprise_id'), everywhere: isEverywhere(identity, terms) };
}

function isEverywhere(identity: JsonObject, { enterprise }: HomeTerms): boolean {
  const isInstalledSo = member(identity, 'is_enterprise_install') === true;
  return isInstalledSo && enterprise !== undefined && text(identity, 'enterprise_id') === enterprise;
}

function text(object: JsonObject, name: string): string | null {
  const value = member(object, name);
  return typeof value === 'string' && value !== '' ? value : null;
}
