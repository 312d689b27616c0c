import { DEFAULT_REDACTION, NO_REDACTION, type RedactedPath, type Redaction } from '../../domain/json/redact.ts';
import { isGlob } from '../../domain/policy/glob.ts';
import { insteadOfPath, parsePath, segments } from '../../domain/policy/path.ts';
import type { Checks, ToolRule } from '../../domain/policy/policy.ts';
import { parseSummary, type SummaryTemplate } from '../../domain/policy/summary.ts';
import type { Ask, Justification } from '../../domain/policy/verdict.ts';
import type { DriftAction, SeenTool } from '../../domain/tool/drift.ts';
import { durationMs } from '../document/duration.ts';
import type { Key } from '../document/fault.ts';
import { type FaultList, isNow } from '../document/shape.ts';
import { compileQuiet } from '../quiet-hours.ts';
import { compileAllowance, refuseAllowance } from './allowance.ts';
import { compileClauses, PATH_FORM } from './clause.ts';
import { compileLimits, compileRateLimit } from './limit.ts';
import { compilePreview, compileUsual } from './preview.ts';
import { type AllToolsShape, type ApprovalShape, MOST_PLACES, type ToolShape } from './schema.ts';

/** Compiles a tool's entry in our own format. `fallback`: what the file says for all tools. */
export function compileToolRule(
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
  const own = compileChecks(shape, at, faults);
  const redaction = compileRedaction(shape.redact, [...at, 'redact'], faults);
  const ask = compileAsk(shape.approval, [...at, 'approval'], fallback.ask, faults);
  refuseAllowance(
    { ...shape, stepUp: ask.stepUp ?? null },
    ask.allowance ?? null,
    redaction,
    [...at, 'approval', 'allowance'],
    faults,
  );
  return {
    key,
    risk: shape.risk ?? null,
    severity: shape.severity ?? null,
    action: shape.action ?? 'allow',
    reason: shape.reason ?? null,
    ...own,
    limits: [...own.limits, ...compileRateLimit(shape.rate_limit, key, [...at, 'rate_limit'], faults)],
    ask,
    redaction,
    drift: shape.drift ?? fallback.drift,
    ...(shape.mode === 'watch' ? { mode: shape.mode } : {}),
    seen: seenOf(shape, key, at, faults),
  };
}

function seenOf(shape: ToolShape, key: string, at: readonly Key[], faults: FaultList): SeenTool | null {
  if (shape.seen === undefined) return null;
  if (isGlob(key)) faults.addKey([...at, 'seen'], 'is set under a glob', 'seen under the name of one tool');
  return { ...shape.seen, annotations: shape.seen.annotations ?? {} };
}

/** Compiles conditions and limits, which both tools and `all_tools` have. */
export function compileChecks(shape: AllToolsShape | ToolShape, at: readonly Key[], faults: FaultList): Checks {
  return {
    denyIf: compileClauses(shape.deny_if, [...at, 'deny_if'], faults),
    require: compileClauses(shape.require, [...at, 'require'], faults),
    askIf: compileClauses(shape.ask_if, [...at, 'ask_if'], faults),
    limits: compileLimits(shape.limits, [...at, 'limits'], faults),
  };
}

/** Compiles approval options; what is absent comes from `fallback`. */
export function compileAsk(
  shape: ApprovalShape | undefined,
  at: readonly Key[],
  fallback: Ask,
  faults: FaultList,
): Ask {
  if (shape === undefined) return fallback;
  const timeoutMs = durationMs(shape.timeout, [...at, 'timeout'], faults) ?? fallback.timeoutMs;
  const remindMs = durationMs(shape.remind, [...at, 'remind'], faults) ?? fallback.remindMs;
  const afterMs = durationMs(shape.escalate?.after, [...at, 'escalate', 'after'], faults);
  for (const [name, value] of [
    ['remind', remindMs],
    ['escalate', afterMs],
  ] as const) {
    if (value !== null && timeoutMs !== null && value >= timeoutMs) {
      faults.add([...at, name], 'comes after the timeout', 'a shorter time than timeout');
    }
  }
  const allowance = compileAllowance(shape.allowance, [...at, 'allowance'], faults);
  const quiet = shape.quiet === 'none' ? shape.quiet : compileQuiet(shape.quiet, [...at, 'quiet'], faults);
  if (quiet !== null && quiet !== 'none' && typeof shape.quorum === 'object') {
    faults.addKey(
      [...at, 'quiet'],
      `is set, and quorum says how many of which group: people of ${quiet.group} could fill no other group's places`,
      'a quorum that is a number, or no quiet',
    );
  }
  const preview = compilePreview(shape.preview, [...at, 'preview'], faults) ?? fallback.preview ?? null;
  const usual = compileUsual(shape.usual, [...at, 'usual'], faults) ?? fallback.usual ?? null;
  return {
    approvers: shape.approvers ?? fallback.approvers,
    ...(compileQuorum(shape.quorum, [...at, 'quorum'], faults) ?? placesOf(fallback)),
    timeoutMs,
    remindMs,
    escalate: shape.escalate && afterMs !== null ? { afterMs, to: shape.escalate.to } : fallback.escalate,
    denyReason: shape.deny_reason ?? fallback.denyReason,
    justification: justificationOf(shape.justification) ?? fallback.justification ?? null,
    answers: shape.answers ?? fallback.answers ?? null,
    stepUp: shape.step_up ?? fallback.stepUp ?? null,
    summary: compileSummary(shape.summary, [...at, 'summary'], faults) ?? fallback.summary ?? null,
    ...quietOf(quiet ?? fallback.quiet ?? null),
    ...(preview === null ? {} : { preview }),
    ...(usual === null ? {} : { usual }),
    ...(allowance === null ? {} : { allowance }),
  };
}

function quietOf(quiet: Ask['quiet']): Pick<Ask, 'quiet'> {
  return quiet ? { quiet } : {};
}

/** null: the rule says nothing of it. */
function justificationOf(shape: ApprovalShape['justification']): Justification | null {
  return shape === undefined ? null : { argument: shape !== 'required' };
}

function placesOf({ quorum, places = null }: Ask): Pick<Ask, 'places' | 'quorum'> {
  return places === null ? { quorum } : { quorum, places };
}

/** null: the rule says nothing of it. */
function compileQuorum(
  shape: ApprovalShape['quorum'],
  at: readonly Key[],
  faults: FaultList,
): Pick<Ask, 'places' | 'quorum'> | null {
  if (shape === undefined) return null;
  if (typeof shape === 'number') return { quorum: shape };
  const places = Object.entries(shape).map(([group, count]) => ({ group, count }));
  const quorum = places.reduce((total, { count }) => total + count, 0);
  if (places.length === 0) faults.add(at, 'names no group', 'at least one, such as { security: 1 }');
  if (quorum > MOST_PLACES) faults.add(at, `is ${quorum} people in all`, `at most ${MOST_PLACES} in all`);
  return { quorum, places };
}

function compileSummary(text: string | undefined, at: readonly Key[], faults: FaultList): SummaryTemplate | null {
  const read = text === undefined ? null : parseSummary(text);
  if (read === null || 'parts' in read) return read;
  faults.add(at, read.wrong, read.expected);
  return null;
}

/** Compiles which arguments are hidden from people and logs. */
export function compileRedaction(shape: ToolShape['redact'], at: readonly Key[], faults: FaultList): Redaction {
  if (shape === undefined) return DEFAULT_REDACTION;
  if (shape === 'none') return NO_REDACTION;
  const paths: RedactedPath[] = [];
  for (const [index, text] of shape.entries()) {
    if (text === 'none') continue;
    const path = parsePath(text);
    if (path !== null) paths.push({ part: path.root, segments: segments(path) });
    else faults.add([...at, index], isNow(text), `none, or ${insteadOfPath(text) ?? PATH_FORM}`);
  }
  return { byName: !shape.includes('none'), paths };
}
