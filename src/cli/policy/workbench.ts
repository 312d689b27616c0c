import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Config } from '../../config/config.ts';
import { parseConfig } from '../../config/config-file.ts';
import type { Fault } from '../../config/document/fault.ts';
import { readTextFile } from '../../config/load.ts';
import { configPathOf } from '../../config/settings.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { faultLines } from '../fault-lines.ts';

const EMPTY = 'is a folder without any such file';

/** What is no policy, wherever it lies: hidden files and folders, installed packages, and the config and npm's files beside them. */
const NO_POLICY =
  /(^|[/\\])(\.|node_modules[/\\]|(holdfast\.(ya?ml|json)|package(-lock)?\.json|npm-shrinkwrap\.json|tsconfig\.json)$)/;

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

  /**
   * These files, and in place of a folder those in it and below that `wanted` takes. A folder without any is a fault; what
   * is not there is left to whoever reads it. Links to folders are not followed.
   */
  async filesIn(
    places: readonly string[],
    wanted: (file: string) => boolean,
    faults: Fault[],
  ): Promise<readonly string[]> {
    const found = await Promise.all(
      places.map(async (place) => {
        const inside = await this.#filesBelow(place);
        if (inside === null) return [place];
        const files = inside.filter(wanted).sort();
        if (files.length === 0) {
          faults.push({ file: place, line: 0, column: 0, path: '', message: EMPTY, expected: 'YAML or JSON files' });
        }
        return files;
      }),
    );
    return [...new Set(found.flat())];
  }

  /** null: no folder. */
  async #filesBelow(place: string): Promise<string[] | null> {
    const folder = resolve(this.terminal.cwd, place);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => null);
    if (entries === null) return null;
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
    return files.filter((file) => !NO_POLICY.test(file)).map((file) => join(place, file));
  }

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
