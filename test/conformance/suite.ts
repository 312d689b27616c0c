import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One run of an official suite. */
export interface Suite {
  readonly name: string;
  /** The package that holds it, under node_modules. */
  readonly from: '@modelcontextprotocol/conformance' | 'conformance-next';
  readonly args: readonly string[];
}

export type CheckStatus = 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';

export interface Check {
  readonly id: string;
  readonly name: string;
  readonly status: CheckStatus;
  readonly errorMessage?: string;
}

/** Checks by scenario. */
export type Scores = ReadonlyMap<string, readonly Check[]>;

const ROOT = new URL('../..', import.meta.url).pathname;
/** Milliseconds that one run may take. */
const PATIENCE = 60_000;

/** Runs a suite against a server and reads the checks it wrote down. */
export async function score(suite: Suite, url: string): Promise<Scores> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-conformance-'));
  try {
    await run([
      join(ROOT, 'node_modules', suite.from, 'dist/index.js'),
      'server',
      '--url',
      url,
      '-o',
      folder,
      ...suite.args,
    ]);
    const scores = new Map<string, Check[]>();
    for (const entry of readdirSync(folder).sort()) {
      const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT/.exec(entry)?.[1];
      if (scenario === undefined) continue;
      scores.set(scenario, JSON.parse(readFileSync(join(folder, entry, 'checks.json'), 'utf8')) as Check[]);
    }
    if (scores.size === 0) throw new Error(`${suite.name} wrote no results`);
    return scores;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The exit code is ignored: the checks say more precisely what failed. */
function run(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the suite did not end within ${PATIENCE} ms`));
    }, PATIENCE);
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A scenario passes when none of its checks failed. */
export function passes(checks: readonly Check[] | undefined): boolean {
  return checks?.every((check) => check.status !== 'FAILURE') ?? false;
}

/** `9 passed`, `8 passed, 1 failed`, with warnings where there are any. */
export function tally(checks: readonly Check[] | undefined): string {
  if (checks === undefined) return 'not run';
  const count = (status: CheckStatus) => checks.filter((check) => check.status === status).length;
  const failed = count('FAILURE');
  const warned = count('WARNING');
  return `${count('SUCCESS')} passed${failed > 0 ? `, ${failed} failed` : ''}${warned > 0 ? `, ${warned} warned` : ''}`;
}
