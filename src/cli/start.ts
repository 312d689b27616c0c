import { isatty } from 'node:tty';
import { decidersOf } from '../config/deciders.ts';
import { faultText } from '../config/document/fault.ts';
import { loadConfig } from '../config/load.ts';
import type { Flags } from '../config/settings.ts';
import { startNode } from '../main/node.ts';
import { faultInjection } from '../main/process/fault-injection.ts';
import { fromDisk } from '../main/process/from-disk.ts';
import { processLog } from '../main/process/log.ts';
import { logForPeople } from '../main/process/log-for-people.ts';
import { secretsOnDisk } from '../main/process/secret-file.ts';
import type { Terminal } from '../main/process/terminal.ts';
import { watchConfig } from '../main/reload.ts';
import { inkedFor, printed, printedJson, theirLines } from '../text/printed.ts';
import { oauthFindings } from './doctor/oauth.ts';
import { faultLines } from './fault-lines.ts';
import { banner, bannerJson, loudLines, missingLines } from './start-words.ts';

interface StartOptions extends Flags {
  /** Start although nobody can approve the calls that need approval. */
  readonly allowUndecidable: boolean;
}

/**
 * `start`: runs until SIGTERM or SIGINT, or until the terminal that it writes to is closed. On a screen it writes for people,
 * elsewhere JSON lines; standard output and standard error are judged separately.
 */
export async function startCommand({ allowUndecidable, ...flags }: StartOptions, terminal: Terminal): Promise<number> {
  const sources = {
    env: terminal.env,
    flags,
    readFile: fromDisk,
    readSecret: secretsOnDisk(terminal.env.CREDENTIALS_DIRECTORY),
  };
  const loaded = await loadConfig(sources);
  if (!loaded.ok) {
    terminal.err(faultLines(loaded.faults));
    return 1;
  }
  const deciders = decidersOf(loaded);
  if (deciders.kind === 'nobody' && !allowUndecidable) {
    terminal.err(
      printed`Not started: nobody can approve the calls that need approval, so every such call would wait until it expires.\n  ${deciders.remedy}\n  To start anyway: --allow-undecidable\n`,
    );
    return 1;
  }
  const { screen, errorScreen = false, errorColour: colour = false, env } = terminal;
  const log = errorScreen
    ? logForPeople((line) => terminal.err(printed`${line}\n`), { level: env.HOLDFAST_LOG, colour })
    : processLog();
  const warn = (text: string): void => {
    if (errorScreen) terminal.err(printed`${inkedFor({ colour }, 'yellow', theirLines(text))}\n`);
    else log.warn({}, text);
  };
  for (const warning of loaded.warnings ?? []) warn(`warning: ${faultText(warning)}`);
  for (const line of [...loudLines(loaded), ...(await missingLines(loaded, env.PATH ?? ''))]) warn(line);
  const checkpoints = inTurn(terminal.out);
  // People are told of no checkpoint; programs of each once.
  const outputs = { forPeople: errorScreen, ...(screen ? { logged: !errorScreen } : { out: checkpoints.out }) };
  const running = await startNode(loaded, log, faultInjection(terminal.env), outputs).catch((error: unknown) => {
    checkpoints.open();
    throw error;
  });
  // Listen for signals before the banner: whoever waits for the banner may stop the process at once.
  const stopped = stopSignal(screen || errorScreen);
  const stopReloading = watchConfig(running, sources, log);
  terminal.out(screen ? banner(loaded, running.url) : bannerJson(loaded, running.url));
  checkpoints.open();
  // A provider that is away keeps no gateway from starting.
  void oauthFindings(loaded).then((found) => {
    for (const { level, about, what, remedy } of found) {
      if (level === 'ok') log.info({}, `${about}: ${what}`);
      else warn(`warning: ${about}: ${what}. ${remedy}`);
    }
  });
  const link = screen ? running.signInLink() : null;
  if (link !== null)
    terminal.out(printed`  To sign in to the console, open this link within 2 minutes (it works once):\n  ${link}\n`);
  await stopped;
  stopReloading();
  terminal.out(screen ? printed`${STOPPING}\n` : printed`${printedJson({ msg: STOPPING })}\n`);
  await running.stop();
  return 0;
}

const STOPPING = 'stopping: waiting agents are asked to repeat their calls; running calls may finish';

/** What is printed before `open` waits for it: the first line says where the gateway is, whatever was signed meanwhile. */
function inTurn(out: Terminal['out']): { readonly out: Terminal['out']; open(): void } {
  const waiting: Parameters<Terminal['out']>[0][] = [];
  let isOpen = false;
  return {
    out: (text) => {
      if (isOpen) out(text);
      else waiting.push(text);
    },
    open: () => {
      isOpen = true;
      for (const text of waiting.splice(0)) out(text);
    },
  };
}

/** `atTerminal`: SIGHUP stops it as well, where it says that the terminal has gone; else it reads the files again. */
function stopSignal(atTerminal: boolean): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
    const outputs = [1, 2].filter((descriptor) => isatty(descriptor));
    if (!atTerminal) return;
    process.on('SIGHUP', () => {
      if (!outputs.some((descriptor) => isatty(descriptor))) resolve();
    });
  });
}
