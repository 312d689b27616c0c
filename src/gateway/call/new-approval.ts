import { fingerprintMaterial, roundsMaterial } from '../../domain/call/fingerprint.ts';
import { redactCall } from '../../domain/call/redact-call.ts';
import { bringsAnswers, sentOf } from '../../domain/call/sent.ts';
import { keptReason } from '../../domain/call/stated-reason.ts';
import { approvalEvent, type NewEvent } from '../../domain/log/event.ts';
import { redactionOf } from '../../domain/policy/rule.ts';
import type { Verdict } from '../../domain/policy/verdict.ts';
import type { NewApproval } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import type { Arrival } from './arrival.ts';
import { loggedTrace } from './verdict-notes.ts';

export type AskVerdict = Verdict & { kind: 'ask' };

/** The approval of a call that needs one, frozen, and the event of its request. */
export function newApproval(
  gateway: Pick<Gateway, 'rules' | 'vault'>,
  arrival: Arrival,
  verdict: AskVerdict,
  now: Date,
): { readonly request: NewApproval; readonly event: NewEvent } {
  const request = freeze(gateway, arrival, verdict, now);
  return { request, event: requestedEvent(request, verdict) };
}

function freeze(
  gateway: Pick<Gateway, 'rules' | 'vault'>,
  arrival: Arrival,
  verdict: AskVerdict,
  now: Date,
): NewApproval {
  const { call, freeze: frozen } = arrival;
  const { vault } = gateway;
  const [fingerprint, ...olderFingerprints] = vault.fingerprints(fingerprintMaterial(call));
  const policy = arrival.policy!;
  const id = newId('ap', now);
  const timeoutMs = verdict.ask.timeoutMs ?? gateway.rules.approval.timeoutMs;
  return {
    approval: {
      id,
      server: call.server,
      tool: call.tool,
      grant: call.principal.grant,
      owner: call.principal.owner,
      selfApproval: call.principal.selfApproval,
      fingerprint: fingerprint!,
      requirement: gateway.rules.requirement(verdict.ask),
      ...redactCall({ args: call.args, sent: sentOf(call.params, call.headers) }, redactionOf(policy, call.tool)),
      answersTo: null,
      trace: verdict.trace,
      statedReason: keptReason(arrival.statedReason),
      policyDigest: policy.digest,
      createdAt: now,
      expiresAt: new Date(now.getTime() + timeoutMs),
      pickupUntil: null,
      leaseUntil: null,
      note: null,
    },
    request: vault.seal('request', id, frozen()),
    olderFingerprints,
    rounds: bringsAnswers(call) ? vault.fingerprints(roundsMaterial(call)) : [],
  };
}

function requestedEvent({ approval }: NewApproval, verdict: AskVerdict) {
  return approvalEvent(approval, {
    type: 'approval.requested',
    at: approval.createdAt,
    actor: `grant:${approval.grant}`,
    data: {
      fingerprint: approval.fingerprint,
      rule: verdict.trace.rule,
      reason: verdict.trace.reason,
      trace: loggedTrace(verdict),
      policy: approval.policyDigest,
      arguments: approval.arguments,
      sent: { ...approval.sent },
      hidden: { ...approval.hidden },
      statedReason: approval.statedReason,
      approvers: [...approval.requirement.groups],
      quorum: approval.requirement.quorum,
      expiresAt: approval.expiresAt.toISOString(),
      owner: approval.owner,
    },
  });
}
