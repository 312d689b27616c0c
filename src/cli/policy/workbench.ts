import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Config } from '../../config/config.ts';
import { parseConfig } from '../../config/config-file.ts';
import type { Fault } from '../../config/document/fault.ts';
import { readTextFile } from '../../config/load.ts';
import { configPathOf } from '../../config/settings.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { faultLines } from '../fault-lines.ts';

/** What the policy commands share: reading files from the working directory, the config, printing faults. */
export class Workbench {
  readonly terminal: Terminal;
  readonly configPath: string;

  constructor(terminal: Terminal, config: string | undefined) {
    this.terminal = terminal;
    this.configPath = configPathOf(terminal.env, config === undefined ? {} : { config });
  }

  /** Null when there is no such file. */
  readonly read = async (path: string): Promise<Uint8Array | null> => {
    try {
      return await readFile(resolve(this.terminal.cwd, path));
    } catch {
      return null;
    }
  };

  /** The config with its secrets left out: nobody needs them to check a policy. */
  async config(faults: Fault[]): Promise<Config | null> {
    const text = await readTextFile(this.configPath, this.read, faults);
    if (text === null) return null;
    const parsed = parseConfig(text, { path: this.configPath, env: null });
    if (parsed.ok) return parsed.config;
    faults.push(...parsed.faults);
    return null;
  }

  /** Prints faults, one per line. True when there were any. */
  printFaults(faults: readonly Fault[]): boolean {
    this.terminal.err(faultLines(faults));
    return faults.length > 0;
  }
}
