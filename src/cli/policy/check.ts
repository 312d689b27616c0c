import { basename } from 'node:path';
import type { Fault } from '../../config/document/fault.ts';
import { policiesOf, readTextFile } from '../../config/load.ts';
import { parseCases } from '../../config/policy/cases.ts';
import { parsePolicy } from '../../config/policy/file.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { plural } from '../../text/plural.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { hiddenNameHints, queryHints, upstreamHints } from './hints.ts';
import { sessionHint } from './session-hint.ts';
import { Workbench } from './workbench.ts';

interface PolicyCheckOptions {
  /** Files, and folders that hold them. */
  readonly files: readonly string[];
  readonly config?: string;
  readonly json: boolean;
}

/**
 * `policy check`: prints every fault of these files; without files, of the config and all of its policies. What is no
 * fault but should be known is a hint.
 */
export async function policyCheckCommand(
  { files, config: configPath, json }: PolicyCheckOptions,
  terminal: Terminal,
): Promise<number> {
  const workbench = new Workbench(terminal, configPath);
  const faults: Fault[] = [];
  const good: string[] = [];
  const hints: string[] = [];
  if (files.length === 0) {
    const config = await workbench.config(faults);
    const policies = config === null ? new Map<string, Policy>() : await policiesOf(config, workbench.read, faults);
    for (const [server, policy] of policies) {
      const file = config!.servers.get(server)!.policyPath;
      good.push(`${file}: ${summary(policy)}`);
      hints.push(...(await hintsOf(policy, file, workbench)));
    }
    if (config !== null)
      hints.push(...upstreamHints(config, policies).map((hint) => `${workbench.configPath}: ${hint}`));
  }
  const policies = files.filter((file) => basename(file) !== 'schema.json');
  for (const file of await workbench.filesIn(policies, isPolicyFile, faults)) {
    const text = await readTextFile(file, workbench.read, faults);
    if (text === null) continue;
    const parsed = isCases(file) ? parseCases(text, { path: file }) : parsePolicy(text, { path: file });
    if (!parsed.ok) faults.push(...parsed.faults);
    else good.push(`${file}: ${'policy' in parsed ? summary(parsed.policy) : `${parsed.cases.length} cases`}`);
    if (parsed.ok && 'policy' in parsed) hints.push(...(await hintsOf(parsed.policy, file, workbench)));
  }
  if (json) {
    terminal.out(printed`${printedJson({ ok: faults.length === 0, good, faults, hints: [...new Set(hints)] }, 2)}\n`);
    return faults.length === 0 ? 0 : 1;
  }
  if (workbench.printFaults(faults)) {
    terminal.err(printed`${faults.length} ${plural(faults.length, 'fault')}\n`);
    return 1;
  }
  for (const line of good) terminal.out(printed`ok ${line}\n`);
  for (const line of new Set(hints)) terminal.out(printed`hint ${line}\n`);
  return 0;
}

/** What is no fault but should be known, with the file that it is about. */
async function hintsOf(policy: Policy, file: string, workbench: Workbench): Promise<string[]> {
  const beside = file.replace(/\.(?:ya?ml|json)$/, '.test.yaml');
  const text = await readTextFile(beside, workbench.read, []);
  const parsed = text === null ? null : parseCases(text, { path: beside });
  const session = sessionHint(policy);
  const hidden = hiddenNameHints(policy, parsed?.ok ? parsed.cases : []);
  const hints = [...hidden, ...queryHints(policy), ...(session === null ? [] : [session])];
  return hints.map((hint) => `${file}: ${hint}`);
}

/** Whether a file in a folder is taken for a policy or its cases, by its name. */
function isPolicyFile(file: string): boolean {
  return /\.(ya?ml|json)$/.test(file) && basename(file) !== 'schema.json';
}

/** Whether this is a file of test cases, by its name. */
export function isCases(file: string): boolean {
  return /\.test\.ya?ml$/.test(file);
}

function summary(policy: Policy): string {
  const rules = policy.exact.size + policy.globs.length;
  return `${rules} ${rules === 1 ? 'rule' : 'rules'}, default ${policy.default}, sha256 ${policy.digest.slice(0, 12)}`;
}
