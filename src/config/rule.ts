import type { DriftAction, SeenTool } from '../domain/drift.ts';
import { isGlob } from '../domain/glob.ts';
import { parsePath, segments } from '../domain/path.ts';
import { type Checks, DEFAULT_REDACTION, NO_REDACTION, type ToolRule } from '../domain/policy.ts';
import type { Redaction } from '../domain/redact.ts';
import type { Ask } from '../domain/verdict.ts';
import { clauses, PATH_FORM } from './clause.ts';
import { DURATION_FORM, duration } from './duration.ts';
import type { Key } from './fault.ts';
import { limits, rateLimit } from './limit.ts';
import type { AllToolsShape, ApprovalShape, ToolShape } from './policy-schema.ts';
import { type FaultList, isNow } from './shape.ts';

/** A tool's entry in our own words, compiled. `fallback`: what the file says for all tools. */
export function toolRule(
  shape: ToolShape,
  key: string,
  at: readonly Key[],
  fallback: { readonly ask: Ask; readonly drift: DriftAction },
  faults: FaultList,
): ToolRule {
  if (shape.action === 'deny' && shape.ask_if !== undefined) {
    faults.addKey(
      [...at, 'ask_if'],
      'can never ask, because action is deny',
      'action: allow with ask_if, or no ask_if',
    );
  }
  const own = checks(shape, at, faults);
  return {
    key,
    risk: shape.risk ?? null,
    severity: shape.severity ?? null,
    action: shape.action ?? 'allow',
    reason: shape.reason ?? null,
    ...own,
    limits: [...own.limits, ...rateLimit(shape.rate_limit, key, [...at, 'rate_limit'], faults)],
    ask: askOf(shape.approval, [...at, 'approval'], fallback.ask, faults),
    redaction: redaction(shape.redact, [...at, 'redact'], faults),
    drift: shape.drift ?? fallback.drift,
    seen: seenOf(shape, key, at, faults),
  };
}

function seenOf(shape: ToolShape, key: string, at: readonly Key[], faults: FaultList): SeenTool | null {
  if (shape.seen === undefined) return null;
  if (isGlob(key)) faults.addKey([...at, 'seen'], 'stands under a glob', 'seen under the name of one tool');
  return { ...shape.seen, annotations: shape.seen.annotations ?? {} };
}

/** Conditions and limits, which a tool and `all_tools` both have. */
export function checks(shape: AllToolsShape | ToolShape, at: readonly Key[], faults: FaultList): Checks {
  return {
    denyIf: clauses(shape.deny_if, [...at, 'deny_if'], faults),
    require: clauses(shape.require, [...at, 'require'], faults),
    askIf: clauses(shape.ask_if, [...at, 'ask_if'], faults),
    limits: limits(shape.limits, [...at, 'limits'], faults),
  };
}

/** Approval options; what is not said comes from `fallback`. */
export function askOf(shape: ApprovalShape | undefined, at: readonly Key[], fallback: Ask, faults: FaultList): Ask {
  if (shape === undefined) return fallback;
  const timeoutMs = ms(shape.timeout, [...at, 'timeout'], faults) ?? fallback.timeoutMs;
  const remindMs = ms(shape.remind, [...at, 'remind'], faults) ?? fallback.remindMs;
  const afterMs = ms(shape.escalate?.after, [...at, 'escalate', 'after'], faults);
  for (const [name, value] of [
    ['remind', remindMs],
    ['escalate', afterMs],
  ] as const) {
    if (value !== null && timeoutMs !== null && value >= timeoutMs) {
      faults.add([...at, name], 'comes after the timeout', 'a shorter time than timeout');
    }
  }
  return {
    approvers: shape.approvers ?? fallback.approvers,
    quorum: shape.quorum ?? fallback.quorum,
    timeoutMs,
    remindMs,
    escalate: shape.escalate && afterMs !== null ? { afterMs, to: shape.escalate.to } : fallback.escalate,
    denyReason: shape.deny_reason ?? fallback.denyReason,
  };
}

/** A duration in ms; null when absent or, with a fault, when it is none. */
export function ms(text: string | undefined, at: readonly Key[], faults: FaultList): number | null {
  if (text === undefined) return null;
  const read = duration(text);
  if (read === null) faults.add(at, isNow(text), DURATION_FORM);
  return read;
}

/** Which arguments people and logs do not see. */
export function redaction(shape: ToolShape['redact'], at: readonly Key[], faults: FaultList): Redaction {
  if (shape === undefined) return DEFAULT_REDACTION;
  if (shape === 'none') return NO_REDACTION;
  const paths: (readonly string[])[] = [];
  for (const [index, text] of shape.entries()) {
    if (text === 'none') continue;
    const path = parsePath(text);
    if (path === null) faults.add([...at, index], isNow(text), `none, or ${PATH_FORM}`);
    else paths.push(segments(path));
  }
  return { byName: !shape.includes('none'), paths };
}
