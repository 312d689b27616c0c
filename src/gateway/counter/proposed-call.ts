import type { Approval, Approver, Requirement } from '../../domain/approval/approval.ts';
import { argumentChanges } from '../../domain/approval/argument-changes.ts';
import type { ArgumentFault } from '../../domain/approval/argument-fault.ts';
import { MOST_COUNTERS_IN_A_ROW } from '../../domain/approval/counter.ts';
import type { CounterOf } from '../../domain/approval/counter-of.ts';
import { fingerprintMaterial } from '../../domain/call/fingerprint.ts';
import { hiddenIn, keepHidden } from '../../domain/call/keep-hidden.ts';
import { redacting } from '../../domain/call/redact-call.ts';
import { bringsAnswers, sentOf } from '../../domain/call/sent.ts';
import { canonical } from '../../domain/json/canonical.ts';
import { isObject, type JsonObject } from '../../domain/json/json.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import { takesOf } from '../../domain/policy/limit.ts';
import { askFor, redactionOf } from '../../domain/policy/rule.ts';
import { summaryOf } from '../../domain/policy/summary.ts';
import { type Ask, needsSignature, type RuleTrace } from '../../domain/policy/verdict.ts';
import type { NewApproval } from '../../ports.ts';
import { inTurns } from '../../time/in-turns.ts';
import { standingDenial } from '../allowance/covering.ts';
import { type AskVerdict, requestedEvent, withSalt } from '../call/new-approval.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import { enclosedRequest, newKey } from '../log/enclose.ts';

/** Bytes of a request that can be changed here: it is read whole, several times. */
const MOST_BYTES = 256 * 1024;

/** The changed call as an approval to be opened, or why it cannot be. `why`: a sentence without its full stop. */
export type Proposed =
  | {
      readonly kind: 'proposed';
      readonly request: NewApproval;
      readonly event: ReturnType<typeof requestedEvent>;
      /** How the policy asks about such calls. */
      readonly ask: Ask;
    }
  | { readonly kind: 'refused'; readonly why: string; readonly faults: readonly ArgumentFault[] };

export type ProposingGateway = Pick<
  Gateway,
  | 'callMemory'
  | 'clock'
  | 'frozenCalls'
  | 'fullLimits'
  | 'knownInAdvance'
  | 'mostGatedBytes'
  | 'rules'
  | 'store'
  | 'vault'
>;

/** Milliseconds within which a server says what its tool takes, where that is not known. */
const LEARN_MS = 5_000;

/**
 * Makes of a parked call and of the arguments that a person would have instead the approval that the denial opens: the same
 * tool, the same requirement, the same of everything else that is forwarded. What policy denies, what the tool's schema
 * does not admit, and what touches hidden values is refused with words.
 */
export async function proposedCall(
  gateway: ProposingGateway,
  approval: Approval,
  args: JsonObject,
  approver: Approver,
): Promise<Proposed> {
  const { rules, vault, store, frozenCalls } = gateway;
  const sealed = frozenCalls === undefined ? null : await store.request(approval.id);
  if (frozenCalls === undefined || sealed === null) return refused('the call is not kept any more');
  if (sealed.byteLength > MOST_BYTES) {
    return refused(`the call is longer than ${MOST_BYTES} bytes, and cannot be changed here`);
  }
  const policy = rules.policy(approval.server);
  const principal = rules.principal(approval.grant, approval.server, approval.owner);
  if (policy === null || principal === null) return refused('its agent may not call this server any more');
  const bytes = vault.open('request', approval.id, sealed);
  const before = frozenCalls.read(bytes, principal, approval.server);
  if (bringsAnswers(before)) return refused('it answers a question of its server, and only the agent can change that');
  if (!isObject(approval.arguments)) return refused('its arguments cannot be read');
  const kept = keepHidden(before.args, approval.arguments, args);
  if (kept.kind === 'touched')
    return atFault(kept.path, 'this value is hidden and stays as it is: leave it as it is shown');
  const changed = frozenCalls.withArguments(bytes, inOrderOf(before.args, kept.args));
  if (typeof changed === 'string') return refused(changed);
  const most = Math.min(rules.approval.maxBytes, gateway.mostGatedBytes ?? Number.POSITIVE_INFINITY);
  if (changed.byteLength > most) return refused(`the changed call is longer than ${most} bytes`);
  const call = frozenCalls.read(changed, principal, approval.server);
  const [fingerprint, ...olderFingerprints] = vault.fingerprints(fingerprintMaterial(call));
  if (fingerprint === approval.fingerprint) return refused('nothing was changed: it is the same call');

  await rules.learnTool?.(approval.server, approval.tool, LEARN_MS);
  const faults = rules.argumentFaults?.(approval.server, approval.tool, call.args) ?? [];
  const seen = faults.filter(({ path }) => ![...kept.places.keys()].some((place) => isAt(path, place)));
  if (seen.length > 0) return { kind: 'refused', why: 'the tool does not take these arguments', faults: seen };
  const verdict = evaluate(policy, call, await gateway.callMemory.historyFor(policy, call, null));
  if (verdict.kind === 'deny') return refused(`policy denies the changed call: ${verdict.reason}`);
  const denial = standingDenial(gateway, call, () => fingerprintMaterial(call), false);
  if (denial !== null) return refused(`a standing denial by ${denial.by} (${denial.id}) is about the changed call`);
  const takes = takesOf(call, verdict.limits, (server) => rules.upstream(server));
  const full = await store.peek(takes.filter(({ watched }) => watched !== true));
  if (full !== null) {
    return refused(`the limit ${full.take.counter} is full; propose it again in ${full.retryAfter} seconds`);
  }

  const own = sentOf(call.params, call.headers);
  const { shown } = await inTurns(
    redacting({ args: call.args, sent: own, beside: own }, redactionOf(policy, call.tool)),
  );
  const hidden = hiddenIn(call.args, shown.arguments);
  const added = [...hidden].find(([path, value]) => kept.places.get(path) !== value);
  if (added !== undefined) {
    return atFault(added[0], 'this value would be hidden from those who decide, so it cannot be proposed');
  }
  const bared = [...kept.places.keys()].find((path) => !hidden.has(path));
  if (bared !== undefined) {
    return atFault(
      bared,
      'this value was hidden when the call was asked about, and would be shown now; let the agent ask again',
    );
  }
  const ask = askFor(policy, call.tool);
  const stepUp = needsSignature(ask, verdict.trace.severity, (rules.signingOrigin ?? null) !== null);
  if (differs(approval.requirement, rules.requirement(ask, approval.createdAt), stepUp)) {
    return refused('who has to approve such calls has changed since it was asked; let the agent ask again');
  }
  const now = gateway.clock.now();
  const id = newId('ap', now);
  const trace = withSalt(gateway, withSummary(verdict.trace, ask, shown));
  const counterOf: CounterOf = {
    approval: approval.id,
    by: approver.id,
    ...personOf(gateway, approver),
    via: approver.via,
    depth: Math.min((approval.counterOf?.depth ?? 0) + 1, MOST_COUNTERS_IN_A_ROW),
    ...argumentChanges(approval.arguments, shown.arguments),
  };
  const request: NewApproval = {
    approval: {
      id,
      server: approval.server,
      tool: approval.tool,
      grant: approval.grant,
      owner: approval.owner,
      selfApproval: approval.selfApproval,
      fingerprint: fingerprint!,
      requirement: approval.requirement,
      ...shown,
      answersTo: null,
      asked: null,
      trace,
      statedReason: null,
      counterOf,
      policyDigest: policy.digest,
      createdAt: now,
      expiresAt: new Date(now.getTime() + approval.expiresAt.getTime() - approval.createdAt.getTime()),
      pickupUntil: null,
      leaseUntil: null,
      note: null,
    },
    request: vault.seal('request', id, changed),
    ...newKey(gateway, id),
    olderFingerprints,
  };
  const asked: AskVerdict = { kind: 'ask', ask, limits: [], trace };
  const event = enclosedRequest(vault, request, requestedEvent(request, asked, approver));
  return { kind: 'proposed', request, event, ask };
}

/** Whether the path is this place, or leads into it. */
function isAt(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}.`) || path.startsWith(`${place}[`);
}

/** As the agent wrote them, so that people see a difference only where there is one. */
function inOrderOf(before: JsonObject, args: JsonObject): JsonObject {
  const known = Object.keys(before).filter((name) => Object.hasOwn(args, name));
  const names = new Set([...known, ...Object.keys(args)]);
  return Object.fromEntries([...names].map((name) => [name, args[name]!]));
}

/** What is offered in advance is left out: a counter-proposal is one exact call. */
function withSummary(
  { allowance: _, summary: __, ...trace }: RuleTrace,
  { summary }: AskVerdict['ask'],
  shown: Parameters<typeof summaryOf>[1],
): RuleTrace {
  return summary ? { ...trace, summary: summaryOf(summary, shown) } : trace;
}

/** Whether today's requirement is not the one that was frozen: by an old one nobody opens a new call. */
function differs(frozen: Requirement, today: Requirement, stepUp: boolean): boolean {
  const said = ({ quorum, places, denyReason }: Requirement, signed: boolean) =>
    canonical({ quorum, denyReason, signed, places: (places ?? []).map(({ group, count }) => ({ group, count })) });
  return said(frozen, frozen.stepUp !== undefined) !== said(today, stepUp);
}

function personOf({ rules }: Pick<Gateway, 'rules'>, { id }: Approver): Pick<CounterOf, 'person'> {
  const person = rules.persons().names.get(id);
  return person === undefined ? {} : { person };
}

function refused(why: string): Proposed {
  return { kind: 'refused', why, faults: [] };
}

function atFault(path: string, why: string): Proposed {
  return { kind: 'refused', why: `${path}: ${why}`, faults: [{ path, why }] };
}
