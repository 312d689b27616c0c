import { fingerprintMaterial } from '../../domain/call.ts';
import { evaluate } from '../../domain/evaluate.ts';
import type { NewEvent } from '../../domain/event.ts';
import { member } from '../../domain/json.ts';
import { begun, dispatchName } from '../../gateway/dispatch/defer.ts';
import type { Dispatch } from '../../gateway/dispatch/finish.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { newId } from '../../gateway/id.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { callOf } from './request.ts';

/** A call that goes on: under the approval it began with, in its caller's place. */
export interface Continued {
  readonly dispatch: Dispatch;
  readonly joiner: string;
}

/** Whether it says that it answers something that its server asked (2026-07-28, MRTR). */
export function bringsAnswers({ modern, params }: Pick<ToolCallRequest, 'modern' | 'params'>): boolean {
  if (!modern) return false;
  return typeof member(params, 'requestState') === 'string' || member(params, 'inputResponses') !== undefined;
}

/**
 * Lets the approval go on that this call answers a question of, once; null when it brings nothing that was issued under
 * one, when that approval waits for no answer any more, or when policy would not ask about it now anyway.
 */
export async function takeContinuation(gateway: Gateway, request: ToolCallRequest): Promise<Continued | null> {
  const state = member(request.params, 'requestState');
  if (!bringsAnswers(request) || request.inexact !== null) return null;
  const { rules, leases } = gateway;
  const call = callOf(request, request.params);
  const policy = rules.policy(call.server);
  if (policy === null || evaluate(policy, call).kind !== 'ask') return null;
  const fingerprints = gateway.vault.fingerprints(fingerprintMaterial(call));
  const now = gateway.clock.now();
  const digests = gateway.vault.digests('state', typeof state === 'string' ? state : '');
  const { grant } = call.principal;
  const { replica } = gateway;
  const joiner = { id: newId('jo', now), session: null, requestId: request.idText, replica };
  const by = dispatchName(gateway);
  const taken = await gateway.tasks.takeContinuation(
    { digests, grant, server: call.server, fingerprints, now, joiner, dispatcher: by, until: leases.until() },
    (approval) => dispatched(request, approval, fingerprints[0] ?? '', now),
  );
  if (taken === null) return null;
  return { dispatch: begun(gateway, taken.approval, by, now, taken.stood), joiner: taken.joiner };
}

function dispatched(
  { principal, server, params }: ToolCallRequest,
  approval: string,
  fingerprint: string,
  at: Date,
): NewEvent {
  const data = { continues: approval, fingerprint };
  const tool = String(params.name);
  const type = 'call.dispatched';
  return { type, at, actor: 'holdfast', approval, server, tool, grant: principal.grant, data };
}
