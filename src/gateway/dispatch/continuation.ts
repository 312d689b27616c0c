import { answersMode } from '../../domain/approval/answer.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Call } from '../../domain/call/call.ts';
import { roundsMaterial } from '../../domain/call/fingerprint.ts';
import type { Freeze } from '../../domain/freeze/freeze.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import { aftersFor } from '../../domain/policy/after.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import { type History, NO_HISTORY } from '../../domain/policy/history.ts';
import { answersOf, goesOnGated } from '../../domain/policy/rule.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import { continuedDispatch, dispatchName } from './defer.ts';
import { answerEvent, recordOfAnswer } from './given.ts';
import { issueStateToCall } from './issued-states.ts';

/** A call that goes on under the approval it began with, in its caller's seat. */
export interface Continued {
  readonly dispatch: Dispatch;
  readonly joiner: string;
}

/**
 * Stores what a server asked back before it answers (2026-07-28, MRTR). Its answer comes in a call of its own, which
 * counts as the same approved call: the state that the server issued is stored as a digest and admits one call without
 * a second approval.
 */
export async function rememberQuestion(
  gateway: Pick<Gateway, 'clock' | 'tasks' | 'vault'>,
  { id, grant, server }: Approval,
  call: Call,
  state: string | null,
  expiresAt: Date,
): Promise<void> {
  const { tasks, vault } = gateway;
  await issueStateToCall(gateway, { id, grant, server }, state);
  const digest = vault.digest('state', state ?? '');
  const fingerprint = vault.fingerprints(roundsMaterial(call))[0]!;
  await tasks.rememberContinuation({ digest, grant, server, fingerprint, approval: id, expiresAt });
}

/** What becomes of a call that answers what a server asked under an approval. */
export type Continuation =
  /** It goes on under the approval it began with. */
  | ({ readonly kind: 'continued' } & Continued)
  /** The answer needs a yes of its own first. */
  | { readonly kind: 'leg'; readonly parent: Approval }
  /** It cannot go on now: the question stands as long as its server said. */
  | { readonly kind: 'frozen'; readonly parent: Approval; readonly freeze: Freeze };

/**
 * Continues, once, the approval whose question this call answers, or says that the answer needs a yes. Null: the call
 * carries no state that was issued under an approval, the approval no longer waits for an answer, or policy would not
 * ask about this call now. `state`: what the call carried; `requestId`: its JSON-RPC id, as JSON text.
 */
export async function continueCall(
  gateway: Pick<
    Gateway,
    | 'alarms'
    | 'announcer'
    | 'callMemory'
    | 'clock'
    | 'erasures'
    | 'knownFreezes'
    | 'leases'
    | 'replica'
    | 'rules'
    | 'store'
    | 'tasks'
    | 'vault'
  >,
  call: Call,
  requestId: string,
  state: string | null,
): Promise<Continuation | null> {
  const { rules, leases, vault, replica, tasks } = gateway;
  const policy = rules.policy(call.server);
  if (policy === null) return null;
  const asks = (history: History): boolean => goesOnGated(policy, call.tool, evaluate(policy, call, history));
  const dependsOnEarlier = aftersFor(policy, call.tool).length > 0;
  if (!dependsOnEarlier && !asks(NO_HISTORY)) return null;
  const fingerprints = vault.fingerprints(roundsMaterial(call));
  const digests = vault.digests('state', state ?? '');
  const now = gateway.clock.now();
  const { grant } = call.principal;
  const returned = { digests, grant, server: call.server, fingerprints, now };
  const parent = await tasks.findContinuation(returned);
  if (parent === null || gateway.alarms.why !== null) return null;
  // Its account may be somebody else's by now.
  if (rules.principal(grant, call.server, parent.owner) === null) return null;
  // Its own beginning does not count against it.
  if (dependsOnEarlier && !asks(await gateway.callMemory.historyFor(policy, call, parent.id))) return null;
  if (parent.broken !== null) {
    // Reading it by the store tells of it.
    await gateway.store.find(parent.id);
    return null;
  }
  const mode = answersMode(parent.requirement.answers, answersOf(policy, call.tool));
  const frozen = gateway.knownFreezes.over(parent);
  if (frozen !== null) return { kind: 'frozen', parent, freeze: frozen };
  if (mode === 'ask') return { kind: 'leg', parent };
  const joiner = { id: newId('jo', now), session: null, requestId, replica };
  const by = dispatchName(gateway);
  const answer = await recordOfAnswer(gateway, call, { kind: 'result', parent: parent.id, leg: null, at: now });
  const taken = await tasks.takeContinuation(
    { ...returned, joiner, dispatcher: by, until: leases.until() },
    answer.given,
    (approval) => [
      answerEvent({ id: approval, server: call.server, tool: call.tool, grant }, answer),
      continuedEvent(call, approval, fingerprints[0] ?? '', now),
    ],
  );
  if (taken === null) {
    const freeze = await gateway.knownFreezes.lookAgain(parent);
    return freeze === null ? null : { kind: 'frozen', parent, freeze };
  }
  const dispatch = continuedDispatch(gateway, taken.approval, by, now, taken.stood);
  return { kind: 'continued', dispatch, joiner: taken.joiner };
}

function continuedEvent({ principal, server, tool }: Call, approval: string, fingerprint: string, at: Date): NewEvent {
  const data = { continues: approval, fingerprint };
  const type = 'call.dispatched';
  return { type, at, actor: 'holdfast', approval, server, tool, grant: principal.grant, data };
}
