import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { textOf } from '../support/house.ts';

/** Statements that load what they name when the file is loaded: neither `import type` nor `import()`. */
const LOADED = /^(?:import|export)\s+(?!type\b)(?:[^'"`;]*?\bfrom\s*)?['"]([^'"]+)['"]/gm;

/** The packages that are loaded with this file, by what is imported of them. */
function packagesOf(start: string): ReadonlySet<string> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const left = [start];
  for (let file = left.pop(); file !== undefined; file = left.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const [, name] of textOf(file).matchAll(LOADED)) {
      if (!name!.startsWith('.')) packages.add(name!);
      else if (name!.endsWith('.ts')) left.push(join(dirname(file), name!));
    }
  }
  return packages;
}

test('a start loads no library that only an added passkey, a look at a server’s tools, traces or a thread needs', () => {
  const packages = packagesOf('src/cli/start.ts');
  for (const needed of ['kysely', 'bullmq', 'hono']) assert.ok(packages.has(needed), needed);
  const late = /^(@simplewebauthn|@modelcontextprotocol|@opentelemetry|@electric-sql)\//;
  assert.deepEqual(
    [...packages].filter((name) => late.test(name)),
    [],
  );
});
