import { LONGEST_ASKED } from '../../domain/approval/answer.ts';
import type { Approver, Requirement } from '../../domain/approval/approval.ts';
import { standInsOf } from '../../domain/approval/circle.ts';
import type { CounterOf } from '../../domain/approval/counter-of.ts';
import { type AskedBefore, openingCues } from '../../domain/approval/cue.ts';
import { fingerprintMaterial, roundsMaterial } from '../../domain/call/fingerprint.ts';
import { type RedactedCall, redacting, type ShownCall } from '../../domain/call/redact-call.ts';
import { bringsAnswers, type HiddenValues, sentOf } from '../../domain/call/sent.ts';
import { keptReason } from '../../domain/call/stated-reason.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { Redaction } from '../../domain/json/redact.ts';
import { approvalEvent, type NewEvent } from '../../domain/log/event.ts';
import { answersOf, redactionOf } from '../../domain/policy/rule.ts';
import { summaryOf } from '../../domain/policy/summary.ts';
import { needsSignature, type RuleTrace, type Verdict } from '../../domain/policy/verdict.ts';
import type { NewApproval } from '../../ports.ts';
import { cut } from '../../text/cut.ts';
import { inTurns } from '../../time/in-turns.ts';
import { standBack } from '../../time/stand-back.ts';
import { offerFor } from '../allowance/offer.ts';
import { actorOf } from '../decision/actor.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import { enclosedRequest, newKey } from '../log/enclose.ts';
import type { Arrival } from './arrival.ts';
import { loggedTrace } from './verdict-notes.ts';

export type AskVerdict = Verdict & { kind: 'ask' };

/** Octets. */
const SALT_OCTETS = 16;

/** Bodies from this many bytes on are frozen in steps, between which others have a turn. */
const LARGE_CALL = 64 * 1024;

/** The approval of a call that needs one, frozen, and the event of its request. */
export async function newApproval(
  gateway: Pick<Gateway, 'rules' | 'vault'>,
  arrival: Arrival,
  verdict: AskVerdict,
  now: Date,
  /** null: nothing makes it look different. */
  before: AskedBefore | null = null,
): Promise<{ readonly request: NewApproval; readonly event: NewEvent }> {
  const request = await freeze(gateway, arrival, verdict, now, before);
  return { request, event: enclosedRequest(gateway.vault, request, requestedEvent(request, verdict)) };
}

async function freeze(
  gateway: Pick<Gateway, 'rules' | 'vault'>,
  arrival: Arrival,
  verdict: AskVerdict,
  now: Date,
  before: AskedBefore | null,
): Promise<NewApproval> {
  const { call, freeze: frozen, leg } = arrival;
  const { vault } = gateway;
  const rest = (): Promise<void> | undefined => (arrival.bytes.byteLength < LARGE_CALL ? undefined : standBack());
  const [fingerprint, ...olderFingerprints] = vault.fingerprints(materialOf(arrival));
  await rest();
  const policy = arrival.policy!;
  const { shown, mask } = await inTurns(redactingOf(arrival, redactionOf(policy, call.tool)));
  const reason = mask.text(arrival.statedReason ?? '');
  const bytes = await frozen();
  await rest();
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
      requirement: {
        ...gateway.rules.requirement(verdict.ask, now),
        answers: answersOf(policy, call.tool),
        ...stepUpOf(gateway.rules, verdict),
      },
      ...shown,
      hidden: reason.masked ? withOneRepeat(shown.hidden) : shown.hidden,
      answersTo: leg?.parent.id ?? null,
      asked: leg === undefined ? null : { ...leg.asked, text: cut(mask.text(leg.asked.text).text, LONGEST_ASKED) },
      trace: withSalt(
        gateway,
        leg === undefined
          ? withCues(arrival, before, withOffer(gateway, arrival, verdict, withSummary(verdict, shown)))
          : verdict.trace,
      ),
      statedReason: arrival.statedReason === null ? null : keptReason(reason.text),
      policyDigest: policy.digest,
      createdAt: now,
      expiresAt: new Date(now.getTime() + timeoutMs),
      pickupUntil: null,
      leaseUntil: null,
      note: null,
    },
    request: vault.seal('request', id, bytes),
    ...newKey(gateway, id),
    olderFingerprints,
    rounds: bringsAnswers(call) && leg === undefined ? vault.fingerprints(roundsMaterial(call)) : [],
    ...(leg === undefined
      ? {}
      : { leg: { until: new Date(now.getTime() + timeoutMs + gateway.rules.approval.pickupMs), now } }),
  };
}

/**
 * The policy's sentence is made of what is shown, so nothing hidden gets into it. It is about the call, so an answer to
 * what the call's server asked has none.
 */
function withSummary({ ask, trace }: AskVerdict, shown: ShownCall): RuleTrace {
  return ask.summary ? { ...trace, summary: summaryOf(ask.summary, shown) } : trace;
}

function withCues({ call, policy }: Arrival, before: AskedBefore | null, trace: RuleTrace): RuleTrace {
  const cues = before === null ? [] : openingCues(before, policy?.drifted?.has(call.tool) === true);
  return cues.length === 0 ? trace : { ...trace, cues };
}

/** Where the log is to tell of it so that it can be erased, cards tell of it so that nobody finds by trying what they showed. */
export function withSalt({ rules, vault }: Pick<Gateway, 'rules' | 'vault'>, trace: RuleTrace): RuleTrace {
  return rules.erasable === true ? { ...trace, salt: vault.random(SALT_OCTETS) } : trace;
}

function withOffer(
  gateway: Pick<Gateway, 'rules' | 'vault'>,
  { call, policy }: Arrival,
  { ask }: AskVerdict,
  trace: RuleTrace,
): RuleTrace {
  const offered = ask.allowance ? offerFor(gateway, policy!, call, ask.allowance) : null;
  return offered === null ? trace : { ...trace, allowance: offered };
}

function redactingOf({ call, leg }: Arrival, redaction: Redaction): Generator<void, RedactedCall> {
  const own = sentOf(call.params, call.headers);
  return redacting({ args: call.args, sent: leg?.sent ?? own, beside: own }, redaction);
}

function withOneRepeat(hidden: HiddenValues): HiddenValues {
  return { ...hidden, byValue: (hidden.byValue ?? 0) + 1 };
}

/** Where its approvals are signed, if they have to be. */
function stepUpOf({ signingOrigin = null }: Pick<Gateway['rules'], 'signingOrigin'>, { ask, trace }: AskVerdict) {
  return needsSignature(ask, trace.severity, signingOrigin !== null) ? { stepUp: { origin: signingOrigin } } : {};
}

/** A leg is bound to the question that it answers as well. */
export function materialOf({ call, leg }: Arrival): JsonObject {
  const material = fingerprintMaterial(call);
  if (leg === undefined) return material;
  const { kind, n } = leg.asked;
  const answer = leg.sent === undefined ? {} : { answer: leg.sent.params };
  return { ...material, answersTo: leg.parent.id, asked: { kind, n }, ...answer };
}

/** `proposer`: who opened it as a counter-proposal; absent: the agent asked. */
export function requestedEvent(
  { approval }: NewApproval,
  verdict: AskVerdict,
  proposer: Pick<Approver, 'id'> | null = null,
): NewEvent {
  return approvalEvent(approval, {
    type: 'approval.requested',
    at: approval.createdAt,
    actor: proposer === null ? `grant:${approval.grant}` : actorOf(proposer),
    data: {
      fingerprint: approval.fingerprint,
      rule: verdict.trace.rule,
      reason: verdict.trace.reason,
      trace: loggedTrace(verdict),
      policy: approval.policyDigest,
      arguments: approval.arguments,
      sent: { ...approval.sent },
      hidden: { ...approval.hidden },
      ...(approval.answersTo === null ? {} : { answersTo: approval.answersTo, asked: approval.asked?.text ?? null }),
      statedReason: approval.statedReason,
      ...(approval.counterOf === undefined ? {} : { counterOf: counterJson(approval.counterOf) }),
      approvers: [...approval.requirement.groups],
      quorum: approval.requirement.quorum,
      ...teamOf(approval.requirement),
      ...(approval.requirement.quiet === undefined ? {} : { quiet: quietJson(approval.requirement.quiet) }),
      ...(approval.trace.cues === undefined ? {} : { cues: [...approval.trace.cues] }),
      ...(approval.requirement.stepUp === undefined ? {} : { stepUp: { ...approval.requirement.stepUp } }),
      expiresAt: approval.expiresAt.toISOString(),
      owner: approval.owner,
    },
  });
}

function quietJson(quiet: NonNullable<Requirement['quiet']>): JsonObject {
  const { from, to, zone, group, channel, insteadOf } = quiet;
  return { from, to, zone, group, channel: channel ?? null, insteadOf: [...insteadOf] };
}

function counterJson({ approval, by, via, depth, person }: CounterOf): JsonObject {
  return { approval, by, person: person ?? null, via, depth };
}

/** How many of which group, and who stands in for whom. */
function teamOf(requirement: Requirement): JsonObject {
  const standIns = standInsOf([requirement, requirement.escalate]);
  return {
    ...(requirement.places && { places: requirement.places.map(({ group, count }) => ({ group, count })) }),
    ...(standIns.length > 0 && { standIns: standIns.map((each) => ({ ...each })) }),
  };
}
