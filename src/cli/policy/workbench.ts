import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Config } from '../../config/config.ts';
import { parseConfig } from '../../config/config-file.ts';
import { type Fault, faultText } from '../../config/fault.ts';
import type { Environment } from '../../config/interpolate.ts';
import { textOf } from '../../config/load.ts';
import { configPathOf } from '../../config/settings.ts';

/** Where a command reads and writes. Given in, so that tests need no process. */
export interface CommandIo {
  out(text: string): void;
  err(text: string): void;
  readonly env: Environment;
  readonly cwd: string;
}

const USAGE = `Usage:
  holdfast policy check [files…]         every fault in these policies, or in the config and all of its policies
  holdfast policy explain --server S --tool T [--args '{…}'] [--grant G] [--policy FILE] [--json]
                                         what policy says of one call, and why
  holdfast policy test [files…]          runs the cases in *.test.yaml beside the policies
  holdfast policy schema                 the JSON Schema of policy files
Options: --config FILE (default holdfast.yaml)
`;

/** Says what is wrong with the command itself. */
export function misused(io: Pick<CommandIo, 'err'>, why: string): number {
  io.err(`holdfast policy: ${why}\n\n${USAGE}`);
  return 2;
}

/** What may follow the verb. */
export interface PolicyOptions {
  readonly config?: string;
  readonly server?: string;
  readonly tool?: string;
  readonly args?: string;
  readonly grant?: string;
  readonly policy?: string;
  readonly json?: boolean;
}

/** What the three commands share: files named from the working directory, the config, faults in print. */
export class Workbench {
  readonly io: CommandIo;
  readonly configPath: string;

  constructor(io: CommandIo, config: string | undefined) {
    this.io = io;
    this.configPath = configPathOf(io.env, config === undefined ? {} : { config });
  }

  /** Null when there is no such file. */
  readonly read = async (path: string): Promise<Uint8Array | null> => {
    try {
      return await readFile(resolve(this.io.cwd, path));
    } catch {
      return null;
    }
  };

  /** The config without its secrets: authors and CI need none to check a policy. */
  async config(faults: Fault[]): Promise<Config | null> {
    const text = await textOf(this.configPath, this.read, faults);
    if (text === null) return null;
    const parsed = parseConfig(text, { path: this.configPath, env: null });
    if (parsed.ok) return parsed.config;
    faults.push(...parsed.faults);
    return null;
  }

  /** Prints faults, one a line; true when there were any. */
  refuse(faults: readonly Fault[]): boolean {
    for (const fault of faults) this.io.err(`${faultText(fault)}\n`);
    return faults.length > 0;
  }
}
