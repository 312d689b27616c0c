import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stretch } from './spells.ts';

interface CpuProfile {
  /** Microseconds, by the monotonic clock. */
  readonly startTime: number;
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Stacks that are told for each stretch. */
const TOLD = 9;
/** Callers that are told of each. */
const DEPTH = 8;

/**
 * What a gateway's main thread did in these stretches, by the profiles that it wrote to `folder` at its end: for each the
 * stacks that took longest, with their milliseconds.
 */
export function doneIn(
  folder: string,
  stretches: readonly { readonly name: string; readonly stretch: Stretch }[],
): string {
  const profiles = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile)
    // The main thread ran longest.
    .sort((one, other) => other.samples.length - one.samples.length);
  const profile = profiles.find(({ nodes }) => nodes.some(({ callFrame }) => callFrame.url.endsWith('/main/node.ts')));
  if (profile === undefined) return 'no profile of the main thread was written';
  return stretches.map(({ name, stretch }) => `${name}\n${stacksIn(profile, stretch)}`).join('\n');
}

function stacksIn(profile: CpuProfile, { from, to }: Stretch): string {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap(({ id, children }) => (children ?? []).map((child) => [child, id])));
  const took = new Map<number, number>();
  let at = profile.startTime;
  for (const [n, sample] of profile.samples.entries()) {
    at += profile.timeDeltas[n]!;
    const until = at + (profile.timeDeltas[n + 1] ?? 0);
    if (at / 1_000 >= from && at / 1_000 <= to) took.set(sample, (took.get(sample) ?? 0) + (until - at) / 1_000);
  }
  const stack = (id: number): string => {
    const frames: string[] = [];
    for (let one: number | undefined = id; one !== undefined && frames.length < DEPTH; one = parents.get(one)) {
      const { functionName, url, lineNumber } = nodes.get(one)!.callFrame;
      frames.push(`${functionName || '(anonymous)'}${url ? ` ${url.split('/').at(-1)}:${lineNumber + 1}` : ''}`);
    }
    return frames.join(' < ');
  };
  return [...took]
    .sort(([, one], [, other]) => other - one)
    .slice(0, TOLD)
    .map(([id, ms]) => `  ${ms.toFixed(1).padStart(7)} ms  ${stack(id)}`)
    .join('\n');
}
