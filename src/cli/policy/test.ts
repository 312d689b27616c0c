import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Fault } from '../../config/fault.ts';
import { textOf } from '../../config/load.ts';
import { type PolicyCase, parseCases } from '../../config/policy-cases.ts';
import { parsePolicy } from '../../config/policy-file.ts';
import { evaluate } from '../../domain/evaluate.ts';
import type { Policy } from '../../domain/policy.ts';
import type { Verdict } from '../../domain/verdict.ts';
import { isCases } from './check.ts';
import type { Workbench } from './workbench.ts';

/** `policy test`: runs the cases beside the policies. `x.test.yaml` speaks about `x.yaml`, `x.yml` or `x.json`. */
export async function testPolicies(workbench: Workbench, files: readonly string[]): Promise<number> {
  const { io } = workbench;
  const chosen = files.length > 0 ? files : await found(workbench);
  if (chosen.length === 0) {
    io.err('no *.test.yaml beside the policies\n');
    return 1;
  }
  let [passed, failed] = [0, 0];
  const faults: Fault[] = [];
  for (const file of chosen) {
    const suite = await suiteOf(file, workbench, faults);
    for (const one of suite?.cases ?? []) {
      const wrong = failure(one, suite!.policy);
      if (wrong === null) passed++;
      else {
        failed++;
        io.err(`${file}:${one.line}:1: ${one.name}: ${wrong}\n`);
      }
    }
  }
  workbench.refuse(faults);
  io.out(`${passed} passed, ${failed} failed\n`);
  return failed > 0 || faults.length > 0 ? 1 : 0;
}

/** Null when the verdict is as it should be. */
export function failure(one: PolicyCase, policy: Policy): string | null {
  const verdict = evaluate(policy, {
    principal: { grant: one.grant ?? 'test', owner: null, selfApproval: false },
    server: 'test',
    tool: one.tool,
    args: one.args,
    session: null,
    params: {},
  });
  const reason = verdict.trace.reason ?? '';
  if (verdict.kind !== one.expect) return `expected ${one.expect}, got ${verdict.kind} (${why(verdict)})`;
  if (one.reason !== null && !reason.includes(one.reason))
    return `expected the reason to say "${one.reason}", got "${reason}"`;
  return null;
}

function why(verdict: Verdict): string {
  const step = verdict.trace.steps.find((one) => one.decided);
  return step === undefined ? 'nothing decided' : `${step.path}: ${step.says}`;
}

async function suiteOf(
  file: string,
  workbench: Workbench,
  faults: Fault[],
): Promise<{ readonly policy: Policy; readonly cases: readonly PolicyCase[] } | null> {
  const text = await textOf(file, workbench.read, faults);
  const parsed = text === null ? null : parseCases(text, { path: file });
  if (parsed?.ok === false) faults.push(...parsed.faults);
  const policy = await policyBeside(file, workbench, faults);
  return parsed?.ok && policy !== null ? { policy, cases: parsed.cases } : null;
}

async function policyBeside(file: string, workbench: Workbench, faults: Fault[]): Promise<Policy | null> {
  const stem = join(dirname(file), basename(file).replace(/\.test\.ya?ml$/, ''));
  const candidates = ['.yaml', '.yml', '.json'].map((ending) => stem + ending);
  const there = await Promise.all(
    candidates.map(async (path) => ((await workbench.read(path)) === null ? null : path)),
  );
  const [path, second] = there.filter((one) => one !== null);
  if (path === undefined || second !== undefined) {
    const message = path === undefined ? 'has no policy beside it' : `stands beside both ${path} and ${second}`;
    faults.push({ file, line: 0, column: 0, path: '', message, expected: `one of ${candidates.join(', ')}` });
    return null;
  }
  const text = await textOf(path, workbench.read, faults);
  const parsed = text === null ? null : parsePolicy(text, { path });
  if (parsed?.ok === false) faults.push(...parsed.faults);
  return parsed?.ok ? parsed.policy : null;
}

/** All cases in the folders of the config's policies, and in `policies/`. */
async function found(workbench: Workbench): Promise<string[]> {
  const config = await workbench.config([]);
  const folders = new Set([
    'policies',
    ...[...(config?.servers.values() ?? [])].map((server) => dirname(server.policyPath)),
  ]);
  const files: string[] = [];
  for (const folder of folders) {
    const names = await readdir(resolve(workbench.io.cwd, folder)).catch(() => []);
    files.push(...names.filter(isCases).map((name) => join(folder, name)));
  }
  return [...new Set(files)].sort();
}
