import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { guardedPaths } from '../../src/main/confine/guarded.ts';

test('what init keeps beside the config is out of reach, wherever the data is', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-guarded-')));
  try {
    const config = { servers: new Map(), variables: [], file: { secrets: null } } as never;
    const at = (data: string) =>
      guardedPaths({ settings: { data, configPath: join(folder, 'holdfast.yaml') }, config }, {}).folders;
    assert.deepEqual(at('/var/lib/holdfast'), ['/var/lib/holdfast']);
    mkdirSync(join(folder, '.holdfast'));
    assert.deepEqual(at('/var/lib/holdfast'), ['/var/lib/holdfast', join(folder, '.holdfast')]);
    assert.deepEqual(at(join(folder, '.holdfast')), [join(folder, '.holdfast')]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
