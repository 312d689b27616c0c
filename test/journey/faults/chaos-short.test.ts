import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { skipWithoutFakeTime } from '../../support/gateway/other-clock.ts';
import { skipWithout } from '../../support/store/servers.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;

const skip = skipWithout('redis') || skipWithout('postgres') || skipWithoutFakeTime();

for (const [what, act] of [
  ['half a minute of chaos', '--storm'],
  ['the promotion of a standby that lacks the last commits', '--failover'],
] as const) {
  test(`P2: ${what} breaks no promise: every call is counted, every word is true`, { skip }, () => {
    const args = ['test/chaos/run.ts', '--short', act];
    const ran = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', timeout: 200_000 });
    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    assert.match(ran.stdout, /invariant breaks +0/);
  });
}
