import type { StandingDenial } from '../../domain/allowance/allowance.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import { type History, NO_HISTORY } from '../../domain/policy/history.ts';
import { inexactTrace, judgedInexact } from '../../domain/policy/inexact.ts';
import { takesOf } from '../../domain/policy/limit.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { askFor, isWatched } from '../../domain/policy/rule.ts';
import type { Verdict } from '../../domain/policy/verdict.ts';
import { Unavailable, Unstorable } from '../../ports.ts';
import { standingDenial } from '../allowance/covering.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import { onceASecond } from '../state/heard-call.ts';
import { allow, type Sampled } from './allow.ts';
import type { Arrival, Handled, Leg } from './arrival.ts';
import { ask } from './ask.ts';
import { deny } from './deny.ts';
import { materialOf } from './new-approval.ts';
import { type WatchedNote, watchedNote } from './note-watched.ts';
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
  const history = policy === null ? NO_HISTORY : gateway.callMemory.historyFor(policy, call, null);
  const judge = (read: History) => follow(gateway, arrival, policy === null ? NO_POLICY : evaluate(policy, call, read));
  return history instanceof Promise ? history.then(judge) : judge(history);
}

/** `ref`: how the call is remembered, where it already is; null: it is not. */
function follow(
  gateway: Gateway,
  arrival: Arrival,
  verdict: Verdict,
  ref: string | null = null,
): Handled | Promise<Handled> {
  const { policy, call } = arrival;
  const takes =
    verdict.kind === 'deny' ? [] : takesOf(call, verdict.limits, (server) => gateway.rules.upstream(server));
  const notes = new VerdictNotes(gateway, arrival, verdict, ref);
  const noteFirst = (): Handled | Promise<Handled> => {
    if (policy !== null && verdict.kind !== 'deny' && isWatched(policy, call.tool)) {
      return watchedNote(gateway, arrival, verdict).then((note) => forwardOrAsk(note));
    }
    return forwardOrAsk(null);
  };
  const forwardOrAsk = (watched: WatchedNote | null): Handled | Promise<Handled> => {
    const freeze = verdict.kind === 'allow' ? freezeOverCall(gateway, call) : null;
    if (freeze !== null) return refuseFrozen(gateway, notes, freeze);
    switch (verdict.kind) {
      case 'deny':
        return deny(gateway, notes, verdict.reason);
      case 'allow': {
        const denial = personsDenial(gateway, arrival, verdict);
        if (denial !== null) return notes.standing(denial);
        return ref === null && policy !== null && gateway.callMemory.wants(call.server, call.tool)
          ? rememberFirst(gateway, arrival, policy)
          : allow(gateway, notes, takes, arrival.bytes.byteLength, watched, sampledBy(gateway, arrival));
      }
      case 'ask':
        watched?.();
        return ask(gateway, notes, takes, arrival, verdict);
      default:
        return verdict satisfies never;
    }
  };
  const prepared = notes.prepare();
  return prepared === undefined ? noteFirst() : prepared.then(noteFirst);
}

/** null: nothing is kept of allowed calls. */
function sampledBy({ sampleKeeper }: Pick<Gateway, 'sampleKeeper'>, arrival: Arrival): Sampled | null {
  return sampleKeeper.isOn ? (event) => sampleKeeper.offer(arrival, event) : null;
}

/**
 * A person's no in advance, which holds while what the policy says of the call is only watched, whatever that is: a call
 * that would even be denied is no better. An inexact call is compared as doubles read it.
 */
function personsDenial(
  gateway: Gateway,
  arrival: Arrival,
  verdict: Extract<Verdict, { kind: 'allow' }>,
): StandingDenial | null {
  if (verdict.watched === undefined) return null;
  return standingDenial(gateway, arrival.call, () => materialOf(arrival), false);
}

/**
 * Remembers that an allowed call begins, before anything of it is sent, and judges it again where its own verdict depends on
 * earlier calls: of two that exclude each other and come at once, the second to be remembered sees the first.
 */
async function rememberFirst(gateway: Gateway, arrival: Arrival, policy: Policy): Promise<Handled> {
  const { callMemory, clock } = gateway;
  const { call } = arrival;
  const caller = { grant: call.principal.grant, session: call.session, server: call.server, tool: call.tool };
  const ref = newId('ca', clock.now());
  await callMemory.begun(caller, ref);
  const history = await callMemory.historyFor(policy, call, ref);
  const handled = await follow(gateway, arrival, evaluate(policy, call, history), ref);
  if (handled.kind !== 'forward') return handled;
  const came = onceASecond(clock, () => callMemory.came(caller, ref), true);
  return { ...handled, heard: { came, ended: (how) => callMemory.ended(caller, ref, how) } };
}

/**
 * Asks for a yes for what an agent answers to what a server asked during a gated call. A policy that denies the call by
 * now denies the answer too; one that no longer asks about the call still asks about the answer.
 */
export async function handleLeg(gateway: Gateway, arrival: Arrival & { readonly leg: Leg }): Promise<Handled> {
  try {
    return await askOfLeg(gateway, arrival);
  } catch (error) {
    return unavailable(gateway, error);
  }
}

async function askOfLeg(gateway: Gateway, arrival: Arrival & { readonly leg: Leg }): Promise<Handled> {
  const { policy, call, leg } = arrival;
  const history = policy === null ? NO_HISTORY : await gateway.callMemory.historyFor(policy, call, leg.parent.id);
  const verdict = policy === null ? NO_POLICY : evaluate(policy, call, history);
  const notes = new VerdictNotes(gateway, arrival, verdict);
  if (policy === null || verdict.kind === 'deny') {
    const denied = (): Handled | Promise<Handled> => deny(gateway, notes, verdict.trace.reason ?? 'policy denies it');
    return (notes.prepare() ?? Promise.resolve()).then(denied);
  }
  const asking = { kind: 'ask', ask: askFor(policy, call.tool), limits: [], trace: verdict.trace } as const;
  return ask(gateway, notes, [], arrival, asking);
}

function unavailable({ log }: Pick<Gateway, 'log'>, error: unknown): Handled {
  if (!(error instanceof Unavailable) || error instanceof Unstorable) throw error;
  log.error({ err: error, part: error.part }, 'a call was not forwarded');
  return { kind: 'unavailable', part: error.part, why: error.message };
}
