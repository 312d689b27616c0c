import { isNeeded, METHODS } from './methods.ts';
import type { Policy } from './policy.ts';
import { type Section, type SectionAction, type SectionRule, sectionRule } from './section.ts';
import { LONGEST_JUDGED_URI, uriReadings } from './uri-readings.ts';
import type { RuleTrace, TraceStep } from './verdict.ts';

/** Longest name of a method or a prompt, in UTF-16 units, that a section judges. A longer one is denied. */
export const LONGEST_JUDGED_NAME = 1_024;

/** What an agent asks of a server other than to call a tool. */
export interface Asked {
  readonly method: string;
  /** The URIs, and templates of URIs, that it names. */
  readonly resources: readonly string[];
  /** The prompts that it names. */
  readonly prompts: readonly string[];
}

/** What policy can be asked about beside tool calls, by the words of `policy explain` and of test cases. */
export const ASKING_FOR = {
  resource: (uri: string): Asked => ({ method: 'resources/read', resources: [uri], prompts: [] }),
  prompt: (name: string): Asked => ({ method: 'prompts/get', resources: [], prompts: [name] }),
  method: (method: string): Asked => ({ method, resources: [], prompts: [] }),
} as const;
export type AskedKind = keyof typeof ASKING_FOR;

/** What of a request policy denies: the method itself, or one of the things that it names. */
export interface DeniedPart {
  readonly kind: 'method' | 'prompt' | 'resource';
  /** The method, the prompt's name or the URI, as sent. */
  readonly name: string;
}

/** What policy says of a method. Nobody can be asked about one. */
export type MethodVerdict =
  /** `watched`: what the policy says against it, which is not enforced because its server is only watched. */
  | {
      readonly kind: 'allow';
      readonly trace: RuleTrace;
      readonly watched?: { readonly by: 'server'; readonly said: DeniedMethod };
    }
  | DeniedMethod;

export interface DeniedMethod {
  readonly kind: 'deny';
  readonly reason: string;
  readonly part: DeniedPart;
  readonly trace: RuleTrace;
}

/**
 * What policy says of a method other than `tools/call`. Pure, total and deterministic.
 *
 * | the first that applies | verdict |
 * |---|---|
 * | a key of `methods` denies it, and sessions can live without it | deny |
 * | no revision defines it, no key allows it, and the default of `methods`, else of the file, is not allow | deny |
 * | `resources` does not allow a URI that it names, in every way in which a server may read it | deny |
 * | `prompts` does not allow a prompt that it names | deny |
 * | anything else | allow |
 *
 * Of a server that is only watched nothing is denied: `watched` says what would have been.
 */
export function judgeMethod(policy: Policy, asked: Asked): MethodVerdict {
  return watchedMethod(policy, judgeAsked(policy, asked));
}

/** A denial as it counts for this policy: only watched, it denies nothing. */
export function watchedMethod(policy: Policy, said: MethodVerdict): MethodVerdict {
  if (policy.mode !== 'watch' || said.kind === 'allow') return said;
  const steps = said.trace.steps.map((step) => ({ ...step, decided: false }));
  const decided = { path: 'mode', says: 'the server is only watched: it would deny', decided: true };
  const trace = { ...said.trace, reason: null, steps: [...steps, decided] };
  return { kind: 'allow', trace, watched: { by: 'server', said } };
}

function judgeAsked(policy: Policy, { method, resources, prompts }: Asked): MethodVerdict {
  const steps: TraceStep[] = [];
  const { sections } = policy;
  const byMethod = judgeOne(policy, method, steps);
  if (byMethod !== null) return denied(byMethod, { kind: 'method', name: method }, steps);
  for (const uri of sections.resources === null ? [] : resources) {
    const fault = judgeUri(policy, sections.resources!, uri, steps);
    if (fault !== null) return denied(fault, { kind: 'resource', name: uri }, steps);
  }
  for (const name of sections.prompts === null ? [] : prompts) {
    const fault = judgePrompt(policy, sections.prompts!, name, steps);
    if (fault !== null) return denied(fault, { kind: 'prompt', name }, steps);
  }
  return { kind: 'allow', trace: traceOf(steps, null) };
}

/** Whether the policy denies this prompt by its name. */
export function isDeniedPrompt(policy: Policy, name: string): boolean {
  if (policy.mode === 'watch') return false;
  return policy.sections.prompts !== null && judgePrompt(policy, policy.sections.prompts, name, []) !== null;
}

/** Whether the policy denies this URI, or the template of URIs as its text stands. */
export function isDeniedResource(policy: Policy, uri: string): boolean {
  if (policy.mode === 'watch') return false;
  return policy.sections.resources !== null && judgeUri(policy, policy.sections.resources, uri, []) !== null;
}

/** The action of a section where none of its keys applies. `require_approval` denies, because nobody can be asked. */
export function defaultOfSection(policy: Policy, section: Section | null): SectionAction {
  return section?.default ?? (policy.default === 'allow' ? 'allow' : 'deny');
}

/** The reason to deny; null: nothing denies. */
function judgeOne(policy: Policy, method: string, steps: TraceStep[]): string | null {
  const section = policy.sections.methods;
  if (method.length > LONGEST_JUDGED_NAME) {
    return decide(steps, 'methods', `the name of the method is longer than ${LONGEST_JUDGED_NAME} characters`);
  }
  const rule = section === null || isNeeded(method) ? null : sectionRule(section, method);
  if (rule !== null) return follow(steps, 'methods', rule, 'policy denies this method');
  if (METHODS.has(method)) {
    steps.push({ path: 'methods', says: 'MCP defines it, and no key of methods names it', decided: false });
    return null;
  }
  const action = defaultOfSection(policy, section);
  const where = section?.default == null ? 'default' : 'methods.default';
  const said = section?.default ?? policy.default;
  if (action === 'allow') {
    steps.push({ path: where, says: 'no revision of MCP defines it, and the default is allow', decided: true });
    return null;
  }
  const nobody = said === 'require_approval' ? ', and nobody can be asked about a method' : '';
  return decide(steps, where, `no revision of MCP defines this method, and the default is ${said}${nobody}`);
}

function judgePrompt(policy: Policy, section: Section, name: string, steps: TraceStep[]): string | null {
  if (name.length > LONGEST_JUDGED_NAME) {
    return decide(steps, 'prompts', `the name of the prompt is longer than ${LONGEST_JUDGED_NAME} characters`);
  }
  const rule = sectionRule(section, name);
  if (rule !== null) return follow(steps, 'prompts', rule, 'policy denies this prompt');
  return byDefault(policy, section, 'prompts', 'prompt', steps);
}

function judgeUri(policy: Policy, section: Section, uri: string, steps: TraceStep[]): string | null {
  const readings = uriReadings(uri);
  if (readings === null) {
    const words = `the URI is longer than ${LONGEST_JUDGED_URI} characters, percent-encoded again and again, or written so that servers read it differently`;
    return decide(steps, 'resources', `${words}, so no rule can be applied to it`);
  }
  const [asSent, ...others] = readings.strict;
  const rule = sectionRule(section, asSent!);
  const own =
    rule === null
      ? byDefault(policy, section, 'resources', 'resource', steps)
      : follow(steps, 'resources', rule, 'policy denies this resource');
  if (own !== null) return own;
  // A key that itself names a query, a fragment or a user would not allow what is left without them.
  const bare = /[?#@]/.test(rule?.key ?? '') ? [] : readings.bare;
  for (const reading of [...others, ...bare]) {
    const other = sectionRule(section, reading);
    const action = other?.action ?? defaultOfSection(policy, section);
    if (action === 'deny') return readOtherwise(steps, other);
  }
  for (const reading of [...readings.bare, ...readings.loose]) {
    const other = sectionRule(section, reading);
    if (other?.action === 'deny') return readOtherwise(steps, other);
  }
  return null;
}

function readOtherwise(steps: TraceStep[], rule: SectionRule | null): string {
  const says = 'a server can read this URI in another way, which policy denies: send it in its plain form';
  return decide(steps, rule === null ? 'resources.default' : `resources.${rule.key}`, says);
}

function byDefault(
  policy: Policy,
  section: Section,
  name: 'prompts' | 'resources',
  noun: string,
  steps: TraceStep[],
): string | null {
  const where = section.default === null ? 'default' : `${name}.default`;
  const action = defaultOfSection(policy, section);
  if (action === 'deny')
    return decide(steps, where, `no key of ${name} allows this ${noun}, and the default denies it`);
  steps.push({ path: where, says: 'the default is allow', decided: true });
  return null;
}

function follow(steps: TraceStep[], section: string, { key, action }: SectionRule, denial: string): string | null {
  steps.push({ path: `${section}.${key}`, says: `the key says ${action}`, decided: true });
  return action === 'deny' ? `${denial} (${section}: ${key})` : null;
}

function decide(steps: TraceStep[], path: string, says: string): string {
  steps.push({ path, says, decided: true });
  return says;
}

function denied(reason: string, part: DeniedPart, steps: readonly TraceStep[]): DeniedMethod {
  // Only the step that denies decided; what allowed before it did not have the last word.
  const last = steps.length - 1;
  const settled = steps.map((step, index) => ({ ...step, decided: index === last }));
  return { kind: 'deny', reason, part, trace: traceOf(settled, reason) };
}

function traceOf(steps: readonly TraceStep[], reason: string | null): RuleTrace {
  const rule = steps.findLast(({ decided }) => decided)?.path ?? 'none';
  return { rule, risk: null, severity: null, reason, steps };
}
