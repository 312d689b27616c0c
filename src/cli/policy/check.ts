import { basename } from 'node:path';
import type { Fault } from '../../config/fault.ts';
import { policiesOf, textOf } from '../../config/load.ts';
import { parseCases } from '../../config/policy-cases.ts';
import { parsePolicy } from '../../config/policy-file.ts';
import type { Policy } from '../../domain/policy.ts';
import type { Workbench } from './workbench.ts';

/** `policy check`: all faults of the named files; without names, of the config and everything it leads to. */
export async function checkPolicies(workbench: Workbench, files: readonly string[]): Promise<number> {
  const faults: Fault[] = [];
  const good: string[] = [];
  if (files.length === 0) {
    const config = await workbench.config(faults);
    const policies = config === null ? new Map<string, Policy>() : await policiesOf(config, workbench.read, faults);
    for (const [server, policy] of policies)
      good.push(`${config?.servers.get(server)?.policyPath}: ${summary(policy)}`);
  }
  for (const file of files.filter((name) => basename(name) !== 'schema.json')) {
    const text = await textOf(file, workbench.read, faults);
    if (text === null) continue;
    const parsed = isCases(file) ? parseCases(text, { path: file }) : parsePolicy(text, { path: file });
    if (!parsed.ok) faults.push(...parsed.faults);
    else good.push(`${file}: ${'policy' in parsed ? summary(parsed.policy) : `${parsed.cases.length} cases`}`);
  }
  if (workbench.refuse(faults)) {
    workbench.io.err(`${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}\n`);
    return 1;
  }
  for (const line of good) workbench.io.out(`ok ${line}\n`);
  return 0;
}

export function isCases(file: string): boolean {
  return /\.test\.ya?ml$/.test(file);
}

function summary(policy: Policy): string {
  const rules = policy.exact.size + policy.globs.length;
  return `${rules} ${rules === 1 ? 'rule' : 'rules'}, default ${policy.default}, sha256 ${policy.digest.slice(0, 12)}`;
}
