import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type House, openHouse } from '../../support/gateway/program.ts';
import { query, skipWithoutBacking } from '../../support/store/backing.ts';
import { startPostgres, startRedis, type TestServer } from '../../support/store/servers.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';

const POLICY = 'version: "1"\ndefault: deny\ntools:\n  create_key: { action: require_approval }\n';

/** Makes CAs and certificates, in files that the servers may read. */
class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'));

  constructor() {
    chmodSync(this.folder, 0o755);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  ca(name: string): void {
    this.#openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      this.path(`${name}.key`),
      '-out',
      this.path(`${name}.pem`),
    );
  }

  /** A certificate for localhost, by `ca`. */
  sign(name: string, ca: string): void {
    const request = this.path(`${name}.csr`);
    this.#openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
      '-keyout',
      this.path(`${name}.key`),
      '-out',
      request,
    );
    this.#openssl(
      'x509',
      '-req',
      '-in',
      request,
      '-CA',
      this.path(`${ca}.pem`),
      '-CAkey',
      this.path(`${ca}.key`),
      '-CAcreateserial',
      '-days',
      '2',
      '-copy_extensions',
      'copy',
      '-out',
      this.path(`${name}.pem`),
    );
  }

  /** Makes a key readable by its owner alone, as Postgres demands. */
  giveTo(owner: { uid: number; gid: number }, name: string): void {
    chownSync(this.path(name), owner.uid, owner.gid);
    chmodSync(this.path(name), 0o600);
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'ignore' });
  }
}

const skip = skipWithoutBacking('redis and postgres') || (hasOpenssl() ? false : 'no openssl installed');

describe('TLS to Redis and Postgres', { skip }, () => {
  const authority = new Authority();
  let postgres: TestServer;
  let redis: TestServer;
  let upstream: CountingUpstream;
  let house: House;
  before(async () => {
    authority.ca('ours');
    authority.ca('another');
    authority.sign('redis', 'ours');
    authority.sign('postgres', 'ours');
    upstream = await countingUpstream();
    const pem = (name: string): string => authority.path(name);
    const redisTls = {
      '--tls-cert-file': pem('redis.pem'),
      '--tls-key-file': pem('redis.key'),
      '--tls-ca-cert-file': pem('ours.pem'),
      '--tls-auth-clients': 'no',
    };
    redis = await startRedis([], Object.entries(redisTls).flat());
    postgres = await startPostgres((directory) => {
      authority.giveTo(statSync(directory), 'postgres.key');
      return ['ssl=on', `ssl_cert_file=${pem('postgres.pem')}`, `ssl_key_file=${pem('postgres.key')}`];
    });
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ hold: { default: 30s, progress: 60s } }',
      env: { HOLDFAST_LOG: 'warn' },
      databaseUrl: `postgres://postgres@localhost:${postgres.port}/postgres?sslmode=verify-full`,
      redisUrl: redis.url,
      slack: false,
    });
  });
  after(async () => {
    await house?.close();
    await upstream?.close();
    await redis?.stop();
    await postgres?.stop();
    rmSync(authority.folder, { recursive: true, force: true });
  });

  test('P4: a call is parked, decided and sent over encrypted lines', async () => {
    const gateway = await house.start({ env: { NODE_EXTRA_CA_CERTS: authority.path('ours.pem') } });
    const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const sent = agent.call('create_key', { name: 'secret way' });
    const { id } = await gateway.pending('create_key');
    const decided = await gateway.api(`/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve' }),
    });
    assert.equal(decided.status, 200);
    assert.equal(textOf(await sent.answer), 'done');
    const lines = await query(
      `postgres://postgres@127.0.0.1:${postgres.port}/postgres`,
      "select s.ssl from pg_stat_ssl s join pg_stat_activity a using (pid) where a.application_name = 'holdfast'",
    );
    assert.ok(lines.length > 0 && lines.every(({ ssl }) => ssl === true), 'every line of ours is encrypted');
    await gateway.stop();
  });

  const strange = { NODE_EXTRA_CA_CERTS: authority.path('another.pem') };
  const NOT_TRUSTED =
    /cannot be used: its TLS certificate is not signed by a CA that is trusted here\. Give Node your CA/;

  test('P6: a database whose certificate another CA signed is refused, with words that say what to do', async () => {
    const { code, said } = await house.startFails({ env: strange });
    assert.equal(code, 1);
    assert.match(said, /The database cannot be used/);
    assert.match(said, NOT_TRUSTED);
  });

  test('P6: so is a Redis', async () => {
    const url = `postgres://postgres@localhost:${postgres.port}/postgres`;
    const { code, said } = await house.startFails({ env: { ...strange, DATABASE_URL: url } });
    assert.equal(code, 1);
    assert.match(said, /Redis cannot be used/);
    assert.match(said, NOT_TRUSTED);
  });

  test('P6: a certificate for another name is refused although its CA is trusted', async () => {
    const env = { NODE_EXTRA_CA_CERTS: authority.path('ours.pem') };
    const url = `postgres://postgres@127.0.0.1:${postgres.port}/postgres?sslmode=verify-full`;
    const { code, said } = await house.startFails({ env: { ...env, DATABASE_URL: url } });
    assert.equal(code, 1);
    assert.match(said, /The database cannot be used: its TLS certificate is for another host name/);
  });
});

function hasOpenssl(): boolean {
  return spawnSync('openssl', ['version']).status === 0;
}
