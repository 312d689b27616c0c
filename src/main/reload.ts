import { statSync, unwatchFile, watchFile } from 'node:fs';
import { faultText } from '../config/document/fault.ts';
import { type Loaded, reload, type Sources } from '../config/load.ts';
import type { Log } from '../ports.ts';
import { confinementFaults, confinementText } from './confine/check.ts';
import { guardedPaths } from './confine/guarded.ts';
import type { Running } from './node.ts';

/** Milliseconds between two checks of the files. */
const CHECK_MS = 1_000;

/**
 * Watches the config and its policies, and puts a change in force once all files are valid. A bad file is logged with
 * all its faults, and the rules in force stay. SIGHUP reads the files too. Returns a function that stops the watching.
 */
export function watchConfig(running: Running, sources: Sources, log: Log): () => void {
  let reloading = Promise.resolve();
  let watched: readonly string[] = [];
  const changed = (now: { mtimeMs: number; size: number }, before: { mtimeMs: number; size: number }): void => {
    if (now.mtimeMs === before.mtimeMs && now.size === before.size) return;
    reloading = reloading.then(readAgain);
  };
  const readAgain = async (): Promise<void> => {
    const next = await reload(running.rules.loaded, sources);
    const faults = next.ok ? await faultsOutside(running, next) : next.faults.map(faultText);
    if (!next.ok || faults.length > 0) {
      log.error({ faults }, 'a changed file is not valid and is not used; the rules in force stay');
      running.noteEvent('policy.rejected', { faults: [...faults] });
      return;
    }
    running.rules.swap(next);
    watch(filesOf(next));
    log.info({}, 'config and policies were read again');
    running.notePolicies(next);
  };
  const watch = (files: readonly string[]): void => {
    for (const file of watched) unwatchFile(file, changed);
    watched = files.filter((file) => statSync(file, { throwIfNoEntry: false }) !== undefined);
    for (const file of watched) watchFile(file, { interval: CHECK_MS, persistent: false }, changed);
  };
  const onHangUp = (): void => {
    reloading = reloading.then(readAgain);
  };
  watch(filesOf(running.rules.loaded));
  process.on('SIGHUP', onHangUp);
  return () => {
    process.off('SIGHUP', onHangUp);
    for (const file of watched) unwatchFile(file, changed);
  };
}

/** What is wrong with the servers' confinement, which is tried; else with Slack's settings. */
async function faultsOutside(running: Running, next: Loaded): Promise<readonly string[]> {
  const found = await confinementFaults(next.config, guardedPaths(next, process.env), process.env);
  const unsafe = found.filter(({ warning }) => !warning);
  return unsafe.length > 0 ? unsafe.map(confinementText) : changeSlack(running, next);
}

/**
 * Slack is checked before anything is put in force, so that no card goes where it must not and no outsider's click
 * counts.
 */
async function changeSlack(running: Running, next: Loaded): Promise<readonly string[]> {
  try {
    return await running.changeSlack(next);
  } catch (error) {
    return [`slack: its settings could not be checked: ${error instanceof Error ? error.message : 'unknown'}`];
  }
}

function filesOf({ settings, config }: Loaded): string[] {
  return [settings.configPath, ...new Set([...config.servers.values()].map((server) => server.policyPath))];
}
