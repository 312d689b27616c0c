import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packed } from '../../support/package/packed.ts';

test('npm installs the package in an empty folder, and npx runs it with whatever Node is there', () => {
  const it = packed();
  try {
    const folder = join(it.folder, 'empty');
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    // Without the folder of the checkout's own Node.
    const PATH = (process.env.PATH ?? '')
      .split(':')
      .filter((place) => !place.includes('node_modules'))
      .join(':');
    const npm = (...words: string[]): string =>
      execFileSync(words[0]!, words.slice(1), {
        cwd: folder,
        env: { PATH, HOME: process.env.HOME ?? '/' },
        encoding: 'utf8',
      });
    npm('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', it.archive);
    assert.match(npm('npx', 'holdfast', '--version'), /^\d+\.\d+\.\d+/);
    assert.match(npm('npx', 'holdfast', 'demo'), /Everything went as it should/);
  } finally {
    it.remove();
  }
});
