import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = new URL('../..', import.meta.url).pathname;
/** KiB, compressed: Cloudflare's limit on its smallest plan. */
const MOST = 3 * 1024;

test('what would be deployed to Workers is whole, and under 3 MB compressed', () => {
  const out = mkdtempSync(join(tmpdir(), 'holdfast-bundle-'));
  try {
    const words = [join(ROOT, 'node_modules/wrangler/bin/wrangler.js'), 'deploy', '--dry-run', '--outdir', out];
    const env = { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false' };
    const ran = spawnSync(process.execPath, words, { cwd: ROOT, env, encoding: 'utf8', timeout: 120_000 });
    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    const size = /gzip: ([\d.]+) (KiB|MiB)/.exec(ran.stdout);
    assert.ok(size !== null, ran.stdout);
    assert.ok(Number(size[1]) * (size[2] === 'MiB' ? 1024 : 1) < MOST, size[0]);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});
