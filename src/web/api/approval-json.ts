import { allowanceOf } from '../../domain/allowance/allowance.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import { type GroupPlace, rightJson, standInsOf } from '../../domain/approval/circle.ts';
import type { CounterOf } from '../../domain/approval/counter-of.ts';
import { cuesOf } from '../../domain/approval/cue.ts';
import { escalateAt } from '../../domain/approval/reminder.ts';
import { tallyOf } from '../../domain/approval/tally.ts';
import { unusualSaid } from '../../domain/approval/unusual.ts';
import { erasureJson } from '../../domain/call/erasure.ts';
import type { LoggedEvent } from '../../domain/log/event.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import { summaryText } from '../../domain/policy/summary.ts';
import type { CardRecord } from '../../ports.ts';

/** An approval as the API returns it: arguments redacted, times as ISO 8601 in UTC. */
export function approvalJson(approval: Approval) {
  const { requirement } = approval;
  const tally = tallyOf(approval);
  return {
    id: approval.id,
    state: approval.state,
    revision: approval.revision,
    server: approval.server,
    tool: approval.tool,
    grant: grantNameOf(approval.grant),
    principal: approval.grant,
    owner: approval.owner,
    selfApproval: approval.selfApproval,
    arguments: approval.arguments,
    sent: approval.sent,
    hidden: approval.hidden,
    answersTo: approval.answersTo,
    asked: approval.asked?.text ?? null,
    answers: approval.answers,
    fingerprint: approval.fingerprint,
    requirement: {
      approvers: requirement.groups,
      people: requirement.people,
      userGroups: requirement.userGroups,
      admin: requirement.admin,
      quorum: requirement.quorum,
      denyReason: requirement.denyReason,
      answers: requirement.answers ?? null,
      escalate: escalateJson(approval),
      names: requirement.names ?? {},
      places: (requirement.places ?? []).map(placeJson),
      missing: tally.missing,
      missingOrOf: tally.orOf,
      standIns: standInsOf([requirement, requirement.escalate]),
      stepUp: requirement.stepUp ?? null,
      quiet: quietJson(requirement),
    },
    decisions: approval.decisions.map((d) => ({
      approver: d.approver,
      person: d.person ?? null,
      decision: d.choice,
      reason: d.reason,
      via: d.via,
      rights: (d.rights ?? []).map(rightJson),
      allows:
        d.offers === undefined ? null : { minutes: d.offers.minutes, calls: d.offers.calls, within: d.offers.says },
      allowance: d.allowance ?? null,
      at: d.at.toISOString(),
      key: d.signature?.key ?? null,
      counter: d.counter ?? null,
    })),
    summary: approval.trace.summary === undefined ? null : summaryText(approval.trace.summary),
    cues: cuesOf(approval),
    unusual: unusualSaid(approval).map(summaryText),
    preview: approval.facts?.preview ?? null,
    allowance: allowanceOf(approval),
    mayAllow: mayAllowJson(approval),
    rule: approval.trace.rule,
    risk: approval.trace.risk,
    severity: approval.trace.severity,
    reason: approval.trace.reason,
    trace: approval.trace.steps,
    statedReason: approval.statedReason,
    laterReasons: approval.laterReasons,
    previousUnknown: approval.previousUnknown,
    counterOf: approval.counterOf === undefined ? null : counterJson(approval.counterOf),
    note: approval.note,
    callers: approval.callers,
    gaveUp: approval.gaveUp,
    createdAt: approval.createdAt.toISOString(),
    expiresAt: approval.expiresAt.toISOString(),
    pickupUntil: approval.pickupUntil?.toISOString() ?? null,
    broken: approval.broken,
    updatedAt: approval.updatedAt.toISOString(),
    // Of a row that somebody changed only the log says it.
    ...(approval.trace.erased === undefined || approval.broken !== null
      ? {}
      : { erased: erasureJson(approval.trace.erased) }),
  };
}

/** The hours in which it was asked, and so of whom; null: at another time. */
function quietJson({ quiet }: Approval['requirement']) {
  if (quiet === undefined) return null;
  const { from, to, zone, group, channel = null, insteadOf } = quiet;
  return { from, to, zone, group, channel, insteadOf };
}

/** Whose counter-proposal it is, to what, and what it changes. */
function counterJson({ approval, by, person, via, depth, changes, more }: CounterOf) {
  return { approval, by, person: person ?? null, via, depth, changes, more };
}

/** How many of a group must approve, and who its people are. */
function placeJson({ group, count, people, userGroups, admin }: GroupPlace) {
  return { group, people: count, members: { people, userGroups, admin } };
}

/** What people may allow in advance with a yes; null: nothing. */
function mayAllowJson({ trace: { allowance: offered } }: Approval) {
  if (offered === undefined || offered.calls === 0) return null;
  const { minutes, calls, mayVary, within } = offered;
  return { minutes, calls, mayVary, within };
}

/** Who else may approve from some time on; null: nobody. */
function escalateJson(approval: Approval) {
  const { escalate } = approval.requirement;
  const at = escalateAt(approval);
  if (escalate === null || at === null) return null;
  const { groups, people, userGroups, admin } = escalate;
  return { at: at.toISOString(), approvers: groups, people, userGroups, admin };
}

/** An approval with the place of its card; null: there is none. */
export function approvalWithCardJson(approval: Approval, card: CardRecord | null) {
  const place = card === null ? null : { channel: card.channel, ts: card.ts };
  return { ...approvalJson(approval), card: place };
}

/** An event as the API returns it; its time as ISO 8601 in UTC. */
export function eventJson({ disclosed: _, ...event }: LoggedEvent) {
  return { ...event, at: event.at.toISOString() };
}
