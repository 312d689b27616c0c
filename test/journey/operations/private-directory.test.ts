import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { keepPrivate } from '../../../src/main/process/private-directory.ts';
import { type House, openHouse } from '../../support/gateway/program.ts';

const isRoot = process.getuid?.() === 0;

/** Everything below a directory that others may read or write, with its mode. */
function open(directory: string): string[] {
  const found = readdirSync(directory, { recursive: true, withFileTypes: true });
  return ['.', ...found.map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))]
    .map((path) => ({ path, mode: lstatSync(join(directory, path)).mode & 0o7777 }))
    .filter(({ mode }) => (mode & 0o077) !== 0)
    .map(({ path, mode }) => `${path} ${mode.toString(8)}`);
}

describe('The data directory is its owner’s alone', { concurrency: false }, () => {
  const houses: House[] = [];
  after(async () => {
    for (const house of houses) await house.close();
  });
  const house = async (): Promise<House> => {
    const made = await openHouse({
      servers: { tools: { at: 'url: "http://127.0.0.1:9/mcp"', policy: 'version: "1"\ndefault: deny\n' } },
      slack: false,
    });
    houses.push(made);
    return made;
  };

  test('P8: with umask 000, on a new directory and on an old one that was open to all', async () => {
    const { folder, start } = await house();
    const data = join(folder, 'data');
    // The program inherits it.
    const before = process.umask(0);
    try {
      const first = await start();
      assert.deepEqual(open(data), []);
      assert.ok(readdirSync(data).includes('lock.sock'), 'sockets are looked at too');
      await first.stop();
      assert.deepEqual(open(data), []);
      for (const entry of readdirSync(data, { recursive: true, withFileTypes: true })) {
        chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o777 : 0o666);
      }
      writeFileSync(join(data, 'checkpoints.jsonl'), '', { flag: 'a' });
      chmodSync(join(data, 'checkpoints.jsonl'), 0o666);
      chmodSync(data, 0o777);
      const again = await start();
      assert.deepEqual(open(data), []);
      await again.stop();
      assert.ok(readdirSync(data).includes('checkpoints.jsonl'));
      assert.deepEqual(open(data), []);
    } finally {
      process.umask(before);
    }
  });

  test('a directory of everybody’s is refused', () => {
    assert.throws(() => keepPrivate(tmpdir()), /Set HOLDFAST_DATA to a directory of its own/);
  });

  test('what somebody else owns and could change is refused, and what only its owner can change is not', {
    skip: isRoot ? false : 'only root can give files away',
  }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-owner-'));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const data = join(folder, 'data');
    mkdirSync(data);
    chownSync(data, 4711, 4711);
    chmodSync(data, 0o770);
    assert.throws(
      () => keepPrivate(data),
      /data belongs to user 4711, and others than its owner may write it.*chown -R 0/,
    );
    chmodSync(data, 0o777);
    assert.throws(() => keepPrivate(data), /may write it/);
    chmodSync(data, 0o755);
    writeFileSync(join(data, 'secret'), 'x');
    chownSync(join(data, 'secret'), 4711, 4711);
    keepPrivate(data);
    assert.deepEqual(open(data), []);
    chownSync(join(data, 'secret'), 4712, 4712);
    assert.throws(() => keepPrivate(data), /secret belongs to user 4712/);
    rmSync(join(data, 'secret'));
    symlinkSync('/etc/hostname', join(data, 'secret'));
    keepPrivate(data);
    assert.notEqual(lstatSync('/etc/hostname').mode & 0o004, 0, 'what a link leads to is left alone');
    chownSync(data, 0, 0);
    mkdirSync(join(data, 'sql'), { mode: 0o755 });
    writeFileSync(join(data, 'sql', 'planted'), 'x');
    chownSync(join(data, 'sql', 'planted'), 4711, 4711);
    assert.throws(() => keepPrivate(data), /planted belongs to user 4711, neither/);
  });
});
