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

test('P8: what Amazon’s client reads its credentials from is out of reach, named by a variable or in its own place', () => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-guarded-')));
  try {
    const at = (archive: object | null) => {
      const retention = archive === null ? null : { retainMs: 1, archive };
      const config = { servers: new Map(), variables: [], file: { secrets: null }, retention } as never;
      const settings = { data: '/var/lib/holdfast', configPath: join(home, 'holdfast.yaml') };
      const { folders, secrets } = guardedPaths(
        { settings, config },
        { HOME: home, AWS_CONFIG_FILE: join(home, 'aws') },
      );
      return [...folders.slice(1), ...secrets];
    };
    const bucket = { kind: 'bucket' };
    assert.deepEqual(at(bucket), [join(home, 'aws')]);
    mkdirSync(join(home, '.aws'));
    assert.deepEqual(at(bucket), [join(home, '.aws'), join(home, 'aws')]);
    assert.deepEqual([at(null), at({ kind: 'folder', path: '/x' })], [[], []]);
  } finally {
    rmSync(home, { recursive: true });
  }
});
