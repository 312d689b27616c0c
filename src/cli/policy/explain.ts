import type { Config, Grant } from '../../config/config.ts';
import type { Fault } from '../../config/fault.ts';
import { readJson } from '../../config/json.ts';
import { policiesOf, textOf } from '../../config/load.ts';
import { parsePolicy } from '../../config/policy-file.ts';
import { headcount, resolveRequirement, timeoutOf } from '../../config/requirement.ts';
import type { Call } from '../../domain/call.ts';
import { evaluate, redactionOf } from '../../domain/evaluate.ts';
import { isObject, type JsonObject } from '../../domain/json.ts';
import type { LimitRule } from '../../domain/limit.ts';
import type { Policy } from '../../domain/policy.ts';
import { redact } from '../../domain/redact.ts';
import type { Verdict } from '../../domain/verdict.ts';
import { misused, type PolicyOptions, type Workbench } from './workbench.ts';

/** `policy explain`: the verdict on one call with its trace, limits and who could approve it. */
export async function explainCall(workbench: Workbench, options: PolicyOptions): Promise<number> {
  const { io } = workbench;
  const { server, tool, policy: file } = options;
  if (tool === undefined || (server === undefined && file === undefined)) {
    return misused(io, 'explain needs --tool, and --server or --policy');
  }
  const args = argumentsOf(options.args ?? '{}');
  if (typeof args === 'string') return misused(io, args);
  const faults: Fault[] = [];
  const config = file === undefined ? await workbench.config(faults) : null;
  const policy = await policyOf(workbench, config, options, faults);
  const grant = config?.grants.find((one) => one.name === options.grant) ?? null;
  if (config !== null && options.grant !== undefined) {
    if (grant === null) return misused(io, `no grant ${options.grant} in ${workbench.configPath}`);
    if (server !== undefined && !grant.servers.includes(server)) {
      io.out(`${grant.name} may not call ${server}: the request ends with 403 before policy is asked\n`);
      return 0;
    }
  }
  if (workbench.refuse(faults)) return 1;
  if (policy === null) return misused(io, `no server ${server} in ${workbench.configPath}`);
  const call = callOf(server ?? 'server', tool, args, grant);
  const verdict = evaluate(policy, call);
  io.out(options.json ? `${JSON.stringify(verdict, null, 2)}\n` : page({ call, verdict, policy, config, grant }));
  return 0;
}

async function policyOf(
  workbench: Workbench,
  config: Config | null,
  options: PolicyOptions,
  faults: Fault[],
): Promise<Policy | null> {
  if (options.policy === undefined) {
    if (config === null || options.server === undefined) return null;
    return (await policiesOf(config, workbench.read, faults)).get(options.server) ?? null;
  }
  const text = await textOf(options.policy, workbench.read, faults);
  const parsed = text === null ? null : parsePolicy(text, { path: options.policy });
  if (parsed?.ok === false) faults.push(...parsed.faults);
  return parsed?.ok ? parsed.policy : null;
}

function argumentsOf(text: string): JsonObject | string {
  const read = readJson(text);
  if (!read.ok) return `--args: ${read.problems[0]?.message}`;
  return isObject(read.value) ? read.value : '--args must be a JSON object';
}

function callOf(server: string, tool: string, args: JsonObject, grant: Grant | null): Call {
  const principal = {
    grant: grant?.name ?? 'nobody',
    owner: grant?.owner ?? null,
    selfApproval: grant?.selfApproval ?? false,
  };
  return { principal, server, tool, args, session: null, params: { name: tool, arguments: args } };
}

interface Explained {
  readonly call: Call;
  readonly verdict: Verdict;
  readonly policy: Policy;
  readonly config: Config | null;
  readonly grant: Grant | null;
}

function page({ call, verdict, policy, config, grant }: Explained): string {
  const { trace } = verdict;
  const marks = [trace.risk && `risk ${trace.risk}`, trace.severity && `severity ${trace.severity}`].filter(Boolean);
  const lines = [
    `${call.server}.${call.tool}: ${verdict.kind}`,
    ...(trace.reason === null ? [] : [`  reason     ${trace.reason}`]),
    `  rule       ${trace.rule}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`,
    `  policy     sha256 ${policy.digest}`,
    `  arguments  ${JSON.stringify(redact(call.args, redactionOf(policy, call.tool)))}`,
    '  why',
    ...trace.steps.map((step) => `    ${step.decided ? '=>' : '  '} ${step.path}: ${step.says}`),
  ];
  if (verdict.kind !== 'deny') lines.push(...limitLines(verdict.limits));
  if (verdict.kind === 'ask' && config !== null) lines.push(...approvalLines(verdict, config, grant));
  return `${lines.join('\n')}\n`;
}

function limitLines(limits: readonly LimitRule[]): string[] {
  return limits.map((limit) => {
    const window = 'calendar' in limit.window ? limit.window.calendar : `${limit.window.seconds} s`;
    return `  limit      ${limit.counter}: at most ${limit.max} per ${window} and ${limit.scope}; this call takes ${limit.by}`;
  });
}

function approvalLines(verdict: Extract<Verdict, { kind: 'ask' }>, config: Config, grant: Grant | null): string[] {
  const requirement = resolveRequirement(config, verdict.ask);
  const people = [...requirement.people, ...requirement.userGroups, ...(requirement.admin ? ['admin'] : [])];
  const owner = grant === null || grant.selfApproval ? null : grant.owner;
  const others = headcount({ ...requirement, people: requirement.people.filter((person) => person !== owner) });
  return [
    `  approval   ${requirement.quorum} of ${requirement.groups.join(', ')} (${people.join(', ')})${owner ? `, never ${owner}` : ''}`,
    `  timeout    ${timeoutOf(config, verdict.ask) / 1000} s`,
    ...(others !== null && others < requirement.quorum
      ? [`  warning    without ${owner} there are too few: name another approver, or set self_approval: true`]
      : []),
  ];
}
