import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch, Outcome } from '../../domain/approval/dispatch.ts';
import type { Call } from '../../domain/call/call.ts';
import type { Gateway } from '../gateway.ts';
import { rememberQuestion } from './continuation.ts';
import { defer } from './defer.ts';
import { finish } from './finish.ts';
import { record } from './record.ts';

/** A call after its answer was recorded. `open`: the server asked back and waits for the answer. */
export interface Concluded {
  readonly approval: Approval;
  readonly open: boolean;
}

/** What the door reads in a call and its answer; the states are the server's (2026-07-28, `requestState`). */
export interface CallReading {
  /** The answer asks the agent for input before it goes on; null: it does not. */
  readonly asks: { readonly requestState: string | null } | null;
  /** The state of the server's that was sent with the agent's answer; null: none was. */
  answered(): string | null;
  /** The call that was sent, whatever it answered. */
  call(): Call;
}

/**
 * Records the result of a held call: its end, or that the server asks back first (2026-07-28, MRTR). The question is
 * stored before the agent can answer it. An answer that was not sent leaves the question open.
 */
export async function conclude(
  gateway: Pick<
    Gateway,
    | 'announcer'
    | 'callMemory'
    | 'clock'
    | 'faultPoint'
    | 'leases'
    | 'log'
    | 'longResults'
    | 'rules'
    | 'store'
    | 'tasks'
    | 'vault'
  >,
  dispatch: Dispatch,
  outcome: Outcome,
  { asks, answered, call }: CallReading,
  /** It was spent for a caller whose answer this process holds open, and who has not gone away. */
  callerHere = false,
): Promise<Concluded> {
  const remember = (state: string | null, until: Date) =>
    record(gateway, dispatch, async () => {
      await rememberQuestion(gateway, dispatch.approval, call(), state, until);
      return dispatch.approval;
    });
  if (outcome.kind === 'not_sent' && dispatch.continues !== undefined) {
    const { until } = dispatch.continues;
    await remember(answered(), until);
    return concluded(await defer(gateway, dispatch, { awaits: 'input', response: null, until, why: outcome.why }));
  }
  if (asks === null || outcome.kind !== 'returned') {
    return { approval: await finish(gateway, dispatch, outcome, callerHere), open: false };
  }
  const until = new Date(gateway.clock.now().getTime() + gateway.rules.approval.pickupMs);
  await remember(asks.requestState, until);
  return concluded(await defer(gateway, dispatch, { awaits: 'input', response: outcome.response, until }));
}

/** An approval that ended meanwhile waits for nothing. */
function concluded(approval: Approval): Concluded {
  return { approval, open: approval.state === 'dispatched' };
}
