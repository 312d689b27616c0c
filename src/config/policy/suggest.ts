import { Document, isMap, isScalar } from 'yaml';
import { canonical } from '../../domain/json/canonical.ts';
import { isObject, type Json } from '../../domain/json/json.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { judgeKnown } from '../../domain/replay/judge-known.ts';
import type { KnownCall } from '../../domain/replay/known-call.ts';
import type { ToolUse } from '../../domain/replay/usage.ts';
import { cut } from '../../text/cut.ts';
import { asciiOnly } from '../../text/visible.ts';
import { readDocument } from '../document/document.ts';
import { parsePolicy } from './file.ts';
import { type PlannedPolicy, plannedPolicy } from './suggested-rules.ts';

/** From what a policy is suggested. */
export interface Evidence {
  readonly server: string;
  /** The text of the policy that rules, and itself. */
  readonly text: string;
  readonly format: 'json' | 'yaml';
  readonly policy: Policy;
  readonly uses: readonly ToolUse[];
  readonly calls: readonly KnownCall[];
  readonly from: Date;
  readonly until: Date;
  /** Whether there are people who can be asked. */
  readonly mayAsk: boolean;
}

export type SuggestedPolicy =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: string };

const STRENGTH = { allow: 0, ask: 1, deny: 2 } as const;
const LONGEST_COMMENT = 200;

/**
 * A policy that is the ruling one with more in the way: what was not used is denied, and what was used is held to how it
 * was used, with the evidence as comments. Whatever was called is tried on both before anybody sees it: where it would be
 * looser, there is none, and where it would deny a call that was let through, that tool's arguments stay unbounded. Yields now and then.
 */
export function* suggesting(evidence: Evidence): Generator<void, SuggestedPolicy> {
  const read = readDocument(evidence.text, 'policy', evidence.format);
  if (!read.ok || !isObject(read.document.value)) return no('the policy that rules cannot be read');
  if (read.document.inexact.length > 0) {
    return no('the policy that rules has a number that cannot be kept exactly; write it as text first');
  }
  const file = read.document.value;
  const unbounded = new Set<string>();
  for (;;) {
    const planned = plannedPolicy(file, evidence, unbounded);
    const text = textOf(planned, evidence);
    const parsed = parsePolicy(text, { path: 'suggested.yaml' });
    if (!parsed.ok) {
      const [fault] = parsed.faults;
      return no(`what would be suggested is no policy: ${asciiOnly(`${fault?.path} ${fault?.message}`)}`);
    }
    const again = readDocument(text, 'suggested.yaml');
    if (!again.ok || canonical(again.document.value) !== canonical(planned.file as Json)) {
      return no('what would be suggested cannot be written down as it is meant');
    }
    const tried = yield* tryOn(evidence, parsed.policy);
    if (tried.looser !== null) return no(`it would be looser on ${asciiOnly(tried.looser)}`);
    const fresh = tried.denied.filter((tool) => !unbounded.has(tool));
    if (tried.denied.length === 0) return { ok: true, text };
    if (fresh.length === 0) return no(`it would deny calls of ${asciiOnly(tried.denied[0]!)} that were let through`);
    for (const tool of fresh) unbounded.add(tool);
  }
}

/** `looser`: a tool on which the suggested policy is. `denied`: tools of which it denies what was let through. */
function* tryOn(
  { calls, policy }: Evidence,
  suggested: Policy,
): Generator<void, { readonly looser: string | null; readonly denied: readonly string[] }> {
  const denied = new Set<string>();
  for (const call of calls) {
    yield;
    const now = judgeKnown(suggested, call);
    const before = judgeKnown(policy, call);
    if (before.kind === 'unknown' || now.kind === 'unknown') continue;
    if (STRENGTH[now.kind] < STRENGTH[before.kind]) return { looser: call.tool, denied: [] };
    if (call.passedAt !== null && now.kind === 'deny' && before.kind !== 'deny') denied.add(call.tool);
  }
  return { looser: null, denied: [...denied] };
}

function no(why: string): SuggestedPolicy {
  return { ok: false, why };
}

/** Values in double quotes, whatever they look like; comments on one line of plain letters. */
function textOf({ file, comments, notes }: PlannedPolicy, evidence: Evidence): string {
  const document = new Document(file, { aliasDuplicateObjects: false });
  const tools = document.get('tools');
  for (const { key } of isMap(tools) ? tools.items : []) {
    const said = isScalar(key) ? comments.get(String(key.value)) : undefined;
    if (isScalar(key) && said !== undefined) key.commentBefore = said.map(commentOf).join('\n');
  }
  document.commentBefore = [...headOf(evidence), ...notes].map(commentOf).join('\n');
  return document.toString({ lineWidth: 140, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' });
}

function commentOf(text: string): string {
  return ` ${cut(asciiOnly(text), LONGEST_COMMENT)}`;
}

function headOf({ server, policy, uses, from, until }: Evidence): string[] {
  const [calls, known] = uses.reduce(([all, some], use) => [all + use.calls, some + use.known], [0, 0]);
  return [
    `Suggested by holdfast policy suggest for ${server}, from what was called from ${minute(from)} to ${minute(until)} UTC:`,
    `${calls} calls of ${uses.length} tools were let through; the arguments of ${known} are known.`,
    `Never looser than the policy that ruled, sha256 ${policy.digest}. That one's own comments are not here.`,
    'Read it, then try it: holdfast policy replay --policy FILE',
  ];
}

function minute(at: Date): string {
  return at.toISOString().slice(0, 16).replace('T', ' ');
}
