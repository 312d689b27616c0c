import { statSync, unwatchFile, watchFile } from 'node:fs';
import { faultText } from '../../config/document/fault.ts';
import { type Loaded, reload, type Sources } from '../../config/load.ts';
import type { Log } from '../../ports.ts';
import type { Running } from '../node.ts';
import { digestsOf } from './digests.ts';

/** Milliseconds between two looks at the files. */
const LOOK_MS = 1_000;

/**
 * Watches the config and its policies, and swaps in what they say once all of it is right. A bad file is told with
 * every fault, and the rules that run go on running. Returns what stops the watching.
 */
export function keepFresh(running: Running, sources: Sources, log: Log): () => void {
  let busy = Promise.resolve();
  let watched: readonly string[] = [];
  const look = (now: { mtimeMs: number; size: number }, before: { mtimeMs: number; size: number }): void => {
    if (now.mtimeMs === before.mtimeMs && now.size === before.size) return;
    busy = busy.then(again);
  };
  const again = async (): Promise<void> => {
    const next = await reload(running.rules.loaded, sources);
    const faults = next.ok ? await resettle(running, next) : next.faults.map(faultText);
    if (!next.ok || faults.length > 0) {
      log.error({ faults }, 'a changed file is not taken; what ran before goes on');
      running.told('policy.rejected', { faults: [...faults] });
      return;
    }
    running.rules.swap(next);
    watch(filesOf(next));
    log.info({}, 'config and policies were read again');
    running.told('policy.loaded', digestsOf(next));
  };
  const watch = (files: readonly string[]): void => {
    for (const file of watched) unwatchFile(file, look);
    watched = files.filter((file) => statSync(file, { throwIfNoEntry: false }) !== undefined);
    for (const file of watched) watchFile(file, { interval: LOOK_MS, persistent: false }, look);
  };
  const hangUp = (): void => {
    busy = busy.then(again);
  };
  watch(filesOf(running.rules.loaded));
  process.on('SIGHUP', hangUp);
  return () => {
    process.off('SIGHUP', hangUp);
    for (const file of watched) unwatchFile(file, look);
  };
}

/** What it says of Slack is looked at before anything is swapped: no card where it may not be, no click of outsiders. */
async function resettle(running: Running, next: Loaded): Promise<readonly string[]> {
  try {
    return await running.resettle(next);
  } catch (error) {
    return [
      `slack: what the config says of it could not be looked at: ${error instanceof Error ? error.message : 'unknown'}`,
    ];
  }
}

function filesOf({ settings, config }: Loaded): string[] {
  return [settings.configPath, ...new Set([...config.servers.values()].map((server) => server.policyPath))];
}
