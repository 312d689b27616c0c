import type { Config, Grant } from '../../config/config.ts';
import type { Fault } from '../../config/document/fault.ts';
import { policiesOf, readTextFile } from '../../config/load.ts';
import { peopleWhoMay, personsOf } from '../../config/persons.ts';
import { parsePolicy } from '../../config/policy/file.ts';
import { imaginedCall, type ReadParts, readParts } from '../../config/policy/imagined-call.ts';
import { StatedHistoryShape, statedCalls } from '../../config/policy/stated-history.ts';
import { circleOf, quietHoursOf, resolveRequirement, timeoutOf } from '../../config/requirement.ts';
import type { Requirement } from '../../domain/approval/approval.ts';
import { type Circle, standInsOf } from '../../domain/approval/circle.ts';
import { personOf } from '../../domain/approval/current.ts';
import { missingText, tallyOf } from '../../domain/approval/tally.ts';
import type { Call } from '../../domain/call/call.ts';
import { redactCall } from '../../domain/call/redact-call.ts';
import { isObject, type JsonObject } from '../../domain/json/json.ts';
import { type StatedCall, statedHistory } from '../../domain/policy/after.ts';
import { type ForeseenRefusal, foresee } from '../../domain/policy/foresee.ts';
import {
  ASKING_FOR,
  type Asked,
  type AskedKind,
  judgeMethod,
  type MethodVerdict,
} from '../../domain/policy/judge-method.ts';
import type { LimitRule } from '../../domain/policy/limit.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { isQuiet } from '../../domain/policy/quiet.ts';
import { redactionOf } from '../../domain/policy/rule.ts';
import { type SummaryTemplate, summaryOf, summaryText } from '../../domain/policy/summary.ts';
import type { Ask, Verdict } from '../../domain/policy/verdict.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { joined, type Printed, printed, printedJson, printedTool } from '../../text/printed.ts';
import { Misuse } from '../parse/misuse.ts';
import { Workbench } from './workbench.ts';

interface PolicyExplainOptions {
  readonly server?: string;
  readonly tool?: string;
  readonly resource?: string;
  readonly prompt?: string;
  readonly method?: string;
  /** JSON. */
  readonly args?: string;
  /** JSON: members of `params` beside the arguments and `_meta`. */
  readonly params?: string;
  /** JSON: members of `_meta`. */
  readonly meta?: string;
  readonly grant?: string;
  /** JSON: a list of earlier calls. */
  readonly history?: string;
  readonly policy?: string;
  readonly config?: string;
  readonly json: boolean;
}

/**
 * `policy explain`: prints the verdict on one call with its trace, its limits and who could approve it, or the verdict
 * on a resource, a prompt or another method.
 */
export async function policyExplainCommand(options: PolicyExplainOptions, terminal: Terminal): Promise<number> {
  const workbench = new Workbench(terminal, options.config);
  const { server, tool, policy: file } = options;
  const asked = askedIn(options);
  if ((tool === undefined) === (asked === null) || (server === undefined && file === undefined)) {
    throw new Misuse('needs one of --tool, --resource, --prompt and --method, and --server or --policy');
  }
  const { parts, inexact } = partsOf(options);
  const faults: Fault[] = [];
  const config = file === undefined ? await workbench.config(faults) : null;
  const policy = await policyOf(workbench, config, options, faults);
  const grant = config?.grants.find(({ name }) => name === options.grant) ?? null;
  if (config !== null && options.grant !== undefined) {
    if (grant === null) throw new Misuse(`no grant ${options.grant} in ${workbench.configPath}`);
    if (server !== undefined && !grant.servers.includes(server)) {
      terminal.out(
        printed`${grant.name} cannot call ${server}: the request is refused with 403 before the policy is consulted\n`,
      );
      return 0;
    }
  }
  if (workbench.printFaults(faults)) return 1;
  if (policy === null) throw new Misuse(`no server ${server} in ${workbench.configPath}`);
  if (asked !== null) {
    const verdict = judgeMethod(policy, asked.request);
    terminal.out(options.json ? printed`${printedJson(verdict, 2)}\n` : methodPage(asked.words, verdict, policy));
    return 0;
  }
  const principal = {
    grant: grant?.name ?? 'nobody',
    owner: grant?.owner ?? null,
    selfApproval: grant?.selfApproval ?? false,
  };
  const call = imaginedCall({ principal, server: server ?? 'server', tool: tool!, ...parts });
  const verdict = foresee(
    policy,
    call,
    inexact,
    statedHistory(historyIn(options, call.server), call.server, new Date()),
  );
  terminal.out(options.json ? printed`${printedJson(verdict, 2)}\n` : page({ call, verdict, policy, config, grant }));
  return 0;
}

/** What is asked about beside a tool; null: nothing. */
function askedIn(options: PolicyExplainOptions): { readonly words: string; readonly request: Asked } | null {
  const kinds = (Object.keys(ASKING_FOR) as AskedKind[]).filter((kind) => options[kind] !== undefined);
  if (kinds.length > 1) throw new Misuse(`takes one of --${kinds.join(' and --')}`);
  const [kind] = kinds;
  if (kind === undefined) return null;
  const name = options[kind]!;
  if (kind === 'method' && name === 'tools/call') throw new Misuse('asks about a tool call with --tool NAME');
  return { words: `${kind} ${name}`, request: ASKING_FOR[kind](name) };
}

async function policyOf(
  workbench: Workbench,
  config: Config | null,
  options: PolicyExplainOptions,
  faults: Fault[],
): Promise<Policy | null> {
  if (options.policy === undefined) {
    if (config === null || options.server === undefined) return null;
    return (await policiesOf(config, workbench.read, faults)).get(options.server) ?? null;
  }
  const text = await readTextFile(options.policy, workbench.read, faults);
  const parsed = text === null ? null : parsePolicy(text, { path: options.policy });
  if (parsed?.ok === false) faults.push(...parsed.faults);
  return parsed?.ok ? parsed.policy : null;
}

/** What `--history` states was called before. */
function historyIn({ history }: PolicyExplainOptions, server: string): StatedCall[] {
  if (history === undefined) return [];
  let value: unknown;
  try {
    value = JSON.parse(history);
  } catch {
    throw new Misuse('--history: is not JSON');
  }
  const read = StatedHistoryShape.safeParse(value);
  if (read.success) return statedCalls(read.data, server);
  const [issue] = read.error.issues;
  throw new Misuse(`--history: ${issue?.path.join('.') ?? ''} expects ${issue?.message ?? 'a list of calls'}`);
}

const OPTION_FOR = { arguments: '--args', _meta: '--meta', name: '--tool' } as const;

function partsOf(options: PolicyExplainOptions): Extract<ReadParts, { ok: true }> {
  const { args = '{}', params = '{}', meta = '{}' } = options;
  const read = readParts({ args, params, meta });
  if (read.ok) return read;
  const { part, fault, given } = read;
  if (given !== null) throw new Misuse(`--${part}: ${given} is given by ${OPTION_FOR[given]}`);
  throw new Misuse(`--${part}${fault.startsWith('must') ? '' : ':'} ${fault}`);
}

/** What a page is about. */
interface ExplainedCall {
  readonly call: Call;
  readonly verdict: Verdict | ForeseenRefusal;
  readonly policy: Policy;
  readonly config: Config | null;
  readonly grant: Grant | null;
}

function page({ call, verdict, policy, config, grant }: ExplainedCall): Printed {
  const { trace } = verdict;
  const asking = askingOf(verdict);
  const marks = [trace.risk && `risk ${trace.risk}`, trace.severity && `severity ${trace.severity}`].filter(Boolean);
  const lines = [
    printed`${call.server}.${printedTool(call.tool)}: ${verdict.kind}${watchedWords(verdict)}`,
    ...(trace.reason === null ? [] : [printed`  reason     ${trace.reason}`]),
    printed`  rule       ${trace.rule}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`,
    printed`  policy     sha256 ${policy.digest}`,
    ...shownLines(call, policy, asking === null ? null : (asking.ask.summary ?? null)),
    printed`  why`,
    ...trace.steps.map((step) => printed`    ${step.decided ? '=>' : '  '} ${step.path}: ${step.says}`),
  ];
  if (verdict.kind === 'allow' || verdict.kind === 'ask') lines.push(...limitLines(verdict.limits));
  if (asking !== null && config !== null) lines.push(...approvalLines(asking, config, grant));
  return printed`${joined(lines, '\n')}\n`;
}

/** What people are asked, or would be asked were it enforced; null: nothing. */
function askingOf(verdict: Verdict | ForeseenRefusal): Extract<Verdict, { kind: 'ask' }> | null {
  if (verdict.kind === 'ask') return verdict;
  const said = verdict.kind === 'allow' ? verdict.watched?.said : undefined;
  return said?.kind === 'ask' ? said : null;
}

/** What the policy says that is not enforced. */
function watchedWords(verdict: Verdict | ForeseenRefusal | MethodVerdict): string {
  const watched = 'watched' in verdict ? verdict.watched : undefined;
  if (watched === undefined) return '';
  return ` (watched: would ${watched.said.kind})`;
}

function methodPage(words: string, verdict: MethodVerdict, policy: Policy): Printed {
  const lines = [
    printed`${words}: ${verdict.kind}${watchedWords(verdict)}`,
    ...(verdict.kind === 'deny' ? [printed`  reason     ${verdict.reason}`] : []),
    printed`  rule       ${verdict.trace.rule}`,
    printed`  policy     sha256 ${policy.digest}`,
    printed`  why`,
    ...verdict.trace.steps.map((step) => printed`    ${step.decided ? '=>' : '  '} ${step.path}: ${step.says}`),
  ];
  return printed`${joined(lines, '\n')}\n`;
}

/** The call as an approver would be shown it. */
function shownLines({ args, params, tool }: Call, policy: Policy, summary: SummaryTemplate | null): Printed[] {
  const { name: _name, arguments: _arguments, _meta: meta, ...others } = params;
  const sent = { params: others, meta: isObject(meta) ? meta : {}, headers: {} };
  const shown = redactCall({ args, sent }, redactionOf(policy, tool));
  const { byPolicy, byName, byValue = 0 } = shown.hidden;
  const repeated = byValue === 0 ? '' : `, ${byValue} where a hidden value is repeated`;
  const isEmpty = (part: JsonObject): boolean => Object.keys(part).length === 0;
  return [
    ...(summary === null ? [] : [printed`  in words   ${summaryText(summaryOf(summary, shown))}`]),
    printed`  arguments  ${printedJson(shown.arguments)}`,
    ...(isEmpty(shown.sent.params) ? [] : [printed`  params     ${printedJson(shown.sent.params)}`]),
    ...(isEmpty(shown.sent.meta) ? [] : [printed`  meta       ${printedJson(shown.sent.meta)}`]),
    ...(byPolicy + byName === 0
      ? []
      : [printed`  hidden     ${byPolicy} by the policy's redact, ${byName} because of their names${repeated}`]),
  ];
}

function limitLines(limits: readonly LimitRule[]): Printed[] {
  return limits.map((limit) => {
    const window = 'calendar' in limit.window ? limit.window.calendar : `${limit.window.seconds} s`;
    return printed`  limit      ${limit.counter}: at most ${limit.max} per ${window} and ${limit.scope}${limit.shared === 'upstream' ? ', of all servers of its upstream' : ''}; this call takes ${limit.by}`;
  });
}

function approvalLines(verdict: Extract<Verdict, { kind: 'ask' }>, config: Config, grant: Grant | null): Printed[] {
  const requirement = resolveRequirement(config, verdict.ask);
  const persons = personsOf(config, true);
  const named = (id: string): string => (persons.names.has(id) ? `${personOf(persons, id)}: ${id}` : id);
  const people = memberText(requirement, (id) =>
    id === 'admin' && persons.adminToken === 'nobody' ? 'admin, who can only deny' : named(id),
  );
  const owner = grant === null || grant.selfApproval ? null : grant.owner;
  const others = peopleWhoMay(requirement, persons, owner);
  const enough = others === null || others >= requirement.quorum;
  const { places, escalate } = requirement;
  return [
    printed`  approval   ${neededText(requirement)} ${requirement.groups.join(', ')} (${people})${owner ? `, never ${named(owner)}` : ''}`,
    ...(places === undefined
      ? []
      : [
          printed`  missing    ${missingText(tallyOf({ requirement, decisions: [] }))}, as long as nobody has approved; one person fills one place`,
        ]),
    ...(places ?? []).map((place) => printed`  of ${place.group.padEnd(8)} ${memberText(place, named)}`),
    ...standInsOf([requirement, escalate]).map(
      ({ group, for: absent, by, until }) =>
        printed`  stand-in   ${named(by)} stands in for ${named(absent)} in ${group} until ${until}`,
    ),
    ...quietLines(config, verdict, named),
    ...justificationLines(verdict.ask),
    printed`  timeout    ${timeoutOf(config, verdict.ask) / 1000} s`,
    ...(enough
      ? []
      : [
          owner === null
            ? printed`  warning    these are ${others} people: name another approver`
            : printed`  warning    without ${owner} there are too few: name another approver, or set self_approval: true`,
        ]),
  ];
}

/** Who is asked in quiet hours, and whether it is quiet now. */
function quietLines(
  config: Config,
  { ask }: Extract<Verdict, { kind: 'ask' }>,
  named: (id: string) => string,
): Printed[] {
  const hours = quietHoursOf(config, ask);
  if (hours === null) {
    const isSet = ask.places && (config.approval.quiet || ask.quiet);
    return isSet ? [printed`  quiet      at no hour: people of one group cannot fill the places of others`] : [];
  }
  const { from, to, zone, group, channel } = hours;
  const where = channel === undefined ? '' : `, in ${channel}`;
  return [
    printed`  quiet      from ${from} to ${to} ${zone} it asks ${group} instead (${memberText(circleOf(config, [group]), named)})${where}`,
    printed`  now        ${isQuiet(hours, new Date()) ? `it is quiet: ${group} would be asked` : 'it is not quiet'}`,
  ];
}

function justificationLines({ justification = null }: Ask): Printed[] {
  if (justification === null) return [];
  const how = justification.argument ? '; its list of tools offers holdfast_reason' : '';
  return [printed`  says why   the agent has to, before anybody is asked${how}`];
}

/** `2 of`, or where groups have places `1 of security and 1 of dba, from`. */
function neededText({ quorum, places }: Requirement): string {
  return places === undefined
    ? `${quorum} of`
    : `${places.map(({ group, count }) => `${count} of ${group}`).join(' and ')}, from`;
}

function memberText({ people, userGroups, admin }: Circle, named: (id: string) => string): string {
  return [...people.map(named), ...userGroups, ...(admin ? [named('admin')] : [])].join(', ');
}
