import { askSecret } from './ask-secret.ts';
import { shedEnvironment, takeEnvironment } from './handover.ts';

/** The terminal that a command was called from, as the command sees it. */
export interface Terminal {
  /** Writes to standard output. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** Resolves when standard output accepts more. */
  drained?(): Promise<void>;
  /** Asks for a secret without showing it; null: nobody is there to ask. Absent: nobody can be asked. */
  askSecret?(question: string): Promise<string | null>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Called before a command starts programs of others: takes what may be secret out of the environment that they could
   * look at. Returns null, or a warning that secrets stay there. Absent: there is no such environment.
   */
  shedEnvironment?(): string | null;
  /** The directory that relative paths are resolved against. */
  readonly cwd: string;
}

/** The terminal that this process was started from. Called once, first. */
export function processTerminal(): Terminal {
  const env = takeEnvironment();
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    drained: () =>
      new Promise((resolve) => {
        if (process.stdout.writableNeedDrain) process.stdout.once('drain', () => resolve());
        else resolve();
      }),
    askSecret: (question) => askSecret(question),
    env,
    shedEnvironment: () => shedEnvironment(env),
    cwd: process.cwd(),
  };
}
