import { evaluate } from '../../domain/evaluate.ts';
import type { NewEvent } from '../../domain/event.ts';
import { type Taken, takesOf } from '../../domain/limit.ts';
import type { Verdict } from '../../domain/verdict.ts';
import { Unavailable } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import type { Arrival, Handled } from './arrival.ts';
import { ask } from './ask.ts';
import { limited, logIsDown, verdictEvent } from './verdict-event.ts';

/** Bytes of a request that may be kept until its event is written. */
const MOST_KEPT = 16 * 1024;

const NO_POLICY: Verdict & { kind: 'deny' } = {
  kind: 'deny',
  reason: 'this server has no policy',
  trace: { rule: 'none', risk: null, severity: null, reason: null, steps: [] },
};

/**
 * Evaluates once and does what the verdict says: at once where nothing has to be waited for. Whatever cannot answer, the
 * call is not forwarded (P6).
 */
export function handleCall(
  gateway: Pick<
    Gateway,
    | 'at'
    | 'cards'
    | 'clock'
    | 'fullLimits'
    | 'journal'
    | 'log'
    | 'queue'
    | 'replica'
    | 'retries'
    | 'rules'
    | 'store'
    | 'vault'
  >,
  arrival: Arrival,
): Handled | Promise<Handled> {
  try {
    const handled = judged(gateway, arrival);
    return handled instanceof Promise ? handled.catch((error: unknown) => cannot(gateway, error)) : handled;
  } catch (error) {
    return cannot(gateway, error);
  }
}

function judged(
  gateway: Pick<
    Gateway,
    | 'at'
    | 'cards'
    | 'clock'
    | 'fullLimits'
    | 'journal'
    | 'log'
    | 'queue'
    | 'replica'
    | 'retries'
    | 'rules'
    | 'store'
    | 'vault'
  >,
  arrival: Arrival,
): Handled | Promise<Handled> {
  const policy = gateway.rules.policy(arrival.call.server);
  if (policy === null) return deny(gateway, arrival, NO_POLICY);
  const verdict = evaluate(policy, arrival.call);
  switch (verdict.kind) {
    case 'deny':
      return deny(gateway, arrival, verdict);
    case 'allow':
      return allow(gateway, arrival, verdict, policy.digest);
    case 'ask':
      return ask(gateway, arrival, verdict, policy.digest);
    default:
      return verdict satisfies never;
  }
}

/** A slow log holds a call up, one that cannot be written refuses it (P7). */
async function recovered(
  { journal }: Pick<Gateway, 'journal'>,
  goOn: () => Handled | Promise<Handled>,
): Promise<Handled> {
  return (await journal.recovered()) ? goOn() : logIsDown();
}

function cannot(gateway: Pick<Gateway, 'log'>, error: unknown): Handled {
  if (!(error instanceof Unavailable)) throw error;
  gateway.log.error({ err: error, part: error.part }, 'a call was not forwarded');
  return { kind: 'unavailable', part: error.part, why: error.message };
}

function deny(
  gateway: Pick<Gateway, 'clock' | 'journal' | 'rules' | 'vault'>,
  arrival: Arrival,
  verdict: Verdict & { kind: 'deny' },
): Handled | Promise<Handled> {
  if (!gateway.journal.writable) return recovered(gateway, () => deny(gateway, arrival, verdict));
  gateway.journal.note(verdictEvent(gateway, arrival, 'call.denied', verdict, { reason: verdict.reason }));
  return { kind: 'denied', reason: verdict.reason };
}

function allow(
  gateway: Pick<Gateway, 'clock' | 'fullLimits' | 'journal' | 'log' | 'rules' | 'store' | 'vault'>,
  arrival: Arrival,
  verdict: Verdict & { kind: 'allow' },
  policyDigest: string,
): Handled | Promise<Handled> {
  if (!gateway.journal.writable && verdict.limits.length === 0) {
    return recovered(gateway, () => allow(gateway, arrival, verdict, policyDigest));
  }
  const at = gateway.clock.now();
  const told = (): NewEvent => verdictEvent(gateway, arrival, 'call.allowed', verdict, { policy: policyDigest }, at);
  if (verdict.limits.length > 0) return admit(gateway, arrival, verdict, told());
  // The event waits for its batch to be made; what would be too much to keep until then is made now.
  gateway.journal.note(arrival.bytes.byteLength > MOST_KEPT ? told() : told);
  return PLAIN;
}

const PLAIN: Handled = { kind: 'forward', notSent: null };

async function admit(
  gateway: Pick<Gateway, 'clock' | 'fullLimits' | 'journal' | 'log' | 'rules' | 'store' | 'vault'>,
  arrival: Arrival,
  verdict: Verdict & { kind: 'allow' },
  event: NewEvent,
): Promise<Handled> {
  const takes = takesOf(arrival.call, verdict.limits);
  const known = gateway.fullLimits.recall(takes, event.at);
  if (known) return limited(gateway, arrival, verdict, known);
  const admission = await gateway.store.admit(takes, event);
  if (admission.kind === 'full') {
    gateway.fullLimits.remember(admission.full, event.at);
    return limited(gateway, arrival, verdict, admission.full);
  }
  return { kind: 'forward', notSent: () => refund(gateway, arrival, verdict, admission.taken) };
}

/** Nothing was sent: the quota goes back, in its own window only. */
async function refund(
  gateway: Pick<Gateway, 'clock' | 'log' | 'rules' | 'store' | 'vault'>,
  arrival: Arrival,
  verdict: Verdict,
  taken: readonly Taken[],
) {
  try {
    const event = verdictEvent(gateway, arrival, 'call.refunded', verdict, { why: 'nothing was sent' });
    await gateway.store.refund(taken, event);
  } catch (error) {
    // Too little let through is the safe side; the window heals it.
    gateway.log.warn({ err: error }, 'quota of a call that was not sent could not be given back');
  }
}
