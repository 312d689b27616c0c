import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { terminalSecret } from '../../src/main/process/terminal-secret.ts';

describe('a secret that a command needs by itself', () => {
  let cwd = '';
  let elsewhere = '';
  before(() => {
    cwd = mkdtempSync(join(tmpdir(), 'holdfast-secret-'));
    elsewhere = mkdtempSync(join(tmpdir(), 'holdfast-secret-'));
    mkdirSync(join(cwd, 'kept'));
    writeFileSync(join(cwd, 'kept/DATABASE_URL'), 'postgres://kept\n', { mode: 0o600 });
    writeFileSync(join(elsewhere, 'HOLDFAST_ADMIN_TOKEN'), 'of somebody else', { mode: 0o600 });
  });
  after(() => {
    rmSync(cwd, { recursive: true });
    rmSync(elsewhere, { recursive: true });
  });

  const secret = (name: string, secrets: string, { env = {}, ownOnly = false } = {}): string | null => {
    writeFileSync(join(cwd, 'holdfast.yaml'), `version: "1"\nsecrets: ${secrets}\n`);
    return terminalSecret({ env, cwd, err: () => undefined }, name, ownOnly);
  };

  test('is in the folder that the config here names', () => {
    assert.equal(secret('DATABASE_URL', 'kept'), 'postgres://kept');
    assert.equal(secret('REDIS_URL', 'kept'), null);
  });

  test('the variable and its file come first', () => {
    assert.equal(secret('DATABASE_URL', 'kept', { env: { DATABASE_URL: 'postgres://set' } }), 'postgres://set');
    const file = join(elsewhere, 'HOLDFAST_ADMIN_TOKEN');
    assert.equal(secret('DATABASE_URL', 'kept', { env: { DATABASE_URL_FILE: file } }), 'of somebody else');
  });

  test('the admin token is sent from no folder elsewhere, by whatever config lies here', () => {
    assert.equal(secret('HOLDFAST_ADMIN_TOKEN', elsewhere), 'of somebody else');
    assert.equal(secret('HOLDFAST_ADMIN_TOKEN', elsewhere, { ownOnly: true }), null);
    assert.equal(secret('HOLDFAST_ADMIN_TOKEN', '../', { ownOnly: true }), null);
    assert.equal(secret('DATABASE_URL', 'kept', { ownOnly: true }), 'postgres://kept');
    symlinkSync(join(elsewhere, 'HOLDFAST_ADMIN_TOKEN'), join(cwd, 'kept/HOLDFAST_ADMIN_TOKEN'));
    assert.equal(secret('HOLDFAST_ADMIN_TOKEN', 'kept', { ownOnly: true }), null, 'by no link either');
    const env = { HOLDFAST_CONFIG: join(cwd, 'holdfast.yaml') };
    assert.equal(secret('HOLDFAST_ADMIN_TOKEN', elsewhere, { env, ownOnly: true }), 'of somebody else');
  });

  test('a config that is missing or broken names none', () => {
    assert.equal(secret('DATABASE_URL', '[oh'), null);
    assert.equal(terminalSecret({ env: {}, cwd: elsewhere, err: () => undefined }, 'DATABASE_URL'), null);
  });
});
