import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { sql } from 'kysely';
import { openPglite } from '../../../src/sql/connection/pglite.ts';
import { PATIENCE, until } from '../../support/wait.ts';

const OPENS = `
  const { openPglite } = await import(${JSON.stringify(new URL('../../../src/sql/connection/pglite.ts', import.meta.url).href)});
  await openPglite(process.argv.at(-1));
`;

function directory(): string {
  return mkdtempSync(join(tmpdir(), 'holdfast-first-'));
}

const making = (data: string): string[] => readdirSync(data).filter((name) => name.startsWith('sql.making-'));

/** Runs a command beside a file system of its own at this folder. */
const mounted = (folder: string, ...command: readonly string[]) =>
  spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs none "$0" && exec "$@"', folder, ...command]);
const noMount = mounted(tmpdir(), 'true').status === 0 ? false : 'no file system can be made here';

/** Processes that have this directory in their command line. */
function processesIn(data: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(data);
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe('an embedded database that is made', () => {
  for (const [when, reached] of [
    ['as it begins', () => true],
    ['while its files are written', (data) => existsSync(join(data, making(data)[0] ?? '', 'base'))],
  ] as readonly [string, (data: string) => boolean][]) {
    test(`a process that is killed in the middle of it, ${when}, leaves no half of one, and nothing that runs on`, async () => {
      const data = directory();
      const child = spawn(process.execPath, ['--input-type=module', '-e', OPENS, data], { stdio: 'ignore' });
      const isUnderWay = () => making(data).length === 1 && processesIn(data).length === 2 && reached(data);
      await until('the database is being made', isUnderWay, PATIENCE);
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.ok(!existsSync(join(data, 'sql')));
      const { close } = await openPglite(data);
      assert.ok(existsSync(join(data, 'sql', 'PG_VERSION')));
      await close();
      await until('the orphan has ended', () => processesIn(data).length === 0, PATIENCE);
      // What the orphan wrote after that is nobody's database.
      await (await openPglite(data)).close();
      assert.deepEqual(making(data), []);
      rmSync(data, { recursive: true });
    });
  }

  test('what earlier tries have left beside it is removed, and never taken for one', async () => {
    const data = directory();
    mkdirSync(join(data, 'sql.making-earlier'));
    writeFileSync(join(data, 'sql.making-earlier', 'PG_VERSION'), '18');
    const { db, close } = await openPglite(data);
    assert.deepEqual(making(data), []);
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from holdfast.approvals`.execute(db);
    assert.equal(rows[0]!.n, 0);
    await close();
    rmSync(data, { recursive: true });
  });

  test('where its folder is a mount point, it is made in that', { skip: noMount }, () => {
    const data = directory();
    mkdirSync(join(data, 'sql'));
    // As a file: the database's thread is started with the same options as the process.
    const script = join(data, 'looks.mjs');
    writeFileSync(
      script,
      `${OPENS} console.log((await import('node:fs')).existsSync(process.argv[2] + '/sql/PG_VERSION')); process.exit();`,
    );
    const ran = mounted(join(data, 'sql'), process.execPath, script, data);
    assert.equal(ran.stdout.toString().trim(), 'true', ran.stderr.toString());
    assert.deepEqual(making(data), []);
    rmSync(data, { recursive: true });
  });

  test('a folder of that name without a database in it is left as it is, and said to be in the way', async () => {
    const data = directory();
    mkdirSync(join(data, 'sql'));
    writeFileSync(join(data, 'sql', 'mine.txt'), 'not a database');
    await assert.rejects(openPglite(data), /sql is not empty, and no database is in it\. Move it away/);
    assert.equal(readFileSync(join(data, 'sql', 'mine.txt'), 'utf8'), 'not a database');
    assert.deepEqual(making(data), []);
    rmSync(data, { recursive: true });
  });
});
