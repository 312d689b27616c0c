import { Printed } from '../../text/printed.ts';
import { visible } from '../../text/visible.ts';
import { askLine } from './ask-line.ts';
import { askSecret } from './ask-secret.ts';
import { shedEnvironment, takeEnvironment } from './handover.ts';

/**
 * The terminal that a command was called from, as the command sees it. It takes `Printed` only, which nobody's text
 * becomes part of before all of it is visible.
 */
export interface Terminal {
  /** Writes to standard output. */
  out(text: Printed): void;
  /** Writes to standard error. */
  err(text: Printed): void;
  /**
   * Writes evidence to standard output as it is, because every byte of it is hashed. Where that is a screen, and not a
   * file or a pipe, it is shown with escapes instead.
   */
  evidence(text: string): void;
  /** Standard output is a screen. */
  readonly screen: boolean;
  /** Standard error is a screen, and shows colours. Absent: no. */
  readonly errorScreen?: boolean;
  readonly errorColour?: boolean;
  /** Columns of the screen. Absent: there is none. */
  readonly columns?: number;
  /** Standard output shows colours, and nobody asked for none (`NO_COLOR`). */
  readonly colour?: boolean;
  /** Resolves when standard output accepts more, or nobody reads it. */
  drained?(): Promise<void>;
  /** Resolves once nobody reads standard output any more: a pipe that was closed early. Absent: cannot happen. */
  readonly readerGone?: Promise<void>;
  /** Asks for a line; null: nobody is there to ask. Absent: nobody can be asked. */
  askLine?(question: Printed): Promise<string | null>;
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
  const { stdout } = process;
  const screen = stdout.isTTY === true;
  // A reader that went away (a closed pipe) is no reason to lose work in progress: commands that only print end.
  const readerGone = new Promise<void>((resolve) => void stdout.on('error', () => resolve()));
  process.stderr.on('error', () => undefined);
  return {
    out: (text) => void process.stdout.write(Printed.textOf(text)),
    err: (text) => void process.stderr.write(Printed.textOf(text)),
    evidence: (text) => void process.stdout.write(process.stdout.isTTY ? shownEvidence(text) : text),
    screen,
    ...(screen && stdout.columns > 0 ? { columns: stdout.columns } : {}),
    colour: screen && showsColour(env),
    errorScreen: process.stderr.isTTY === true,
    errorColour: process.stderr.isTTY === true && showsColour(env),
    drained: () =>
      new Promise((resolve) => {
        if (stdout.writableNeedDrain && !stdout.destroyed) {
          stdout.once('drain', resolve);
          void readerGone.then(resolve);
        } else resolve();
      }),
    readerGone,
    askLine: (question) => askLine(Printed.textOf(question), process.stdin, (text) => void process.stderr.write(text)),
    askSecret: (question) => askSecret(question, process.stdin, (text) => void process.stderr.write(text)),
    env,
    shedEnvironment: () => shedEnvironment(env),
    cwd: process.cwd(),
  };
}

function showsColour({ NO_COLOR, TERM }: Terminal['env']): boolean {
  return !NO_COLOR && TERM !== 'dumb';
}

/** A part of JSON Lines with its line breaks; the rest is escaped as JSON does it, so that lines still parse. */
function shownEvidence(text: string): string {
  return text.split('\n').map(visible).join('\n');
}
