import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printed, theirLines } from '../text/printed.ts';
import { playScenes } from './play/scenes.ts';
import { type Stage, setStage } from './play/stage.ts';
import type { Terminal } from './process/terminal.ts';

/**
 * `demo`: a gateway, a server with `create_api_key`, a Slack stand-in and a real agent. Exits 0 only if everything went
 * as it should.
 */
export async function demo(terminal: Terminal): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-demo-'));
  const undo: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    terminal.out(printed`Starting a gateway, a small Prometheus MCP server and a Slack stand-in …\n`);
    const stage = await setStage(folder, undo);
    const byHand = process.stdin.isTTY === true && process.stdout.isTTY === true && !terminal.env.CI;
    await playScenes(stage, terminal, byHand);
    if (byHand) await lookAround(stage, terminal);
    return 0;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    terminal.err(printed`\nThe demo did not go as it should: ${theirLines(why)}\n`);
    return 1;
  } finally {
    for (const step of undo.reverse()) await step().catch(() => undefined);
  }
}

/** Keeps the page open until Enter is pressed, and opens the console. */
function lookAround({ slack, running }: Stage, terminal: Terminal): Promise<void> {
  const link = running.signInLink();
  terminal.out(printed`\nThe cards are still at ${slack.url}.\n`);
  if (link !== null)
    terminal.out(
      printed`The console has every step of these calls; this link opens it once, within 2 minutes:\n  ${link}\n`,
    );
  terminal.out(printed`Press Enter to end the demo.\n`);
  return new Promise((resolve) => {
    process.stdin.once('data', () => {
      process.stdin.pause();
      resolve();
    });
  });
}
