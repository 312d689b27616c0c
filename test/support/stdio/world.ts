import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Program } from '../../../src/mcp/stdio/child.ts';
import { inheritedFrom } from '../../../src/mcp/stdio/inherited.ts';
import { type StdioOptions, stdioUpstream } from '../../../src/mcp/stdio/upstream.ts';
import type { Upstream } from '../../../src/ports.ts';

/** The path of the child that every upstream of these tests starts unless told otherwise. */
export const RAW_CHILD = join(import.meta.dirname, 'raw-child.ts');

/** How the child is started, and what else is different. */
export type WorldOptions = Partial<StdioOptions & Program> & { readonly inherited?: NodeJS.ProcessEnv };

/** Stdio upstreams, the log they share, and an empty folder. */
export interface StdioWorld {
  readonly home: string;
  /** What was logged, one line each: the message, then the fields as JSON. */
  readonly lines: readonly string[];
  /** Starts `RAW_CHILD` unless `options` has another command. */
  upstreamOf(options?: WorldOptions): Upstream;
  /** Ends every child and removes the folder. */
  close(): Promise<void>;
}

export async function stdioWorld(): Promise<StdioWorld> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'stdio-')));
  const lines: string[] = [];
  const note = (fields: object, message: string) => lines.push(`${message} ${JSON.stringify(fields)}`);
  const opened: Upstream[] = [];
  return {
    home,
    lines,
    upstreamOf: (options = {}) => {
      const { command = [process.execPath, RAW_CHILD], env, cwd, inherited = process.env } = options;
      const program: Program = {
        command,
        env: { ...inheritedFrom(inherited), ...env },
        ...(cwd === undefined ? {} : { cwd }),
      };
      const upstream = stdioUpstream({
        program: () => program,
        clock: { now: () => new Date() },
        log: { info: note, warn: note, error: note },
        ...options,
      });
      opened.push(upstream);
      return upstream;
    },
    close: async () => {
      await Promise.all(opened.map((upstream) => upstream.close()));
      await rm(home, { recursive: true });
      assert.ok(!lines.some((line) => line.includes('a secret that stays here')), 'no stderr of a child is logged');
    },
  };
}

/** A dead grandchild may wait for init to notice; it counts as gone. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
