import type { Approval } from '../../domain/approval.ts';
import { member } from '../../domain/json.ts';
import { defer } from '../../gateway/dispatch/defer.ts';
import { type Dispatch, finish, type Outcome } from '../../gateway/dispatch/finish.ts';
import { record } from '../../gateway/dispatch/record.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { questionIn, rememberQuestion } from './question.ts';
import { type HeldRequest, paramsOf } from './request.ts';

/** How a call stands once its answer was recorded. `open`: the server asks, and waits for what it asked. */
export interface Concluded {
  readonly approval: Approval;
  readonly open: boolean;
}

/**
 * Records what came of a held call: its end, or that the server asks back before it ends it (2026-07-28, MRTR). What it
 * asks is remembered before the agent can answer it. An answer that was not sent leaves the question standing.
 */
export async function conclude(
  gateway: Gateway,
  dispatch: Dispatch,
  held: Pick<HeldRequest, 'modern' | 'bytes'>,
  outcome: Outcome,
): Promise<Concluded> {
  const { rules } = gateway;
  if (outcome.kind === 'not_sent' && dispatch.continues !== undefined) {
    const state = member(paramsOf(held.bytes), 'requestState');
    const { until } = dispatch.continues;
    await remembered(gateway, dispatch, typeof state === 'string' ? state : null, until);
    const deferral = { awaits: 'input', response: null, until, why: outcome.why } as const;
    return concluded(await defer(gateway, dispatch, deferral));
  }
  const asked = held.modern && outcome.kind === 'returned' ? questionIn(outcome.response) : null;
  if (asked === null || outcome.kind !== 'returned') {
    return { approval: await finish(gateway, dispatch, outcome), open: false };
  }
  const until = new Date(gateway.clock.now().getTime() + rules.approval.pickupMs);
  await remembered(gateway, dispatch, asked.requestState, until);
  const { response } = outcome;
  return concluded(await defer(gateway, dispatch, { awaits: 'input', response, until }));
}

/** What ended meanwhile waits for nothing. */
function concluded(approval: Approval): Concluded {
  return { approval, open: approval.state === 'dispatched' };
}

async function remembered(gateway: Gateway, dispatch: Dispatch, state: string | null, until: Date): Promise<void> {
  await record(gateway, dispatch, async () => {
    await rememberQuestion(gateway, dispatch.approval, state, until);
    return dispatch.approval;
  });
}
