#!/usr/bin/env -S node --max-semi-space-size=16
// The command of the published package, and of a checkout. Plain JavaScript, so that an old Node is told what to do
// instead of stopping at what it does not know.
import { existsSync } from 'node:fs';

const OLDEST = 24;
const { node } = process.versions;
// A package holds only the built program; a checkout that was packed once holds both, and means its sources.
const sources = new URL('../../src/cli/cli.ts', import.meta.url);
const built = new URL('../../dist/src/cli/cli.js', import.meta.url);

if (Number.parseInt(node, 10) < OLDEST) {
  process.stderr.write(
    `holdfast: Node ${node} is too old: Holdfast runs on Node ${OLDEST} and newer.\n` +
      `Run it with \`npx holdfast\`, which brings Node ${OLDEST} along, or install Node ${OLDEST}.\n`,
  );
  process.exitCode = 1;
} else {
  await import(existsSync(sources) ? sources.href : built.href);
}
