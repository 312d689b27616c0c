import type { Approval } from '../../domain/approval/approval.ts';
import { PREVIEW_BOUNDS, type Preview } from '../../domain/approval/facts.ts';
import { previewText } from '../../domain/approval/preview-text.ts';
import type { Call } from '../../domain/call/call.ts';
import { maskOf } from '../../domain/call/redact-call.ts';
import { sentOf } from '../../domain/call/sent.ts';
import { approvalEvent, type NewEvent } from '../../domain/log/event.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import { type Take, takesOf } from '../../domain/policy/limit.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { previewFault } from '../../domain/policy/preview-fault.ts';
import { filledArgs, type PreviewRule } from '../../domain/policy/preview-rule.ts';
import { redactionOf } from '../../domain/policy/rule.ts';
import { inTurns } from '../../time/in-turns.ts';
import { withinOr } from '../../time/within.ts';
import type { Gateway } from '../gateway.ts';
import type { Arrival } from './arrival.ts';

export type PreviewParts = Pick<
  Gateway,
  'callMemory' | 'clock' | 'describing' | 'knownFreezes' | 'log' | 'readTool' | 'rules' | 'store' | 'vault'
>;

/**
 * Calls the reading tool that the policy names, and returns what it says, or why there is nothing. Judged, limited, stopped
 * by freezes and logged as a call of the same principal; durable in the log before its bytes leave. Takes
 * `PREVIEW_BOUNDS.ms` at most, whatever the server does; never rejects.
 */
export async function previewOf(
  gateway: PreviewParts,
  arrival: Arrival,
  approval: Approval,
  rule: PreviewRule,
  ended: AbortSignal,
): Promise<Preview> {
  const none = (why: string): Preview => ({ kind: 'none', tool: rule.tool, why });
  const { grant } = arrival.call.principal;
  const late = new AbortController();
  const signal = AbortSignal.any([ended, late.signal]);
  const run = () =>
    take(gateway, arrival, approval, rule, signal).then((taken) => (typeof taken === 'string' ? none(taken) : taken));
  const running = gateway.describing.preview(grant, arrival.call.server, run);
  if (running === null) return none('too many previews were being taken at the same time');
  const stopped = running.catch((error: unknown) => {
    gateway.log.warn({ approval: approval.id, err: error }, 'a preview could not be taken');
    return none('something that it needs did not answer');
  });
  try {
    return await withinOr(
      PREVIEW_BOUNDS.ms,
      stopped,
      none(`the server did not answer within ${PREVIEW_BOUNDS.ms / 1_000} s`),
    );
  } finally {
    late.abort();
  }
}

/** A text: why there is none. */
async function take(
  gateway: PreviewParts,
  arrival: Arrival,
  approval: Approval,
  rule: PreviewRule,
  signal: AbortSignal,
): Promise<Preview | string> {
  const { policy, call: gated } = arrival;
  if (gateway.readTool === undefined || policy === null) return 'this gateway cannot call it';
  const filled = filledArgs(rule.args, approval);
  if ('why' in filled) return filled.why;
  const { server, principal } = gated;
  const params = { name: rule.tool, arguments: filled.args };
  const call: Call = { principal, server, tool: rule.tool, args: filled.args, session: null, params };
  const refused = await refusal(gateway, policy, call, approval, rule);
  if (refused !== null) return refused;
  if (signal.aborted) return 'it took too long';
  const read = await gateway.readTool({
    ...{ server, tool: rule.tool, args: filled.args, grant: principal.grant, signal },
    mostBytes: PREVIEW_BOUNDS.octets,
  });
  if (read.kind === 'silent') return read.why;
  const redaction = redactionOf(policy, gated.tool);
  const mask = await inTurns(maskOf({ args: gated.args, sent: sentOf(gated.params, gated.headers) }, redaction));
  const { text, omitted } = previewText(mask.text(read.text).text, redactionOf(policy, rule.tool));
  return { kind: 'said', tool: rule.tool, text, omitted, failed: read.failed, at: gateway.clock.now().toISOString() };
}

/** Why it is not called; null: it is in the log, and has taken what it takes of its limits. */
async function refusal(
  gateway: PreviewParts,
  policy: Policy,
  call: Call,
  approval: Approval,
  rule: PreviewRule,
): Promise<string | null> {
  const { server, principal } = call;
  // What was checked when the policy was loaded holds still, whatever the config says of the server since.
  if (previewFault(policy, rule) !== null) return 'the policy does not allow it here';
  const verdict = evaluate(policy, call, await gateway.callMemory.historyFor(policy, call, null));
  if (verdict.kind !== 'allow' || verdict.watched !== undefined) return 'the policy does not allow this call of it';
  if (gateway.knownFreezes.over({ server, grant: principal.grant }) !== null)
    return 'a freeze stops what is sent to the server';
  const takes = takesOf(call, verdict.limits, (name) => gateway.rules.upstream(name));
  const event = previewedEvent(gateway, policy, approval, rule, verdict.trace.rule);
  return admitted(gateway, takes, event);
}

async function admitted(
  { store }: Pick<Gateway, 'store'>,
  takes: readonly Take[],
  event: NewEvent,
): Promise<string | null> {
  if (takes.length === 0) {
    await store.append([event]);
    return null;
  }
  const admission = await store.admit(takes, event);
  if (admission.kind === 'frozen') return 'a freeze stops what is sent to the server';
  return admission.kind === 'full' ? 'a limit of the policy is full' : null;
}

function previewedEvent(
  { clock }: Pick<Gateway, 'clock'>,
  policy: Policy,
  approval: Approval,
  { tool }: PreviewRule,
  governedBy: string,
): NewEvent {
  const data = { rule: governedBy, policy: policy.digest, for: approval.tool };
  return { ...approvalEvent(approval, { type: 'call.previewed', at: clock.now(), actor: 'holdfast', data }), tool };
}
