import type { SlackFailure } from '../wire/api.ts';

/** Something wrong with the setup, and what to do about it. */
export interface SetupFault {
  /**
   * `fatal`: approvals cannot be decided in Slack. `weak`: something works less well. `unknown`: Slack did not answer,
   * so all may be well.
   */
  readonly severity: 'fatal' | 'weak' | 'unknown';
  readonly what: string;
  readonly remedy: string;
}

export const fatal = (what: string, remedy: string): SetupFault => ({ severity: 'fatal', what, remedy });
export const weak = (what: string, remedy: string): SetupFault => ({ severity: 'weak', what, remedy });

/** Codes that say nothing about the setup: the same question may be answered a minute later. */
const NO_ANSWER = new Set([
  'not_reached',
  'no_answer',
  'ratelimited',
  'fatal_error',
  'internal_error',
  'service_unavailable',
  'request_timeout',
]);

/** The fault for a question that Slack did not answer; null if it did. */
export function unanswered({ code }: SlackFailure): SetupFault | null {
  if (!NO_ANSWER.has(code) && !code.startsWith('http_')) return null;
  const what = `Slack does not answer (${code})`;
  return { severity: 'unknown', what, remedy: 'Check the network, a proxy, and SLACK_API_URL if it is set.' };
}

/** For an answer that this check does not know. */
export const unclear = (what: string): SetupFault =>
  fatal(what, 'Repair what the other faults name, then check again with `holdfast doctor slack`.');
