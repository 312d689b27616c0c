import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch, Outcome } from '../../domain/approval/dispatch.ts';
import type { Gateway } from '../gateway.ts';
import { rememberQuestion } from './continuation.ts';
import { defer } from './defer.ts';
import { finish } from './finish.ts';
import { record } from './record.ts';

/** How a call stands once its answer was recorded. `open`: the server asks, and waits for what it asked. */
export interface Concluded {
  readonly approval: Approval;
  readonly open: boolean;
}

/** What the door reads in the call and its answer; the states are the server's (2026-07-28, `requestState`). */
export interface CallReading {
  /** The answer asks the agent for something first; null: it does not. */
  readonly asks: { readonly requestState: string | null } | null;
  /** The state that the call itself brought along. */
  sentState(): string | null;
}

/**
 * Records what came of a held call: its end, or that the server asks back before it ends it (2026-07-28, MRTR). What it
 * asks is remembered before the agent can answer it. An answer that was not sent leaves the question standing.
 */
export async function conclude(
  gateway: Pick<Gateway, 'announcer' | 'at' | 'clock' | 'leases' | 'log' | 'rules' | 'store' | 'tasks' | 'vault'>,
  dispatch: Dispatch,
  outcome: Outcome,
  { asks, sentState }: CallReading,
): Promise<Concluded> {
  const remember = (state: string | null, until: Date) =>
    record(gateway, dispatch, async () => {
      await rememberQuestion(gateway, dispatch.approval, state, until);
      return dispatch.approval;
    });
  if (outcome.kind === 'not_sent' && dispatch.continues !== undefined) {
    const { until } = dispatch.continues;
    await remember(sentState(), until);
    return concluded(await defer(gateway, dispatch, { awaits: 'input', response: null, until, why: outcome.why }));
  }
  if (asks === null || outcome.kind !== 'returned') {
    return { approval: await finish(gateway, dispatch, outcome), open: false };
  }
  const until = new Date(gateway.clock.now().getTime() + gateway.rules.approval.pickupMs);
  await remember(asks.requestState, until);
  return concluded(await defer(gateway, dispatch, { awaits: 'input', response: outcome.response, until }));
}

/** What ended meanwhile waits for nothing. */
function concluded(approval: Approval): Concluded {
  return { approval, open: approval.state === 'dispatched' };
}
