import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type DoctorFinding, skewOf, without } from '../../../src/cli/doctor/finding.ts';
import { infoFindings } from '../../../src/cli/doctor/redis.ts';
import { ACCOUNT, BUCKET, startS3Store } from '../../support/archive/s3-store.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { startRedis } from '../../support/store/servers.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
const STRONG = 'kR7vQ2mXz9LpWc4TnY8sBd3FgH6jA1uE0oIx';
/** What the config fills in from the environment. */
const HOLE = ['$', '{UPSTREAM_TOKEN}'].join('');
const ADMIN = 'aZ5rT8wQ1nM4vK7pX2cL9dF6hJ3gB0yS';

interface Diagnosis {
  readonly code: number;
  readonly said: string;
  readonly findings: readonly DoctorFinding[];
}

describe('holdfast doctor', () => {
  let folder: string;
  let upstream: CountingUpstream;
  let elsewhere: Server;
  let redirecting: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'));
    upstream = await countingUpstream();
    elsewhere = createServer((_, response) => response.writeHead(302, { location: 'http://example.com/' }).end());
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    redirecting = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/mcp`;
    write('tools.yaml', 'version: "1"\ndefault: deny\ntools:\n  create_key: { action: require_approval }\n');
  });
  after(async () => {
    await upstream.close();
    await new Promise((resolve) => elsewhere.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const config = (servers: string, rest = ''): void =>
    write(
      'holdfast.yaml',
      `version: "1"\nservers:\n${servers}${rest || `grants:\n  - {name: bot, token_sha256: "${'a'.repeat(64)}", servers: [tools], owner: U0SAM}\n`}` +
        'approvers: { all: [U0MIRA, admin] }\n',
    );
  const tools = (): string => `  tools: { url: "${upstream.url}", policy: tools.yaml }\n`;

  function doctor(env: Record<string, string> = {}, ...args: string[]): Promise<Diagnosis> {
    const words = ['src/cli/cli.ts', 'doctor', '--config', join(folder, 'holdfast.yaml'), '--json', ...args];
    const set = {
      PATH: process.env.PATH ?? '',
      HOLDFAST_DATA: join(folder, 'data'),
      HOLDFAST_SECRET: STRONG,
      HOLDFAST_ADMIN_TOKEN: ADMIN,
      ...env,
    };
    return new Promise((resolve, reject) => {
      execFile(process.execPath, words, { cwd: ROOT, env: set }, (error, out, err) => {
        try {
          const { findings } = JSON.parse(out) as { findings: DoctorFinding[] };
          resolve({ code: typeof error?.code === 'number' ? error.code : 0, said: out + err, findings });
        } catch {
          reject(new Error(`no diagnosis: ${out}${err}`));
        }
      });
    });
  }
  function finds({ findings, said }: Diagnosis, level: DoctorFinding['level'], words: RegExp): void {
    const found = findings.some((one) => one.level === level && words.test(`${one.about}: ${one.what}`));
    assert.ok(found, `no ${level} ${words} in ${said}`);
  }

  test('P8: the place for old events is tried, and what is wrong with it is said without a secret', async () => {
    const grants = `grants:\n  - {name: bot, token_sha256: "${'a'.repeat(64)}", servers: [tools], owner: U0SAM}\n`;
    const goesTo = (archive: string): void => config(tools(), `${grants}audit: { retain: 90d, archive: ${archive} }\n`);
    goesTo('segments');
    finds(await doctor(), 'ok', /archive: old events go to .*segments/);
    goesTo('no/such/mount');
    const missing = await doctor();
    finds(missing, 'fault', /archive: .*mount.* cannot be written \(ENOENT\)/);
    assert.equal(missing.code, 1);
    const store = await startS3Store();
    try {
      goesTo(`{ s3: s3://${BUCKET}/logs, endpoint: "${store.url}" }`);
      const well = await doctor(ACCOUNT);
      finds(well, 'ok', /archive: s3:\/\/.* answers; no gateway has written there yet/);
      const wrong = await doctor({ ...ACCOUNT, AWS_SECRET_ACCESS_KEY: 'wrong-and-never-shown' });
      finds(wrong, 'fault', /archive: .*does not take these credentials/);
      assert.doesNotMatch(wrong.said, /wrong-and-never-shown/);
      assert.ok(
        store.requests.every((request) => request.startsWith('GET ')),
        'it writes nothing',
      );
    } finally {
      await store.close();
    }
    finds(await doctor(ACCOUNT), 'fault', /archive: .*cannot be reached \(ECONNREFUSED\): nothing leaves the database/);
  });

  test('a healthy set-up has no fault, and every line that is not well has a remedy', async () => {
    config(tools());
    const healthy = await doctor();
    assert.deepEqual(
      healthy.findings.filter(({ level }) => level === 'fault'),
      [],
    );
    assert.equal(healthy.code, 0);
    for (const words of [/^node: Node 2/, /^config: 1 server,/, /^server tools: answers with 7 tools/, /^disk: /]) {
      finds(healthy, 'ok', words);
    }
    finds(healthy, 'warn', /^slack: not configured/);
    for (const { level, remedy, what } of healthy.findings) assert.equal(remedy !== null, level !== 'ok', what);
  });

  test('P8: what is wrong is said with its remedy, and no secret with it', async () => {
    mkdirSync(join(folder, 'open'), { recursive: true });
    chmodSync(join(folder, 'open'), 0o755);
    write('typo.yaml', 'version: "1"\ndefault: deny\ntools:\n  creat_key: { action: require_approval }\n');
    const soon = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10);
    const grant = (name: string, digit: string, more: string): string =>
      `  - {name: ${name}, token_sha256: "${digit.repeat(64)}", servers: [typo], owner: U0MIRA${more}}\n`;
    config(
      `  typo: { url: "${upstream.url}", policy: typo.yaml, headers: { Authorization: "Bearer ${HOLE}" } }\n` +
        `  down: { url: "http://127.0.0.1:9/mcp", policy: tools.yaml, headers: { x-key: "${HOLE}" } }\n` +
        `  moved: { url: "${redirecting}", policy: tools.yaml }\n` +
        `  gone: { command: [no-such-program, "${HOLE}"], policy: tools.yaml }\n` +
        `  mute: { command: [/bin/sh, -c, "echo $KEY >&2; exit 3"], env: { KEY: "${HOLE}" }, policy: tools.yaml }\n`,
      `grants:\n${grant('late', 'b', ', expires: 2020-01-01')}${grant('soon', 'c', `, expires: ${soon}`)}` +
        `  - {name: two, token_sha256: ["${'d'.repeat(64)}", "${'e'.repeat(64)}"], servers: [typo], owner: U0MIRA}\n`,
    );
    const env = {
      UPSTREAM_TOKEN: 'tok-MARKER-upstream',
      HOLDFAST_DATA: join(folder, 'open'),
      HOLDFAST_LISTEN: '0.0.0.0:8787',
      DATABASE_URL: 'postgres://holdfast:MARKER-sql@127.0.0.1:9/holdfast',
      REDIS_URL: 'redis://:MARKER-redis@127.0.0.1:9',
    };
    const sick = await doctor(env);
    assert.equal(sick.code, 1);
    const faults = [
      /^database: Postgres cannot be reached: nobody listens there/,
      /^redis: Redis cannot be reached: nobody listens there/,
      /^server down: it does not answer/,
      /^server moved: it redirects/,
      /^server gone: there is no program no-such-program/,
      /^server mute: it does not answer/,
    ];
    for (const words of faults) finds(sick, 'fault', words);
    const warnings = [
      /^data directory: .* can be read by others/,
      /^public URL: not set, and it listens on 0\.0\.0\.0/,
      /^grant late: has expired/,
      /^grant soon: expires in [456] days/,
      /^grant two: two tokens are accepted/,
      /^server typo: its policy names tools that it does not have: creat_key/,
    ];
    for (const words of warnings) finds(sick, 'warn', words);
    for (const secret of ['MARKER', STRONG, ADMIN]) assert.ok(!sick.said.includes(secret), `${secret} is told`);
  });

  test('secrets that can be guessed are found, and are not told', async () => {
    config(tools());
    const guessable = 'password'.repeat(5);
    const weak = await doctor({ HOLDFAST_SECRET: guessable });
    finds(weak, 'warn', /HOLDFAST_SECRET: looks typed by hand/);
    const open = await doctor({ HOLDFAST_ADMIN_TOKEN: 'hunter2-hunter2' });
    assert.equal(open.code, 1);
    finds(open, 'fault', /HOLDFAST_ADMIN_TOKEN: is short enough to be guessed/);
    for (const { said } of [weak, open]) {
      for (const secret of ['hunter2', guessable]) assert.ok(!said.includes(secret), `${secret} is told`);
    }
  });

  test('grants whose calls nobody may approve are reported, owner by owner', async () => {
    config(tools());
    const owned = `grants:\n  - {name: own, token_sha256: "${'a'.repeat(64)}", servers: [tools], owner: U0MIRA}\n`;
    config(tools(), owned);
    finds(
      await doctor({ HOLDFAST_ADMIN_TOKEN: '' }),
      'fault',
      /^grant own: nobody can approve tools\.create_key: it needs 1/,
    );
    finds(await doctor(), 'ok', /^grants: 1, each with somebody who can approve/);
  });

  test('a config that is wrong is told line by line, and the rest is looked at all the same', async () => {
    write('holdfast.yaml', 'version: "1"\nserver: {}\ngrants: 3\n');
    const lost = await doctor({ REDIS_URL: 'redis://127.0.0.1:9' });
    assert.equal(lost.code, 1);
    finds(lost, 'fault', /^config: .*holdfast\.yaml:2:1: server: unknown key, perhaps servers/);
    finds(lost, 'fault', /^redis: /);
    finds(lost, 'ok', /^disk: /);
  });

  describe('with Postgres and Redis', { skip: skipWithoutBacking('redis and postgres') }, () => {
    let backing: Backing;
    before(async () => {
      backing = await startBacking('redis and postgres');
    });
    after(() => backing.stop());

    test('says their versions, what the schema lacks, and what a newer release left', async () => {
      config(tools());
      const env = { DATABASE_URL: backing.postgres.url, REDIS_URL: backing.redis!.url };
      const first = await doctor(env);
      assert.equal(first.code, 0, first.said);
      finds(first, 'ok', /^database: Postgres \d+ answers/);
      finds(first, 'ok', /^redis: Redis \d+\.\S+ answers/);
      finds(first, 'ok', /^schema: there is none yet; the first start creates it/);
      const rows = await query(backing.postgres.url, "select 1 from pg_namespace where nspname = 'holdfast'");
      assert.equal(rows.length, 0, 'it changed nothing');
      await query(
        backing.postgres.url,
        "create schema holdfast; create table holdfast.kysely_migration (name text, timestamp text); insert into holdfast.kysely_migration values ('0001-foundation', ''), ('9999-of-tomorrow', '')",
      );
      const second = await doctor(env);
      finds(second, 'warn', /^schema: \d+ migrations are pending/);
      finds(second, 'warn', /^schema: a newer release has changed it \(9999-of-tomorrow\)/);
    });

    test('a Redis that may evict our jobs is a fault, one that forgets at a restart a warning', async () => {
      const redis = await startRedis([
        '--maxmemory',
        '64mb',
        '--maxmemory-policy',
        'allkeys-lru',
        '--appendonly',
        'no',
      ]);
      try {
        const found = await doctor({ REDIS_URL: redis.url });
        finds(found, 'fault', /^redis: maxmemory-policy is allkeys-lru/);
        finds(found, 'warn', /^redis: it does not append to disk/);
      } finally {
        await redis.stop();
      }
    });
  });
});

test('what Redis says of itself, in findings', () => {
  const of = (info: string) =>
    infoFindings(info)
      .map(({ level, what }) => `${level} ${what}`)
      .join('\n');
  assert.match(of('redis_version:4.0.9\r\n'), /^fault Redis 4\.0\.9 is too old/);
  assert.match(of('redis_version:6.0.1\r\n'), /^warn Redis 6\.0\.1 is old/);
  assert.match(of('redis_version:7.0\r\nrole:slave\r\n'), /fault this server is a replica/);
  assert.match(of('redis_version:7.0\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n'), /warn maxmemory-policy/);
  assert.equal(of('redis_version:7.0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n'), 'ok Redis 7.0 answers');
});

test('clocks that differ are told, and a slow answer is no difference', () => {
  assert.deepEqual(skewOf('redis', 1_000_500, 1_000_000, 1_001_000), []);
  assert.deepEqual(skewOf('redis', 1_001_900, 1_000_000, 1_000_000), []);
  assert.equal(skewOf('redis', 1_005_000, 1_000_000, 1_000_100)[0]?.level, 'warn');
  assert.equal(skewOf('redis', 900_000, 1_000_000, 1_000_100)[0]?.level, 'fault');
});

test('P8: a secret is taken out of what others wrote, the longer one first', () => {
  assert.equal(without('key=abcd-ef and abcd\u001b[2J', ['abcd', 'abcd-ef']), 'key=… and … [2J');
});
