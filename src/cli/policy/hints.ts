import type { Config } from '../../config/config.ts';
import type { PolicyCase } from '../../config/policy/cases.ts';
import { upstreamKey } from '../../config/upstream-key.ts';
import { isObject, type Json } from '../../domain/json/json.ts';
import { REDACTED, redactedCopy } from '../../domain/json/redact.ts';
import type { Condition } from '../../domain/policy/condition.ts';
import type { Path } from '../../domain/policy/path.ts';
import type { Checks, Limit, Policy } from '../../domain/policy/policy.ts';
import { mayAskOf, redactionOf, ruleFor } from '../../domain/policy/rule.ts';

/**
 * Arguments that are hidden because of their names, of tools about which people are asked: one click does not approve
 * what an agent may have hidden by choosing a name. Known are the arguments of the test cases and of the conditions.
 */
export function hiddenNameHints(policy: Policy, cases: readonly PolicyCase[]): string[] {
  const samples: { readonly tool: string; readonly args: Json }[] = [
    ...cases
      .filter(({ expect, subject }) => expect === 'ask' && subject.kind === 'tool')
      .map(({ subject, args }) => ({ tool: subject.name, args })),
    ...[...policy.exact.values()].flatMap((rule) =>
      pathsOf(rule).map((path) => ({ tool: rule.key, args: along(path) })),
    ),
  ];
  const hints = samples
    .filter(({ tool }) => mayAskOf(policy, tool))
    .flatMap(({ tool, args }) => hiddenByName(policy, tool, args).map((path) => hint(policy, tool, path)));
  return [...new Set(hints)].sort();
}

function hint(policy: Policy, tool: string, path: string): string {
  const key = ruleFor(policy, tool)?.key ?? tool;
  return `tools.${key}: ${path} is hidden because of its name; declare it (redact: ['${path}']) so that one click can approve`;
}

/** Paths of values that only their names hide. */
function hiddenByName(policy: Policy, tool: string, args: Json): string[] {
  const redaction = redactionOf(policy, tool);
  const found = new Set<string>();
  const compare = (hidden: Json, shown: Json, path: string): void => {
    if (hidden === REDACTED && shown !== REDACTED) found.add(path);
    else if (Array.isArray(hidden))
      for (const [i, item] of hidden.entries()) compare(item, (shown as Json[])[i]!, `${path}[*]`);
    else if (isObject(hidden)) {
      for (const [name, inner] of Object.entries(hidden)) {
        compare(
          inner,
          (shown as Record<string, Json>)[name]!,
          /^[\w-]+$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`,
        );
      }
    }
  };
  compare(
    redactedCopy(args, redaction, 'args').value,
    redactedCopy(args, { ...redaction, byName: false }, 'args').value,
    'args',
  );
  return [...found];
}

function pathsOf(checks: Checks): Path[] {
  const clauses = [...checks.denyIf, ...checks.require, ...checks.askIf];
  const paths = [...clauses.flatMap(({ condition }) => pathsIn(condition)), ...checks.limits.flatMap(amountPath)];
  return paths.filter(({ root }) => root === 'args');
}

function pathsIn(condition: Condition): Path[] {
  if (condition.kind === 'test') return [condition.path];
  return condition.kind === 'always' || condition.kind === 'after' ? [] : condition.of.flatMap(pathsIn);
}

function amountPath({ by }: Limit): Path[] {
  return 'from' in by ? [by.from] : [];
}

/** Arguments in which the path leads to a text. */
function along({ steps }: Path): Json {
  return steps.reduceRight<Json>((inner, step) => (step.kind === 'each' ? [inner] : { [step.name]: inner }), 'text');
}

/** Keys that allow resources and seem to name a query by `?`, which stands for any one character. */
export function queryHints({ sections }: Policy): string[] {
  const keys = (sections.resources?.globs ?? [])
    .map(({ rule }) => rule)
    .filter(({ key, action }) => action === 'allow' && /\?[\w.-]+=/.test(key));
  return keys.map(
    ({ key }) =>
      `resources.${key}: ? stands for any one character, not only for the beginning of a query, so more is allowed`,
  );
}

/** Servers that lead to the same upstream although their limits count apart. */
export function upstreamHints(config: Config, policies: ReadonlyMap<string, Policy>): string[] {
  const byUpstream = Map.groupBy(config.servers.values(), upstreamKey);
  return [...byUpstream.values()].flatMap((servers) => {
    const names = servers.map(({ name }) => name);
    const apart = names.flatMap((name) => [...new Set(countersApart(policies.get(name)))]);
    if (names.length < 2 || apart.length === 0) return [];
    const listed = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
    const counters = [...new Set(apart)].slice(0, 5).join(', ');
    return [
      `servers ${listed} lead to the same upstream, but their limits are counted separately (${counters}), so an agent that may use both has both limits; shared: upstream counts them together`,
    ];
  });
}

/** Counters of a policy that a second name of its server would not share, and could. */
function countersApart(policy: Policy | undefined): string[] {
  if (policy === undefined) return [];
  const rules = [...policy.exact.values(), ...policy.globs.map(({ rule }) => rule)];
  return [policy.allTools, ...rules].flatMap(({ limits }) =>
    limits
      .filter(({ scope, shared }) => shared !== 'upstream' && (scope === 'grant' || scope === 'server'))
      .map(({ counter }) => counter),
  );
}
