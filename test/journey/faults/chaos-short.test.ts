import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { skipWithout } from '../../support/store/servers.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;

test('P2: half a minute of chaos breaks no promise: every call is counted, every card and word is true', {
  skip: skipWithout('redis') || skipWithout('postgres'),
}, () => {
  const args = ['test/chaos/run.ts', '--short'];
  const ran = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', timeout: 140_000 });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  assert.match(ran.stdout, /invariant breaks +0/);
});
