import { evaluate } from '../../domain/policy/evaluate.ts';
import { inexactTrace, judgedInexact } from '../../domain/policy/inexact.ts';
import { takesOf } from '../../domain/policy/limit.ts';
import { askFor } from '../../domain/policy/rule.ts';
import type { Verdict } from '../../domain/policy/verdict.ts';
import { Unavailable, Unstorable } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { allow } from './allow.ts';
import type { Arrival, Handled, Leg } from './arrival.ts';
import { ask } from './ask.ts';
import { deny } from './deny.ts';
import { freezeOverCall, refuseFrozen } from './refuse-frozen.ts';
import { VerdictNotes } from './verdict-notes.ts';

const NO_POLICY: Verdict & { kind: 'deny' } = {
  kind: 'deny',
  reason: 'this server has no policy',
  trace: { rule: 'none', risk: null, severity: null, reason: null, steps: [] },
};

/**
 * Evaluates the call once and does what the verdict says; synchronously where nothing has to be waited for. When a part
 * that is needed cannot answer, the call is not forwarded (P6).
 */
export function handleCall(gateway: Gateway, arrival: Arrival): Handled | Promise<Handled> {
  try {
    const handled = followVerdict(gateway, arrival);
    return handled instanceof Promise ? handled.catch((error: unknown) => unavailable(gateway, error)) : handled;
  } catch (error) {
    return unavailable(gateway, error);
  }
}

function followVerdict(gateway: Gateway, arrival: Arrival): Handled | Promise<Handled> {
  const { policy, call } = arrival;
  const judged = policy === null ? null : judgedInexact(policy, call, arrival.inexact);
  if (policy !== null && judged !== null) {
    const reason = 'a value can be read in two ways';
    const refused: Verdict = { kind: 'deny', reason, trace: inexactTrace(policy, call, judged) };
    const notes = new VerdictNotes(gateway, arrival, refused);
    const prepared = notes.prepare();
    return prepared === undefined ? notes.inexact(judged) : prepared.then(() => notes.inexact(judged));
  }
  const verdict = policy === null ? NO_POLICY : evaluate(policy, call);
  const takes =
    verdict.kind === 'deny' ? [] : takesOf(call, verdict.limits, (server) => gateway.rules.upstream(server));
  const notes = new VerdictNotes(gateway, arrival, verdict);
  const follow = (): Handled | Promise<Handled> => {
    const freeze = verdict.kind === 'allow' ? freezeOverCall(gateway, call) : null;
    if (freeze !== null) return refuseFrozen(gateway, notes, freeze);
    switch (verdict.kind) {
      case 'deny':
        return deny(gateway, notes, verdict.reason);
      case 'allow':
        return allow(gateway, notes, takes, arrival.bytes.byteLength);
      case 'ask':
        return ask(gateway, notes, takes, arrival, verdict);
      default:
        return verdict satisfies never;
    }
  };
  const prepared = notes.prepare();
  return prepared === undefined ? follow() : prepared.then(follow);
}

/**
 * Asks for a yes for what an agent answers to what a server asked during a gated call. A policy that denies the call by
 * now denies the answer too; one that no longer asks about the call still asks about the answer.
 */
export function handleLeg(gateway: Gateway, arrival: Arrival & { readonly leg: Leg }): Promise<Handled> {
  const { policy, call } = arrival;
  const verdict = policy === null ? NO_POLICY : evaluate(policy, call);
  const notes = new VerdictNotes(gateway, arrival, verdict);
  if (policy === null || verdict.kind === 'deny') {
    const denied = (): Handled | Promise<Handled> => deny(gateway, notes, verdict.trace.reason ?? 'policy denies it');
    return (notes.prepare() ?? Promise.resolve()).then(denied);
  }
  const asking = { kind: 'ask', ask: askFor(policy, call.tool), limits: [], trace: verdict.trace } as const;
  return ask(gateway, notes, [], arrival, asking).catch((error: unknown) => unavailable(gateway, error));
}

function unavailable({ log }: Pick<Gateway, 'log'>, error: unknown): Handled {
  if (!(error instanceof Unavailable) || error instanceof Unstorable) throw error;
  log.error({ err: error, part: error.part }, 'a call was not forwarded');
  return { kind: 'unavailable', part: error.part, why: error.message };
}
