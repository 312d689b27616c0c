/** The terminal that a command was called from, as the command sees it. */
export interface Terminal {
  /** Writes to standard output. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** Resolves when standard output accepts more. */
  drained?(): Promise<void>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The directory that relative paths are resolved against. */
  readonly cwd: string;
}

/** The terminal that this process was started from. */
export function processTerminal(): Terminal {
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    drained: () =>
      new Promise((resolve) => {
        if (process.stdout.writableNeedDrain) process.stdout.once('drain', () => resolve());
        else resolve();
      }),
    env: process.env,
    cwd: process.cwd(),
  };
}
