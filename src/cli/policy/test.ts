import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Fault } from '../../config/document/fault.ts';
import { readTextFile } from '../../config/load.ts';
import { type PolicyCase, parseCases } from '../../config/policy/cases.ts';
import { parsePolicy } from '../../config/policy/file.ts';
import { imaginedCall } from '../../config/policy/imagined-call.ts';
import { statedCalls } from '../../config/policy/stated-history.ts';
import { missingText } from '../../domain/approval/tally.ts';
import { canonical } from '../../domain/json/canonical.ts';
import { statedHistory } from '../../domain/policy/after.ts';
import { type ForeseenRefusal, foresee } from '../../domain/policy/foresee.ts';
import { ASKING_FOR, judgeMethod, type MethodVerdict } from '../../domain/policy/judge-method.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { Ask, Verdict } from '../../domain/policy/verdict.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { isCases } from './check.ts';
import { Workbench } from './workbench.ts';

interface PolicyTestOptions {
  /** Files, and folders that hold them. */
  readonly files: readonly string[];
  readonly config?: string;
  readonly json: boolean;
}

/** A case that did not go as expected. */
interface FailedCase {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  readonly why: string;
}

/** `policy test`: runs the cases beside the policies. `x.test.yaml` tests `x.yaml`, `x.yml` or `x.json`. */
export async function policyTestCommand(options: PolicyTestOptions, terminal: Terminal): Promise<number> {
  const { files, config, json } = options;
  const workbench = new Workbench(terminal, config);
  const faults: Fault[] = [];
  const chosen =
    files.length > 0 ? await workbench.filesIn(files, isCases, faults) : await casesBesidePolicies(workbench);
  if (chosen.length === 0 && faults.length === 0) {
    terminal.err(printed`no *.test.yaml beside the policies\n`);
    return 1;
  }
  let passed = 0;
  const failed: FailedCase[] = [];
  for (const file of chosen) {
    const suite = await suiteOf(file, workbench, faults);
    for (const testCase of suite?.cases ?? []) {
      const why = failureOf(testCase, suite!.policy);
      if (why === null) passed++;
      else failed.push({ file, line: testCase.line, name: testCase.name, why });
    }
  }
  const ok = failed.length === 0 && faults.length === 0;
  if (json) terminal.out(printed`${printedJson({ ok, passed, failed, faults }, 2)}\n`);
  else {
    for (const { file, line, name, why } of failed) terminal.err(printed`${file}:${line}:1: ${name}: ${why}\n`);
    workbench.printFaults(faults);
    terminal.out(printed`${passed} passed, ${failed.length} failed\n`);
  }
  return ok ? 0 : 1;
}

/** Null when the verdict is as expected. */
function failureOf(testCase: PolicyCase, policy: Policy): string | null {
  const verdict = verdictOn(testCase, policy);
  const said = saidIn(verdict);
  if (said.kind !== testCase.expect) return `expected ${testCase.expect}, got ${said.kind} (${why(said)})`;
  const isWatched = said !== verdict;
  if (testCase.watched !== null && testCase.watched !== isWatched)
    return isWatched
      ? 'expected to be enforced, and it is only watched'
      : 'expected to be only watched, and it is enforced';
  const reason = said.trace.reason ?? '';
  if (testCase.reason !== null && !reason.includes(testCase.reason))
    return `expected the reason to say "${testCase.reason}", got "${reason}"`;
  const asked = verdict.kind === 'ask' ? verdict.ask : null;
  const [wanted, needed] = [testCase.missing, asked === null ? null : neededBy(asked)];
  if (wanted !== null && canonical(wanted) !== canonical(needed))
    return `expected ${lackingText(wanted)}, got ${lackingText(needed ?? 0)}`;
  return null;
}

function neededBy({ quorum, places }: Ask): NonNullable<PolicyCase['missing']> {
  return places ? Object.fromEntries(places.map(({ group, count }) => [group, count])) : quorum;
}

function lackingText(missing: NonNullable<PolicyCase['missing']>): string {
  if (typeof missing === 'number') return `${missing} still missing`;
  return missingText({ missing: Object.entries(missing).map(([group, people]) => ({ group, people })), orOf: [] });
}

function verdictOn(testCase: PolicyCase, policy: Policy): MethodVerdict | Verdict | ForeseenRefusal {
  const { subject, grant, args, params, meta, inexact } = testCase;
  const { kind, name } = subject;
  if (kind !== 'tool') return judgeMethod(policy, ASKING_FOR[kind](name));
  const principal = { grant: grant ?? 'test', owner: null, selfApproval: false };
  const history = statedHistory(statedCalls(testCase.history, 'test'), 'test', new Date());
  return foresee(policy, imaginedCall({ principal, server: 'test', tool: name, args, params, meta }), inexact, history);
}

/** What the policy says, whether or not it is enforced: cases stay as they are when watching ends. */
function saidIn(verdict: MethodVerdict | Verdict | ForeseenRefusal): MethodVerdict | Verdict | ForeseenRefusal {
  const watched = 'watched' in verdict ? verdict.watched : undefined;
  return watched === undefined ? verdict : watched.said;
}

function why(verdict: MethodVerdict | Verdict | ForeseenRefusal): string {
  const step = verdict.trace.steps.find(({ decided }) => decided);
  return step === undefined ? 'nothing decided' : `${step.path}: ${step.says}`;
}

async function suiteOf(
  file: string,
  workbench: Workbench,
  faults: Fault[],
): Promise<{ readonly policy: Policy; readonly cases: readonly PolicyCase[] } | null> {
  const text = await readTextFile(file, workbench.read, faults);
  const parsed = text === null ? null : parseCases(text, { path: file });
  if (parsed?.ok === false) faults.push(...parsed.faults);
  const policy = await policyBeside(file, workbench, faults);
  return parsed?.ok && policy !== null ? { policy, cases: parsed.cases } : null;
}

async function policyBeside(file: string, workbench: Workbench, faults: Fault[]): Promise<Policy | null> {
  const stem = join(dirname(file), basename(file).replace(/\.test\.ya?ml$/, ''));
  const candidates = ['.yaml', '.yml', '.json'].map((ending) => stem + ending);
  const existing = await Promise.all(
    candidates.map(async (path) => ((await workbench.read(path)) === null ? null : path)),
  );
  const [path, second] = existing.filter((path) => path !== null);
  if (path === undefined || second !== undefined) {
    const message = path === undefined ? 'has no policy beside it' : `stands beside both ${path} and ${second}`;
    faults.push({ file, line: 0, column: 0, path: '', message, expected: `one of ${candidates.join(', ')}` });
    return null;
  }
  const text = await readTextFile(path, workbench.read, faults);
  const parsed = text === null ? null : parsePolicy(text, { path });
  if (parsed?.ok === false) faults.push(...parsed.faults);
  return parsed?.ok ? parsed.policy : null;
}

/** All cases in the folders of the config's policies, and in `policies/`. */
async function casesBesidePolicies(workbench: Workbench): Promise<string[]> {
  const config = await workbench.config([]);
  const folders = new Set([
    'policies',
    ...[...(config?.servers.values() ?? [])].map((server) => dirname(server.policyPath)),
  ]);
  const files: string[] = [];
  for (const folder of folders) {
    const names = await readdir(resolve(workbench.terminal.cwd, folder)).catch(() => []);
    files.push(...names.filter(isCases).map((name) => join(folder, name)));
  }
  return [...new Set(files)].sort();
}
