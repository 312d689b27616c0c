/** What a command sees of the terminal it was called from. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Resolves when what was put out has been taken. */
  drained?(): Promise<void>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** Thrown for a command line that cannot be meant; the message says what can. */
export class Misuse extends Error {}

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
