import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Call } from '../../domain/call/call.ts';
import { fingerprintMaterial } from '../../domain/call/fingerprint.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import { begun, dispatchName } from './defer.ts';

/** A call that goes on: under the approval it began with, in its caller's place. */
export interface Continued {
  readonly dispatch: Dispatch;
  readonly joiner: string;
}

/**
 * A server that asks back before it answers (2026-07-28, MRTR) gets its answer in a call of its own. Under an approval
 * that is the same call: the state it issued is remembered by digest, good for one call, and needs no second approval.
 */
export async function rememberQuestion(
  { tasks, vault }: Pick<Gateway, 'tasks' | 'vault'>,
  { id, grant, server, fingerprint }: Approval,
  state: string | null,
  expiresAt: Date,
): Promise<void> {
  const digest = vault.digest('state', state ?? '');
  await tasks.rememberContinuation({ digest, grant, server, fingerprint, approval: id, expiresAt });
}

/**
 * Lets the approval go on whose question this call answers, once. Null: it brings no state that was issued under one,
 * that approval waits for no answer any more, or policy would not ask about the call now anyway. `state`: what the call
 * brought along; `requestId`: its JSON-RPC id, as JSON text.
 */
export async function takeContinuation(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'leases' | 'replica' | 'rules' | 'tasks' | 'vault'>,
  call: Call,
  requestId: string,
  state: string | null,
): Promise<Continued | null> {
  const { rules, leases, vault, replica, tasks } = gateway;
  const policy = rules.policy(call.server);
  if (policy === null || evaluate(policy, call).kind !== 'ask') return null;
  const fingerprints = vault.fingerprints(fingerprintMaterial(call));
  const digests = vault.digests('state', state ?? '');
  const now = gateway.clock.now();
  const { grant } = call.principal;
  const joiner = { id: newId('jo', now), session: null, requestId, replica };
  const by = dispatchName(gateway);
  const taken = await tasks.takeContinuation(
    { digests, grant, server: call.server, fingerprints, now, joiner, dispatcher: by, until: leases.until() },
    (approval) => dispatched(call, approval, fingerprints[0] ?? '', now),
  );
  if (taken === null) return null;
  return { dispatch: begun(gateway, taken.approval, by, now, taken.stood), joiner: taken.joiner };
}

function dispatched({ principal, server, tool }: Call, approval: string, fingerprint: string, at: Date): NewEvent {
  const data = { continues: approval, fingerprint };
  const type = 'call.dispatched';
  return { type, at, actor: 'holdfast', approval, server, tool, grant: principal.grant, data };
}
