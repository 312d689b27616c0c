import { type Approval, isOver } from '../../domain/approval/approval.ts';
import { MOST_COUNTERS_IN_A_ROW } from '../../domain/approval/counter.ts';
import { isForged } from '../../domain/approval/forged.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { parkedCall } from '../call/seats.ts';
import type { Gateway } from '../gateway.ts';

/** What the agent of a denied call is told of the counter-proposal. */
export interface ToldCounter {
  readonly approval: Approval;
  /** The arguments as the agent has to send them; null: it is over, or cannot be read. */
  readonly args: JsonObject | null;
}

/**
 * The counter-proposal with which this call was denied, as it is now; null: there is none. Where that was denied with
 * another one, it is the last of them.
 */
export async function counterTold(
  gateway: Pick<Gateway, 'frozenCalls' | 'rules' | 'store' | 'vault'>,
  denied: Approval,
): Promise<ToldCounter | null> {
  let last: Approval | null = null;
  for (let now = denied, n = 0; n <= MOST_COUNTERS_IN_A_ROW; n += 1) {
    const id = now.state === 'denied' ? now.decisions.find(({ counter }) => counter !== undefined)?.counter : undefined;
    const next: Approval | null = id === undefined ? null : await gateway.store.find(id);
    // It is of the same agent, or somebody put another one in its place.
    if (next === null || isForged(next) || next.grant !== denied.grant || next.counterOf?.approval !== now.id) break;
    last = next;
    now = next;
  }
  return last === null ? null : { approval: last, args: await argumentsOf(gateway, last) };
}

async function argumentsOf(
  gateway: Pick<Gateway, 'frozenCalls' | 'rules' | 'store' | 'vault'>,
  approval: Approval,
): Promise<JsonObject | null> {
  const { frozenCalls, rules } = gateway;
  if (frozenCalls === undefined || isOver(approval.state)) return null;
  const principal = rules.principal(approval.grant, approval.server, approval.owner);
  const bytes = principal === null ? null : await parkedCall(gateway, approval);
  return bytes === null ? null : frozenCalls.read(bytes, principal!, approval.server).args;
}
