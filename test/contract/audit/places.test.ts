import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { evidenceProof } from '../../../src/cli/audit/evidence-proof.ts';
import { segmentFolder } from '../../../src/cli/audit/segment-folder.ts';
import { type ArchivePlace, bucketPlace } from '../../../src/domain/log/archive-place.ts';
import { type ArchiverParts, LogArchiver } from '../../../src/gateway/archive/log-archiver.ts';
import { FolderReader } from '../../../src/gateway/archive/segment-reader.ts';
import { verifyLedger } from '../../../src/gateway/log/verify.ts';
import type { Archive } from '../../../src/ports.ts';
import { EXCLUSIVE } from '../../../src/sink/archive-bucket.ts';
import { openArchiveAt } from '../../../src/sink/archives.ts';
import { vault } from '../../../src/vault/vault.ts';
import { ACCOUNT, BUCKET, refused, type S3Store, startS3Store } from '../../support/archive/s3-store.ts';
import { type AuditWorld, auditWorld, event, SECRET } from '../../support/audit/world.ts';
import { writtenLog } from '../../support/log.ts';

const LOG = 'log_test';
const DAY = 86_400_000;
const TRUST = { keys: vault([SECRET]).publicKeys, elsewhere: [] };
const ago = (days: number): Date => new Date(Date.now() - days * DAY);

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

async function all(portions: AsyncIterable<readonly string[]>): Promise<string[]> {
  const found: string[] = [];
  for await (const lines of portions) found.push(...lines);
  return found;
}

/** A place for segments, and what somebody with rights there can do to it. */
interface Tried {
  /** A fresh one. */
  place(): ArchivePlace;
  /** As `--segments` names it. */
  words(place: ArchivePlace): string;
  names(place: ArchivePlace): Promise<string[]>;
  read(place: ArchivePlace, name: string): Promise<Buffer>;
  overwrite(place: ArchivePlace, name: string, octets: Buffer): Promise<void>;
  remove(place: ArchivePlace, name: string): Promise<void>;
}

let store: S3Store;
let folder: string;
let number = 0;

before(async () => {
  Object.assign(process.env, ACCOUNT);
  store = await startS3Store();
  folder = mkdtempSync(join(tmpdir(), 'holdfast-places-'));
});
after(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const pathOf = (place: ArchivePlace): string => (place.kind === 'folder' ? place.path : store.path(place.prefix));

/** s3rver keeps an object as a file beside one that describes it. */
const ENDS = { folder: '', bucket: '._S3rver_object' } as const;

const tried = (kind: ArchivePlace['kind']): Tried => ({
  place: () => {
    number += 1;
    return kind === 'folder' ? { kind, path: join(folder, `${number}`) } : store.place(`logs/${number}/`);
  },
  words: (place) =>
    place.kind === 'folder'
      ? place.path
      : `s3://${place.bucket}/${place.prefix.slice(0, -1)}?endpoint=${encodeURIComponent(store.url)}`,
  names: async (place) =>
    readdirSync(pathOf(place))
      .filter((name) => name.endsWith(ENDS[kind]))
      .map((name) => name.slice(0, name.length - ENDS[kind].length))
      .filter((name) => name !== EXCLUSIVE)
      .sort(),
  read: async (place, name) => readFileSync(join(pathOf(place), name + ENDS[kind])),
  overwrite: async (place, name, octets) => writeFileSync(join(pathOf(place), name + ENDS[kind]), octets),
  remove: async (place, name) => rmSync(join(pathOf(place), name + ENDS[kind])),
});

for (const kind of ['folder', 'bucket'] as const) {
  describe(`segments in a ${kind}`, () => {
    const at = tried(kind);

    test('what is written reads back, under a name of what it is', async () => {
      const place = at.place();
      const archive = openArchiveAt(place);
      const lines = Array.from({ length: 3_000 }, (_, n) => `{"n":${n},"r":"${randomBytes(40).toString('hex')}"}`);
      const written = await archive.write(LOG, 7, each(lines.map((line) => `${line}\n`)));
      assert.match(written.file, new RegExp(`^${LOG}-000007-${written.sha256.slice(0, 12)}\\.jsonl\\.gz$`));
      const opened = archive.read(written.file);
      assert.deepEqual(await all(opened.portions), lines);
      assert.deepEqual(opened.measured(), { octets: written.octets, sha256: written.sha256 });
      assert.equal((await at.read(place, written.file)).length, written.octets);
      assert.equal(await archive.head(LOG, 7), null);
      assert.deepEqual(await at.names(place), [written.file]);
    });

    test('of many who publish a head at once one does, and it stays', async () => {
      const place = at.place();
      await openArchiveAt(place).write(LOG, 1, each(['x\n']));
      const writers = Array.from({ length: 8 }, () => openArchiveAt(place));
      const published = await Promise.all(writers.map((one, n) => one.publish(LOG, 1, `head ${n}\n`)));
      assert.equal(published.filter(Boolean).length, 1, JSON.stringify(published));
      const line = `head ${published.indexOf(true)}\n`;
      for (const one of writers.slice(0, 3)) assert.equal(await one.head(LOG, 1), line);
      assert.equal(await writers[0]!.publish(LOG, 1, 'later\n'), false);
      assert.equal(await writers[1]!.head(LOG, 1), line);
    });

    test('what is spoiled, gone or too long there is told, and never taken for what was written', async () => {
      const place = at.place();
      const archive = openArchiveAt(place);
      const written = await archive.write(LOG, 1, each(['one\n', `${randomBytes(500).toString('hex')}\n`]));
      const octets = await at.read(place, written.file);
      for (const nth of [12, octets.length >> 1, octets.length - 3]) {
        const other = Buffer.from(octets);
        other[nth]! ^= 1;
        await at.overwrite(place, written.file, other);
        const opened = archive.read(written.file);
        const isSeen = await all(opened.portions).then(
          () => opened.measured().sha256 !== written.sha256,
          () => true,
        );
        assert.ok(isSeen, `octet ${nth}`);
      }
      await at.overwrite(place, written.file, octets.subarray(0, octets.length - 9));
      await assert.rejects(all(archive.read(written.file).portions));
      await at.remove(place, written.file);
      await assert.rejects(all(archive.read(written.file).portions), /ENOENT|is not there/);
      await archive.publish(LOG, 1, 'a head\n');
      const head = (await at.names(place)).find((name) => name.endsWith('.head.json'))!;
      await at.overwrite(place, head, Buffer.alloc(17 * 1024 * 1024, 32));
      await assert.rejects(archive.head(LOG, 1), /is not the head of a segment|is longer than any/);
    });

    describe('a log that goes there', () => {
      let world: AuditWorld;
      let place: ArchivePlace;
      const written = writtenLog();
      const partsWith = (change: (made: Archive) => Partial<Archive> = () => ({})): ArchiverParts => ({
        ...world.gateway,
        log: written.log,
        alarms: { why: null },
        checkpointSigner: world.signer,
        sink: null,
        openArchive: (where) => {
          const made = openArchiveAt(where);
          return { ...made, ...change(made) };
        },
        rules: { approval: { pickupMs: 60_000 }, retention: { retainMs: 90 * DAY, archive: place } } as never,
      });
      const step = async (parts: ArchiverParts, archiver = new LogArchiver()): Promise<number | null> => {
        const next = await archiver.run(parts);
        await world.store.seal(10_000);
        return next;
      };
      const rows = async (): Promise<number> => {
        const found = await sql<{ n: number }>`select count(*)::int as n from holdfast.events`.execute(world.db);
        return found.rows[0]!.n;
      };
      const whole = async () =>
        verifyLedger(world.ledger, TRUST, evidenceProof(), new FolderReader(await segmentFolder(at.words(place))));
      const stretch = async (days: number): Promise<void> => {
        await world.log(...Array.from({ length: 9 }, (_, n) => event(`${days} ${n}`, { at: ago(days) })));
        await world.signer.sign({ ...world.gateway, clock: { now: () => ago(days - 0.5) } });
        await world.store.seal(10_000);
      };

      before(async () => {
        place = at.place();
        world = await auditWorld('pglite');
        await sql`insert into holdfast.epoch (log, head, at, seal) values (${LOG}, 0, now(), 'none')`.execute(world.db);
        await sql`insert into holdfast.oversight_cursor (id, seq) values ('cursor', 1000000000)`.execute(world.db);
        for (const days of [130, 120, 100, 1]) await stretch(days);
      });
      after(() => world.close());

      test('P7: a head of somebody else in its place cuts nothing, and is told', async () => {
        const theirs = openArchiveAt(place);
        // The first use of a place makes it.
        await theirs.write(LOG, 9, each(['x\n']));
        await theirs.publish(LOG, 1, '{"segment":{"what":"mine"},"signature":"00"}\n');
        const archiver = new LogArchiver();
        await step(partsWith(), archiver);
        assert.match(written.lines.at(-1)!, /the log is not archived: .*head of segment 1 cannot be read/);
        assert.match(archiver.state(new Date())!.trouble!, /cannot be read/);
        assert.equal((await world.ledger.cuts()).length, 0);
        await at.remove(place, `${LOG}-000001.head.json`);
      });

      test('P7: what dies at any step goes on, is cut once, and the whole is verified from there', async () => {
        const total = await rows();
        const dies = (): never => {
          throw new Error('killed');
        };
        for (const parts of [
          partsWith(() => ({ write: dies })),
          partsWith(({ write }) => ({ write: async (...args) => (await write(...args), dies()) })),
          partsWith(({ publish }) => ({ publish: async (...args) => (await publish(...args), dies()) })),
        ]) {
          await step(parts);
          assert.equal((await world.ledger.cuts()).length, 0);
          assert.equal(await rows(), total);
        }
        // Two replicas at once, with the head that is there.
        await Promise.all([step(partsWith()), step(partsWith())]);
        assert.equal((await world.ledger.cuts()).length, 1);
        // The lines are spoiled before they are cut: nothing is deleted.
        const head = JSON.parse((await at.read(place, `${LOG}-000001.head.json`)).toString()) as {
          segment: { file: string };
        };
        const octets = await at.read(place, head.segment.file);
        const other = Buffer.from(octets);
        other[other.length >> 1]! ^= 1;
        await at.overwrite(place, head.segment.file, other);
        const before = await rows();
        await step(partsWith());
        await step(partsWith());
        assert.ok((await rows()) >= before, 'nothing was deleted');
        assert.match(written.lines.at(-1)!, /the log is not archived/);
        await at.overwrite(place, head.segment.file, octets);
        const archiver = new LogArchiver();
        for (let n = 0; n < 20 && (await step(partsWith(), archiver)) === 2_000; n += 1);
        assert.ok((await rows()) < total);
        const state = archiver.state(new Date())!;
        assert.deepEqual([state.trouble, state.since, state.waiting], [null, null, 0]);
        assert.ok(state.success !== null && state.segments >= 1);
        assert.equal(archiver.state(new Date(Date.now() + DAY)), null);
        const found = await whole();
        assert.deepEqual([found.report.faults, found.segmentProblems, found.problems], [[], [], []]);
        assert.ok(found.segments! >= 1);
      });

      test('another place goes on where the old one ended, and none needs no old one', async () => {
        for (const days of [80, 70]) await stretch(days);
        const [old, cuts] = [place, (await world.ledger.cuts()).length];
        place = at.place();
        const archiver = new LogArchiver();
        const parts = partsWith();
        const sooner = { ...parts, retainMs: 75 * DAY };
        for (let n = 0; n < 20 && (await step(sooner, archiver)) === 2_000; n += 1);
        assert.equal((await world.ledger.cuts()).length, cuts + 1, written.lines.at(-1));
        assert.ok((await at.names(place)).some((name) => name.endsWith('.head.json')));
        const alone = await whole();
        assert.match(alone.segmentProblems![0]!, /segment.* missing/);
        // Both together are the whole.
        for (const name of await at.names(old)) await at.overwrite(place, name, await at.read(old, name));
        place = kind === 'folder' ? place : old;
        if (kind === 'folder') assert.deepEqual((await whole()).segmentProblems, []);
      });
    });
  });
}

describe('a bucket', () => {
  const trouble = async (archive: Archive): Promise<string> =>
    archive.publish(LOG, 1, 'x\n').then(
      () => assert.fail('it was published'),
      (error: Error) => error.message,
    );

  test('P7: a store that lets a second writer replace an object is refused before anything of the log is there', async () => {
    const loose = await startS3Store({ exclusive: false });
    try {
      assert.match(
        await trouble(openArchiveAt(loose.place('x/'))),
        /lets a second writer replace an object.*If-None-Match/,
      );
      assert.deepEqual([...new Set(loose.requests)], [`PUT /${BUCKET}/x/${EXCLUSIVE}`]);
    } finally {
      await loose.close();
    }
  });

  test('the gateway neither lists nor deletes', async () => {
    const from = store.requests.length;
    const archive = openArchiveAt(store.place('rights/'));
    await archive.head(LOG, 1);
    const { file } = await archive.write(LOG, 1, each(['x\n']));
    await archive.publish(LOG, 1, 'x\n');
    await all(archive.read(file).portions);
    for (const request of store.requests.slice(from)) {
      assert.match(request, new RegExp(`^(GET|PUT) /${BUCKET}/rights/.`));
    }
  });

  test('P8: what is wrong with it is said in words that hold no secret, and the same each time', async () => {
    const place = store.place('wrong/');
    const secret = ACCOUNT.AWS_SECRET_ACCESS_KEY;
    process.env.AWS_SECRET_ACCESS_KEY = 'another-secret-of-ours';
    const unsigned = await trouble(openArchiveAt(place));
    process.env.AWS_SECRET_ACCESS_KEY = secret;
    assert.match(unsigned, /does not take these credentials \(SignatureDoesNotMatch\)/);
    assert.doesNotMatch(unsigned, /another-secret/);
    assert.match(await trouble(openArchiveAt(store.place('x/', 'no-such-bucket'))), /the store has no bucket no-such/);
    const gone = bucketPlace({ bucket: BUCKET, prefix: '' }, { endpoint: 'http://127.0.0.1:1' });
    const first = await trouble(openArchiveAt(gone));
    assert.match(first, /cannot be reached \(ECONNREFUSED\)/);
    assert.equal(await trouble(openArchiveAt(gone)), first);
    for (const [status, code, named] of [
      [403, 'AccessDenied', /lack the right s3:PutObject/],
      [301, 'PermanentRedirect', /in another region/],
      [501, 'NotImplemented', /does not know If-None-Match/],
      [400, 'Nonsense <b>\n', /it answers /],
    ] as const) {
      store.instead((context) => refused(context, status, code));
      const archive = openArchiveAt(place);
      assert.match(await trouble(archive), named);
      store.instead(null);
      assert.equal(await archive.head(LOG, status), null, 'and is tried again');
    }
  });

  test('an object that may not be read counts as absent, and what cannot be read back is not written over and over', async () => {
    const place = store.place('blind/');
    const archive = openArchiveAt(place);
    store.instead((context) => (context.method === 'GET' ? refused(context, 403, 'AccessDenied') : null));
    const from = store.requests.length;
    await assert.rejects(archive.write(LOG, 1, each(['x\n'])), /cannot be read with these credentials/);
    assert.ok(store.requests.slice(from).every((request) => request.includes(EXCLUSIVE)));
    store.instead((context) => (context.path.endsWith('.head.json') ? refused(context, 403, 'AccessDenied') : null));
    assert.equal(await archive.head(LOG, 1), null);
    store.instead(null);
  });

  test('a store that accepts a connection and says nothing is given up', async () => {
    const silent = createServer((_, response) => response.writeHead(200, { 'content-length': '100' }).write('x'));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { bucketClient } = await import('../../../src/sink/bucket-client.ts');
    const place = bucketPlace({ bucket: BUCKET, prefix: '' }, { endpoint });
    const body = await bucketClient(place).get('x', 300);
    await assert.rejects(body!.toArray());
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });

  /** A store that answers every request so. */
  async function answering(how: RequestListener): Promise<{
    readonly place: ReturnType<typeof bucketPlace>;
    close(): Promise<unknown>;
  }> {
    const server = createServer(how);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return {
      place: bucketPlace({ bucket: BUCKET, prefix: '' }, { endpoint }),
      close: () => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      },
    };
  }

  test('a store that answers what is written without an end is given up, and not read into memory', async () => {
    const piece = Buffer.alloc(1 << 20, 'x');
    const endless = await answering((request, response) => {
      let sent = 0;
      request.resume();
      response.writeHead(200);
      const more = (): void => {
        // Nobody needs more to see that it is read.
        while (sent < 64 && !response.destroyed) {
          sent += 1;
          if (!response.write(piece)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    });
    const { bucketClient } = await import('../../../src/sink/bucket-client.ts');
    const body = { octets: 1, sha256: 'a'.repeat(64), open: () => Buffer.from('x') };
    try {
      await assert.rejects(bucketClient(endless.place).put('x', body, 20_000), { name: 'Unavailable' });
    } finally {
      await endless.close();
    }
  });

  test('P7: a connection that breaks while a segment is read accuses nobody', async () => {
    const broken = await answering((_, response) => {
      response.writeHead(200, { 'content-length': '100000' });
      response.write(Buffer.of(0x1f));
      setTimeout(() => response.destroy(), 50);
    });
    try {
      const read = all(openArchiveAt(broken.place).read('some.jsonl.gz').portions);
      await assert.rejects(read, (error: Error) => {
        assert.equal(error.name, 'Unavailable');
        assert.match(error.message, new RegExp(`s3://${BUCKET} at http://127.0.0.1:\\d+: it cannot be reached`));
        return true;
      });
    } finally {
      await broken.close();
    }
  });

  test('P7: a head that is there and may not be read is no fault of the log', async () => {
    const place = store.place('unread/');
    await openArchiveAt(place).publish(LOG, 1, 'head\n');
    const words = `s3://${BUCKET}/unread?endpoint=${encodeURIComponent(store.url)}`;
    assert.equal((await segmentFolder(words)).heads.length, 1);
    for (const [code, named] of [
      ['AccessDenied', /head\.json is there, and cannot be read with these credentials/],
      ['InvalidObjectState', /has to be restored/],
    ] as const) {
      store.instead((context) => (context.path.endsWith('.head.json') ? refused(context, 403, code) : null));
      await assert.rejects(segmentFolder(words), (error: Error) => named.test(error.message));
      store.instead(null);
    }
  });

  test('heads are found over many pages, and nothing else', async () => {
    const place = store.place('pages/');
    const archive = openArchiveAt(place);
    for (let n = 1; n <= 5; n += 1) await archive.publish(LOG, n, `head ${n}\n`);
    const { headsInBucket } = await import('../../../src/sink/archive-bucket.ts');
    const { openBucket } = await import('../../../src/sink/archives.ts');
    const client = await openBucket(place);
    const small = {
      ...client,
      list: async (prefix: string, from: string | null, ms: number) => {
        const page = await client.list(prefix, from, ms);
        return { keys: page.keys.slice(0, 2), more: page.keys.length > 2 };
      },
    };
    const heads = await headsInBucket(place, small);
    assert.deepEqual(
      heads.map(({ line }) => line),
      [1, 2, 3, 4, 5].map((n) => `head ${n}\n`),
    );
  });
});
