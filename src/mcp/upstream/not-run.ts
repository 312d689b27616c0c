import type { UpstreamAnswer } from '../../ports.ts';

/** Why an answer proves that the server ran nothing. */
export interface NotRun {
  readonly why: string;
  /** The server no longer knows the session. */
  readonly sessionLost: boolean;
}

/**
 * What an answer's status alone proves; null: nothing. The whole table is at `sendOnce`. `notRun`: as in `Upstream`.
 * `inSession`: the request named a session, as only those of the legacy era do.
 */
export function notRunBy(
  { status, refusedHere }: Pick<UpstreamAnswer, 'refusedHere' | 'status'>,
  notRun: ReadonlySet<number> | undefined,
  inSession: boolean,
): NotRun | null {
  if (refusedHere !== undefined) return { why: refusedHere, sessionLost: inSession && status === 404 };
  if (status === 401) {
    const why = "the server refused the gateway's own credential (401); its operator has to look at it";
    return { why, sessionLost: false };
  }
  if (status === 404 && inSession) {
    return { why: 'the server no longer knows the session; start a new one', sessionLost: true };
  }
  if (notRun?.has(status)) {
    return { why: `the server answered ${status}, with which it runs nothing; try again later`, sessionLost: false };
  }
  return null;
}
