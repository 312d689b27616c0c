import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Kysely, sql } from 'kysely';
import { evidenceProof } from '../../../src/cli/audit/evidence-proof.ts';
import { reportText } from '../../../src/cli/audit/report.ts';
import { segmentFolder } from '../../../src/cli/audit/segment-folder.ts';
import type { ArchivePlace } from '../../../src/domain/log/archive-place.ts';
import { readEvidenceLine } from '../../../src/domain/log/decision-evidence.ts';
import type { NewEvent } from '../../../src/domain/log/event.ts';
import { judgeEvidence } from '../../../src/domain/log/judge-evidence.ts';
import { readSegmentHead, readSegmentLine, segmentLine } from '../../../src/domain/log/segment.ts';
import { ArchivedStory } from '../../../src/gateway/archive/archived-story.ts';
import { type ArchiverParts, LogArchiver } from '../../../src/gateway/archive/log-archiver.ts';
import { FolderReader } from '../../../src/gateway/archive/segment-reader.ts';
import { Alarms } from '../../../src/gateway/log/alarms.ts';
import { exportLog } from '../../../src/gateway/log/export.ts';
import { SetWatch } from '../../../src/gateway/log/set-watch.ts';
import { StoreWatch } from '../../../src/gateway/log/store-watch.ts';
import { takeEvidence } from '../../../src/gateway/log/take-evidence.ts';
import { type EvidenceFinding, verifyExport, verifyLedger, verifySegments } from '../../../src/gateway/log/verify.ts';
import type { Archive, Ledger } from '../../../src/ports.ts';
import { openArchiveAt } from '../../../src/sink/archives.ts';
import { sqlLedger } from '../../../src/sql/ledger.ts';
import { sqlRecords } from '../../../src/sql/records.ts';
import type { Tables } from '../../../src/sql/table/tables.ts';
import { vault } from '../../../src/vault/vault.ts';
import { type AuditWorld, auditWorld, event, SECRET } from '../../support/audit/world.ts';
import { writtenLog } from '../../support/log.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { skipWithout } from '../../support/store/servers.ts';

const OURS = vault([SECRET]);
const DAY = 86_400_000;
const TRUST = { keys: OURS.publicKeys, elsewhere: [] };
const APPROVAL = `ap_${'0'.repeat(26)}`;
const LOG = 'log_test';

const folderAt = (path: string): ArchivePlace => ({ kind: 'folder', path });

/** Days before now. */
const ago = (days: number): Date => new Date(Date.now() - days * DAY);

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

/** The events of one approval that ran. */
function storyAt(at: Date): NewEvent[] {
  const about = { approval: APPROVAL, server: 'prometheus', tool: 'create_api_key', grant: 'bot', at };
  const fingerprint = 'f'.repeat(64);
  const say = (type: NewEvent['type'], actor: string, data: NewEvent['data']) =>
    event('', { ...about, type, actor, data });
  return [
    say('approval.requested', 'grant:bot', { fingerprint, quorum: 1, policy: 'a'.repeat(64) }),
    say('approval.decided', 'slack:U0MIRA', { fingerprint, choice: 'approve', quorum: 1 }),
    say('call.dispatched', 'holdfast', { votes: [] }),
    say('call.succeeded', 'holdfast', {}),
  ];
}

for (const kind of ['pglite', 'postgres'] as const) {
  describe(`a log that is archived, in ${kind}`, { skip: kind === 'postgres' && skipWithout('postgres') }, () => {
    let world: AuditWorld;
    let folder: string;
    let archive: string;
    const written = writtenLog();
    /** As it was before anything was cut. */
    let uncut: string[];

    const partsWith = (
      ledger: Ledger = world.ledger,
      openArchive: (place: ArchivePlace) => Archive = openArchiveAt,
      into = archive,
    ): ArchiverParts => ({
      ...world.gateway,
      ledger,
      log: written.log,
      alarms: { why: null },
      checkpointSigner: world.signer,
      sink: null,
      openArchive,
      rules: { approval: { pickupMs: 60_000 }, retention: { retainMs: 90 * DAY, archive: folderAt(into) } } as never,
    });

    /** Steps until there is nothing more to be done. */
    async function archiveAll(parts = partsWith(), archiver = new LogArchiver()): Promise<void> {
      for (let step = 0; step < 40; step += 1) {
        if ((await archiver.run(parts)) !== 2_000) return;
        await world.store.seal(10_000);
      }
      throw new Error('it never ends');
    }

    async function signedAt(at: Date): Promise<void> {
      await world.signer.sign({ ...world.gateway, clock: { now: () => at } });
      await world.store.seal(10_000);
    }

    async function oldStretch(days: number, ...events: NewEvent[]): Promise<void> {
      const filler = Array.from({ length: 7 }, (_, n) => event(`${days} ${n}`, { at: ago(days) }));
      await world.log(
        ...filler,
        ...events,
        ...filler.slice(0, 3).map((one) => ({ ...one, data: { what: `later ${days}` } })),
      );
      await signedAt(ago(days - 0.5));
    }

    const segmentsIn = async (where = archive) => new FolderReader(await segmentFolder(where));
    const whole = async (where = archive, db = world.ledger): Promise<EvidenceFinding> =>
      verifyLedger(db, TRUST, evidenceProof(), await segmentsIn(where));
    const rows = async (): Promise<number> => {
      const found = await sql<{ count: number }>`select count(*)::int as count from holdfast.events`.execute(world.db);
      return found.rows[0]!.count;
    };
    const cutsLogged = async (): Promise<number> => {
      const found = await sql<{ count: number }>`
        select count(*)::int as count from holdfast.events where type = 'log.cut'`.execute(world.db);
      return found.rows[0]!.count;
    };

    before(async () => {
      world = await auditWorld(kind);
      folder = await mkdtemp(join(tmpdir(), 'holdfast-archive-'));
      archive = join(folder, 'segments');
      await sql`insert into holdfast.epoch (log, head, at, seal) values (${LOG}, 0, now(), 'none')`.execute(world.db);
      await sql`insert into holdfast.oversight_cursor (id, seq) values ('cursor', 1000000000)`.execute(world.db);
      const key = OURS.publicKeys[0]!;
      await world.log(event('', { type: 'seals.began', at: ago(130), data: { log: LOG, head: 0, key } }));
      const listed = (days: number, what: string) =>
        event('', { type: 'tools.listed', at: ago(days), server: 'prometheus', data: { what } });
      await oldStretch(
        130,
        listed(130, 'older'),
        event('', { type: 'freeze.set', at: ago(130), data: { id: 'fz_1' } }),
      );
      await oldStretch(120, ...storyAt(ago(120)), listed(120, 'newest'));
      await oldStretch(110);
      await oldStretch(60);
      await world.log(event('today'), event('too'));
      await world.sign();
      uncut = await world.exported();
    });
    after(async () => {
      await world.close();
      await rm(folder, { recursive: true, force: true });
    });

    test('nothing leaves a database while an alarm stands, and nothing without words in the config', async () => {
      const idle = [{ alarms: { why: 'went_back' } }, { rules: { retention: null } }] as never[];
      for (const part of idle) assert.equal(await new LogArchiver().run({ ...partsWith(), ...(part as object) }), null);
      assert.equal(await cutsLogged(), 0);
    });

    test('P7: what died at any step goes on, and cuts once', async () => {
      const total = await rows();
      const dies = (): never => {
        throw new Error('killed');
      };
      const archiveThat = (change: (made: Archive) => Partial<Archive>) => (at: ArchivePlace) => {
        const made = openArchiveAt(at);
        return { ...made, ...change(made) };
      };
      const thenDies =
        <A extends unknown[]>(work: (...args: A) => Promise<unknown>) =>
        async (...args: A): Promise<never> => {
          await work(...args);
          return dies();
        };
      const { ledger } = world;
      const deaths: [string, ArchiverParts][] = [
        [
          'before the file',
          partsWith(
            ledger,
            archiveThat(() => ({ write: dies })),
          ),
        ],
        [
          'after the file',
          partsWith(
            ledger,
            archiveThat(({ write }) => ({ write: thenDies(write) }) as never),
          ),
        ],
        [
          'after the head',
          partsWith(
            ledger,
            archiveThat(({ publish }) => ({ publish: thenDies(publish) }) as never),
          ),
        ],
        ['before the event', partsWith({ ...ledger, recordCut: dies })],
        ['after the event', partsWith({ ...ledger, recordCut: thenDies(ledger.recordCut) as never })],
        ['before the signature', { ...partsWith(), checkpointSigner: { sign: dies } as never }],
        ['and then it is signed', partsWith()],
        ['before proofs are kept', partsWith({ ...ledger, keepLinks: dies })],
        ['after proofs are kept', partsWith({ ...ledger, keepLinks: thenDies(ledger.keepLinks) as never })],
        [
          'in the middle of deleting',
          partsWith({
            ...ledger,
            removeCut: async (cut, beyond) => {
              await ledger.removeCut(cut, beyond, 5);
              return dies();
            },
          }),
        ],
      ];
      for (const [what, parts] of deaths) {
        await new LogArchiver().run(parts);
        await world.store.seal(10_000);
        const { report } = await world.verify();
        assert.deepEqual(report.faults, [], what);
      }
      assert.ok((await rows()) < total, 'deleting had begun');
      await archiveAll();
      assert.equal(await cutsLogged(), 1);
      assert.ok((await rows()) < total - 25, 'old events are out of the database');
    });

    test('P7: segments and database are one log, from its first event', async () => {
      const found = await whole();
      assert.deepEqual([found.report.faults, found.segmentProblems, found.problems], [[], [], []]);
      const { events, since, covered } = found.report;
      assert.equal(since, 0);
      assert.ok(covered > 0);
      const head = await sql<{ head: string }>`select max(seq) as head from holdfast.events`.execute(world.db);
      assert.equal(events, Number(head.rows[0]!.head));
    });

    test('P7: the database alone is verified from the cut on, and says so', async () => {
      const { report } = await world.verify();
      assert.deepEqual(report.faults, []);
      const [cut] = await world.ledger.cuts();
      assert.equal(report.since, cut!.to);
      assert.ok(report.cuts.some(({ to }) => to === report.since));
      const look = await sqlRecords(world.db, TEST_SEALS).chain(5_000);
      assert.deepEqual([look.misfit, look.cut?.to], [null, cut!.to]);
    });

    test('P7: so is an export, with and without segments', async () => {
      const lines = await world.exported();
      const alone = await verifyExport(each(lines), TRUST, evidenceProof());
      assert.deepEqual([alone.report.faults, alone.problems], [[], []]);
      assert.ok(alone.report.since > 0);
      const both = await verifyExport(each(lines), TRUST, evidenceProof(), await segmentsIn());
      assert.deepEqual([both.report.faults, both.segmentProblems, both.problems, both.report.since], [[], [], [], 0]);
    });

    test('P1: what decides as long as the log lasts stays, with its proof', async () => {
      const [cut] = await world.ledger.cuts();
      const stays = await sql<{ type: string; data: string }>`
        select type, body::json ->> 'data' as data from holdfast.events where seq <= ${cut!.to} order by seq`.execute(
        world.db,
      );
      assert.deepEqual(
        stays.rows.map(({ type }) => type),
        ['seals.began', 'freeze.set', 'tools.listed'],
      );
      assert.match(stays.rows[2]!.data, /newest/);
      const story = await sqlRecords(world.db, TEST_SEALS).keyStory();
      assert.deepEqual([story.length, story[0]!.fits], [1, true]);
    });

    test('P7: evidence of an archived decision is taken from segments, and fits', async () => {
      const records = { ...sqlRecords(world.db, TEST_SEALS), policyText: async () => null };
      const live = await takeEvidence(world.gateway, records, APPROVAL);
      assert.equal(live.kind, 'archived');
      const story = new ArchivedStory(APPROVAL);
      const files = await segmentFolder(archive);
      for (const { line } of files.heads) {
        const head = readSegmentHead(readSegmentLine(line)!.text)!;
        for await (const lines of files.read(head.file).portions) for (const text of lines) story.line(text);
      }
      for await (const part of exportLog(world.ledger, new Date(), []))
        for (const line of part.split('\n')) story.line(line);
      const parts = { clock: world.gateway.clock, ledger: story.ledger, vault: OURS };
      const taken = await takeEvidence(parts, story.records(records), APPROVAL);
      assert.equal(taken.kind, 'taken');
      const report = judgeEvidence(readEvidenceLine(taken.kind === 'taken' ? taken.line : ''), TRUST, evidenceProof());
      assert.deepEqual([report.faults, report.covered, report.steps.length], [[], 4, 4]);
    });

    test('P7: evidence of what came later fits, with key events of which only the proof is left', async () => {
      const later = `ap_${'1'.repeat(26)}`;
      await world.log(...storyAt(new Date()).map((one) => ({ ...one, approval: later })));
      await world.sign();
      const taken = await takeEvidence(world.gateway, sqlRecords(world.db, TEST_SEALS), later);
      assert.equal(taken.kind, 'taken');
      const report = judgeEvidence(readEvidenceLine(taken.kind === 'taken' ? taken.line : ''), TRUST, evidenceProof());
      assert.deepEqual([report.faults, report.covered], [[], 4]);
    });

    test('P7: a copy of an event that was cut is not chained again', async () => {
      const old = event('old', { at: ago(120), type: 'call.denied' });
      await world.store.append([old]);
      const { foreign } = await world.store.seal(100);
      // Chained when it was written, as this process wrote it; one that comes later is told.
      await sql`update holdfast.events set seq = null, hash = null where body like '%"what":"old"%'`.execute(world.db);
      const again = await world.store.seal(100);
      assert.deepEqual([foreign.length, again.foreign.map(({ field }) => field)], [0, ['seal']]);
      await sql`delete from holdfast.events where body like '%"what":"old"%'`.execute(world.db);
    });

    test('two replicas archive at once, and a later stretch follows the first', async () => {
      const rules = {
        approval: { pickupMs: 60_000 },
        retention: { retainMs: 30 * DAY, archive: folderAt(archive) },
      } as never;
      const [one, other] = [new LogArchiver(), new LogArchiver()];
      const parts = { ...partsWith(), rules };
      await Promise.all([one.run(parts), other.run(parts)]);
      await world.store.seal(10_000);
      await archiveAll(parts, one);
      assert.equal(await cutsLogged(), 2);
      const found = await whole();
      assert.deepEqual([found.report.faults, found.segmentProblems, found.segments], [[], [], 2]);
    });

    /** `named`: what the first thing that is found says. */
    interface Spoiled {
      readonly what: string;
      readonly named: RegExp;
      spoil(at: string, heads: readonly string[], files: readonly string[]): Promise<void>;
    }
    const SPOILED: readonly Spoiled[] = [
      {
        what: 'the first segment is left out',
        named: /segment 1 is missing: events 1 to \d+/,
        spoil: (at, heads) => rm(join(at, heads[0]!)),
      },
      {
        what: 'the last segment is left out',
        named: /events \d+ to \d+ were cut, and are in no segment that is there \(after segment 1\)/,
        spoil: (at, heads) => rm(join(at, heads[1]!)),
      },
      {
        what: 'the lines of one are left out',
        named: /segment 1 .* cannot be read: ENOENT/,
        spoil: (at, _, files) => rm(join(at, files[0]!)),
      },
      {
        what: 'one is put in twice',
        named: /segment 1 is there twice/,
        spoil: (at, heads) => cp(join(at, heads[0]!), join(at, `z${heads[0]}`)),
      },
      {
        what: 'two files are swapped',
        named: /was changed: it is not what the head of segment 1 names/,
        spoil: async (at, _, files) => {
          await rename(join(at, files[0]!), join(at, 'x'));
          await rename(join(at, files[1]!), join(at, files[0]!));
          await rename(join(at, 'x'), join(at, files[1]!));
        },
      },
      {
        what: 'one octet of the lines is changed',
        named: /segment 1 .* cannot be read|was changed: it is not what the head of segment 1 names/,
        spoil: async (at, _, files) => {
          const octets = await readFile(join(at, files[0]!));
          octets[Math.floor(octets.length / 2)]! ^= 1;
          await writeFile(join(at, files[0]!), octets);
        },
      },
      {
        what: 'the end of the lines is cut off',
        named: /segment 1 .* cannot be read/,
        spoil: async (at, _, files) => {
          const octets = await readFile(join(at, files[0]!));
          await writeFile(join(at, files[0]!), octets.subarray(0, octets.length - 40));
        },
      },
      {
        what: 'a head is changed',
        named: /the signature of the head of segment 2 does not match/,
        spoil: async (at, heads) => {
          const text = await readFile(join(at, heads[1]!), 'utf8');
          await writeFile(join(at, heads[1]!), text.replace('"events":', '"events":1'));
        },
      },
      {
        what: 'a head is signed by somebody else',
        named: /has another head than event \d+ of the log names/,
        spoil: (at, heads) => resigned(at, heads[1]!, (text) => text),
      },
      {
        what: 'a head of a shorter segment is signed with our own key',
        named: /ends at event \d+, and event \d+ of the log says that it was cut up to \d+|does not hold events/,
        spoil: (at, heads) =>
          resigned(at, heads[1]!, (text) => text.replace(/"to":(\d+)/, (_, to) => `"to":${Number(to) - 1}`), OURS),
      },
      {
        what: 'a segment of another log is among them',
        named: /is of another log/,
        spoil: (at, heads) =>
          resigned(at, heads[1]!, (text) => text.replace(`"log":"${LOG}"`, '"log":"log_other"'), OURS),
      },
    ];

    async function resigned(
      at: string,
      file: string,
      change: (text: string) => string,
      by = vault(['a stranger’s secret, long']),
    ) {
      const { text } = readSegmentLine(await readFile(join(at, file), 'utf8'))!;
      const key = by.publicKeys[0]!;
      const forged = change(text).replace(OURS.publicKeys[0]!, key);
      await writeFile(join(at, file), segmentLine({ text: forged, signature: by.sign(forged) }));
    }

    for (const { what, named, spoil } of SPOILED) {
      test(`P7: it shows when ${what}`, async () => {
        const at = await mkdtemp(join(folder, 'spoiled-'));
        await cp(archive, at, { recursive: true });
        const names = (await readdir(at)).sort();
        const heads = names.filter((name) => name.endsWith('.head.json'));
        // Others are of a process that died before it had a head.
        const files = await Promise.all(
          heads.map(
            async (head) => readSegmentHead(readSegmentLine(await readFile(join(at, head), 'utf8'))!.text)!.file,
          ),
        );
        await spoil(at, heads, files);
        const found = await whole(at);
        assert.ok(
          found.segmentProblems!.some((problem) => named.test(problem)),
          JSON.stringify(found.segmentProblems),
        );
        const alone = await verifySegments(await segmentsIn(at), TRUST, evidenceProof());
        const isSeenAlone = !/last segment|shorter|somebody else/.test(what);
        if (isSeenAlone) assert.ok(alone.segmentProblems!.length + alone.report.faults.length > 0);
      });
    }

    test('P7: segments alone are believed by a key that the auditor has only', async () => {
      const ours = await verifySegments(await segmentsIn(), TRUST, evidenceProof());
      assert.deepEqual([ours.report.faults, ours.segmentProblems], [[], []]);
      const trust = { keys: vault(['a stranger’s secret, long']).publicKeys, elsewhere: [] };
      const others = await verifySegments(await segmentsIn(), trust, evidenceProof());
      assert.ok(others.report.faults.some(({ kind: fault }) => fault === 'foreign_key'));
    });

    test('P7: an export from before the cut is compared, event by event, with the segments that hold the same', async () => {
      const same = await verifyExport(each(uncut), TRUST, evidenceProof(), await segmentsIn());
      assert.deepEqual([same.report.faults, same.segmentProblems, same.problems], [[], [], []]);
      const [cut] = await world.ledger.cuts();
      assert.ok(same.compared! >= cut!.to, `${same.compared} of ${cut!.to}`);
      const nth = uncut.findIndex((line) => line.includes('"what":"120 3"'));
      const { seq } = JSON.parse(uncut[nth]!) as { seq: number };
      const changes: [string, (line: string) => string[], RegExp][] = [
        ['text', (line) => [line.replace('120 3', '120 4')], /its text differs/],
        ['hash', (line) => [line.replace(/"hash":"./, '"hash":"x')], /not a line of an export/],
        ['other hash', (line) => [line.replace(/"hash":"[0-9a-f]{8}/, '"hash":"00000000')], /its hash differs/],
        ['twice', (line) => [line, line], /has more than one event/],
      ];
      for (const [what, change, named] of changes) {
        const lines = uncut.toSpliced(nth, 1, ...change(uncut[nth]!));
        const found = await verifyExport(each(lines), TRUST, evidenceProof(), await segmentsIn());
        const said = [...found.segmentProblems!, ...found.problems];
        assert.ok(
          said.some((problem) => named.test(problem)),
          `${what}: ${JSON.stringify(said)}`,
        );
        if (what === 'text') assert.ok(said[0]!.includes(`event ${seq} in the export`), said[0]);
      }
    });

    test('P7: an event of an export that stands where nothing is compared with it is told', async () => {
      const nth = uncut.findIndex((line) => line.includes('"what":"120 3"'));
      const forged = uncut[nth]!.replace('120 3', '120 4');
      const rest = uncut.toSpliced(nth, 1);
      const isEvent = (line: string): boolean => line.startsWith('{"n":');
      const unsealed = forged.replace(/"seq":\d+,"hash":"\w+"/, '"seq":null,"hash":null');
      const ends = (lines: readonly string[], more: number): string[] =>
        lines.map((line) => line.replace(/"unsealed":\d+/, `"unsealed":${more}`));
      for (const lines of [
        // Two events later; at the end; behind one that is not sealed.
        rest.toSpliced(nth + 2, 0, forged),
        rest.toSpliced(-1, 0, forged),
        ends(rest.toSpliced(nth, 0, forged).toSpliced(rest.findIndex(isEvent), 0, unsealed), 1),
      ]) {
        const found = await verifyExport(each(lines), TRUST, evidenceProof(), await segmentsIn());
        const said = [...found.segmentProblems!, ...found.problems];
        assert.ok(
          said.some((problem) => /is not in its place: event \d+ stands/.test(problem)),
          JSON.stringify([said, found.report.faults]),
        );
      }
    });

    test('P7: what stayed in the database is compared with the segments: changed, filed elsewhere, moved or gone, it shows', async () => {
      const fine = await whole();
      assert.deepEqual([fine.segmentProblems, fine.unmatched], [[], 0]);
      assert.ok(fine.compared! >= 3, `${fine.compared}`);
      const undo = new Error('undo');
      const frozen = sql`type = 'freeze.set' and seq < 100`;
      const changes: [ReturnType<typeof sql>, RegExp][] = [
        [sql`update holdfast.events set body = replace(body, 'fz_1', 'fz_2') where ${frozen}`, /its text differs/],
        [sql`update holdfast.events set hash = repeat('0', 64) where ${frozen}`, /its hash differs/],
        [
          sql`update holdfast.events set actor = 'somebody' where ${frozen}`,
          /is filed under another type, time, actor/,
        ],
        [
          sql`update holdfast.events set seq = seq + 1 where ${frozen}`,
          /text and hash differ|\(freeze\.set\).* is not there/,
        ],
        [
          sql`delete from holdfast.events where ${frozen}`,
          /event \d+ \(freeze\.set\) of segment 1 has to stay in the database/,
        ],
      ];
      for (const [change, named] of changes) {
        const tried = world.db.transaction().execute(async (trx) => {
          await change.execute(trx);
          const found = await whole(archive, sqlLedger(trx as never, TEST_SEALS));
          assert.ok(
            found.segmentProblems!.some((problem) => named.test(problem)),
            `${named}: ${JSON.stringify(found.segmentProblems)}`,
          );
          throw undo;
        });
        await assert.rejects(tried, undo);
      }
    });

    test('P7: a cut while segments are read accuses nobody', async () => {
      const files = await segmentFolder(archive);
      const listed = new FolderReader({ ...files, heads: files.heads.slice(0, -1) });
      const read = listed.read.bind(listed);
      let isRead = false;
      listed.read = async (...given) => {
        await read(...given);
        isRead = true;
      };
      const moving: Ledger = {
        ...world.ledger,
        cuts: async () => (await world.ledger.cuts()).slice(isRead ? 0 : 1),
      };
      await assert.rejects(
        verifyLedger(moving, TRUST, evidenceProof(), listed),
        /was cut up to event \d+ while it was read/,
      );
    });

    test('P7: a log that begins later than a signed cut says is broken', async () => {
      const lines = await world.exported();
      const first = lines.findIndex((line) => line.startsWith('{"n":'));
      const later = await verifyExport(each(lines.toSpliced(first, 1)), TRUST, evidenceProof());
      assert.equal(later.report.faults[0]?.kind, 'removed');
      const { seq, hash } = JSON.parse(lines[first]!) as { seq: number; hash: string };
      const header = lines[0]!.replace(/"seq":\d+,"hash":"[0-9a-f]{64}"/, `"seq":${seq},"hash":"${hash}"`);
      assert.notEqual(header, lines[0]);
      const claimed = await verifyExport(
        each([header, ...lines.slice(1).toSpliced(first - 1, 1)]),
        TRUST,
        evidenceProof(),
      );
      const kinds = claimed.report.faults.map((fault) => fault.kind);
      assert.ok(kinds.includes('cut_unsigned'), JSON.stringify(kinds));
    });

    test('P7: a witness that knows the log up to what was cut raises no alarm, and one that knows another log does', async () => {
      const [cut] = await world.ledger.cuts();
      const alarmOf = async (
        known: { seq: number; hash: string },
        ledger: Ledger = world.ledger,
      ): Promise<string | null> => {
        const alarms = new Alarms();
        const state = { log: LOG, accepted: 0, checkpoint: 1, sets: [], settled: null, ...known };
        const board = {
          read: async () => ({ state, lost: [], otherLogs: [], passes: [] }),
          logsAt: async () => [LOG],
          known: () => [],
          hasEnded: () => true,
          keep: async () => undefined,
          close: async () => undefined,
        };
        const watch = new StoreWatch({
          ...{ store: world.store, ledger, log: written.log, alarms, sets: new SetWatch(), clock: world.gateway.clock },
          ...{ place: 'here', lastCopy: async () => ({ ...known, signature: 's' }), pickupMs: () => 60_000 },
          alarmEvents: { tell: () => undefined, flush: async () => undefined } as never,
          board: board as never,
        });
        await watch.start({ log: LOG, head: 0 });
        await watch.stop();
        return alarms.why;
      };
      assert.equal(await alarmOf({ seq: cut!.to - 3, hash: 'b'.repeat(64) }), null);
      assert.equal(await alarmOf({ seq: cut!.to, hash: cut!.last }), null);
      assert.notEqual(await alarmOf({ seq: cut!.to, hash: 'b'.repeat(64) }), null);
      const unsigned = { ...world.ledger, cuts: async () => [{ ...cut!, covered: false }] };
      assert.notEqual(await alarmOf({ seq: cut!.to - 3, hash: 'b'.repeat(64) }, unsigned), null);
    });

    test('P7: what is deleted for good leaves by a signed cut, too, and what is archived later is whole by itself', async () => {
      const fresh = await auditWorld(kind);
      const into = join(folder, 'later');
      try {
        await sql`insert into holdfast.epoch (log, head, at, seal) values (${LOG}, 0, now(), 'none')`.execute(fresh.db);
        await sql`insert into holdfast.oversight_cursor (id, seq) values ('cursor', 1000000000)`.execute(fresh.db);
        for (const days of [150, 110, 1]) {
          await fresh.log(...Array.from({ length: 9 }, (_, n) => event(`${days} ${n}`, { at: ago(days) })));
          await fresh.signer.sign({ ...fresh.gateway, clock: { now: () => ago(days - 0.5) } });
          await fresh.store.seal(1_000);
        }
        const run = async (retainMs: number, archive: string | null): Promise<void> => {
          const place = archive === null ? null : folderAt(archive);
          const rules = { approval: { pickupMs: 60_000 }, retention: { retainMs, archive: place } } as never;
          const parts = { ...partsWith(fresh.ledger), rules, store: fresh.store, checkpointSigner: fresh.signer };
          const archiver = new LogArchiver();
          for (let step = 0; step < 9 && (await archiver.run(parts)) === 2_000; step += 1)
            await fresh.store.seal(1_000);
        };
        await run(140 * DAY, null);
        assert.deepEqual(
          (await fresh.ledger.cuts()).map(({ head }) => head),
          [null],
        );
        const alone = await verifyLedger(fresh.ledger, TRUST, evidenceProof());
        assert.deepEqual([alone.report.faults, alone.report.since > 0], [[], true]);
        await run(90 * DAY, into);
        const found = await whole(into, fresh.ledger);
        assert.deepEqual([found.report.faults, found.segmentProblems, found.segments], [[], [], 1]);
        assert.deepEqual(
          found.deleted!.map(({ segment }) => segment),
          [1],
        );
      } finally {
        await fresh.close();
      }
    });

    test('another place goes on where the old one ended, however much stayed of what that has', async () => {
      const fresh = await auditWorld(kind);
      try {
        await sql`insert into holdfast.epoch (log, head, at, seal) values (${LOG}, 0, now(), 'none')`.execute(fresh.db);
        await sql`insert into holdfast.oversight_cursor (id, seq) values ('cursor', 1000000000)`.execute(fresh.db);
        for (const days of [150, 110, 1]) {
          const stays = Array.from({ length: days === 150 ? 205 : 0 }, (_, n) =>
            event('', { type: 'freeze.lifted', at: ago(days), data: { id: `fz_${n}` } }),
          );
          const filler = Array.from({ length: 9 }, (_, n) => event(`${days} ${n}`, { at: ago(days) }));
          await fresh.log(...stays, ...filler);
          await fresh.signer.sign({ ...fresh.gateway, clock: { now: () => ago(days - 0.5) } });
          await fresh.store.seal(1_000);
        }
        for (const [nth, days] of [140, 90].entries()) {
          const place = folderAt(join(folder, `many ${nth}`));
          const retention = { retainMs: days * DAY, archive: place };
          const rules = { approval: { pickupMs: 60_000 }, retention } as never;
          const parts = { ...partsWith(fresh.ledger), rules, store: fresh.store, checkpointSigner: fresh.signer };
          const archiver = new LogArchiver();
          for (let step = 0; step < 9 && (await archiver.run(parts)) === 2_000; step += 1)
            await fresh.store.seal(1_000);
          assert.equal((await fresh.ledger.cuts()).length, nth + 1, written.lines.at(-1));
        }
      } finally {
        await fresh.close();
      }
    });

    test('P7: a stretch that was deleted for good between segments is named with the event that says so, and nothing else may be missing', async () => {
      const fresh = await auditWorld(kind);
      const into = join(folder, 'between');
      try {
        await sql`insert into holdfast.epoch (log, head, at, seal) values (${LOG}, 0, now(), 'none')`.execute(fresh.db);
        await sql`insert into holdfast.oversight_cursor (id, seq) values ('cursor', 1000000000)`.execute(fresh.db);
        for (const days of [150, 130, 110, 90, 1]) {
          const story = days === 110 ? storyAt(ago(days)) : [];
          const filler = Array.from({ length: 9 }, (_, n) => event(`${days} ${n}`, { at: ago(days) }));
          await fresh.log(...filler, ...story);
          await fresh.signer.sign({ ...fresh.gateway, clock: { now: () => ago(days - 0.5) } });
          await fresh.store.seal(1_000);
        }
        const run = async (days: number, place: ArchivePlace | null): Promise<void> => {
          const rules = {
            approval: { pickupMs: 60_000 },
            retention: { retainMs: days * DAY, archive: place },
          } as never;
          const parts = { ...partsWith(fresh.ledger), rules, store: fresh.store, checkpointSigner: fresh.signer };
          const archiver = new LogArchiver();
          for (let step = 0; step < 9 && (await archiver.run(parts)) === 2_000; step += 1)
            await fresh.store.seal(1_000);
        };
        await run(140, folderAt(into));
        await run(120, null);
        const ended = await whole(into, fresh.ledger);
        assert.deepEqual([ended.report.faults, ended.segmentProblems, ended.deleted?.length], [[], [], 1]);
        await run(100, folderAt(into));
        const found = await whole(into, fresh.ledger);
        assert.deepEqual([found.report.faults, found.segmentProblems, found.segments], [[], [], 2]);
        const [gone] = found.deleted!;
        assert.equal(gone!.segment, 2);
        const says = reportText(found.report, { ...found, problems: [], stale: null, wentBack: null });
        assert.match(String(says), /^FITS[\s\S]*events \d+ to \d+ are gone: the gateway deleted them/);
        const lines: string[] = [];
        for await (const part of exportLog(fresh.ledger, new Date(), OURS.publicKeys))
          lines.push(...part.trimEnd().split('\n'));
        const both = await verifyExport(each(lines), TRUST, evidenceProof(), await segmentsIn(into));
        assert.deepEqual([both.report.faults, both.segmentProblems, both.problems], [[], [], []]);

        // Evidence is taken across the gap.
        const story = new ArchivedStory(APPROVAL);
        const files = await segmentFolder(into);
        for (const { line } of files.heads) {
          const head = readSegmentHead(readSegmentLine(line)!.text)!;
          for await (const lines of files.read(head.file).portions) for (const text of lines) story.line(text);
        }
        for (const line of lines) story.line(line);
        const records = { ...sqlRecords(fresh.db, TEST_SEALS), policyText: async () => null };
        const parts = { clock: fresh.gateway.clock, ledger: story.ledger, vault: OURS };
        const taken = await takeEvidence(parts, story.records(records), APPROVAL);
        const judged = judgeEvidence(
          readEvidenceLine(taken.kind === 'taken' ? taken.line : ''),
          TRUST,
          evidenceProof(),
        );
        assert.deepEqual([judged.faults, judged.covered], [[], 4]);

        // An export begins behind the cut: what it says of the gap nobody can compare.
        const early = lines.toSpliced(1, 0, lines[1]!.replace(/"seq":\d+/, `"seq":${gone!.from}`));
        const counted = early.with(
          -1,
          early.at(-1)!.replace(/\d+/, (events) => `${Number(events) + 1}`),
        );
        const told = await verifyExport(each(counted), TRUST, evidenceProof(), await segmentsIn(into));
        assert.match(told.problems.join(), /line 2 is not in its place/);

        // Without the cut's event, or with a segment taken away too, it is an accusation again.
        const without = lines.filter((line) => !(line.includes('"type":"log.cut"') && line.includes('"segment":2')));
        assert.notEqual(without.length, lines.length);
        const accused = await verifyExport(each(without), TRUST, evidenceProof(), await segmentsIn(into));
        assert.ok(accused.report.faults.some(({ kind: fault }) => fault === 'removed'));
        const heads = (await readdir(into)).filter((name) => name.endsWith('.head.json')).sort();
        await rm(join(into, heads[0]!));
        const less = await whole(into, fresh.ledger);
        assert.ok(
          less.segmentProblems!.some((problem) => /segment 1 is missing/.test(problem)),
          JSON.stringify(less),
        );
      } finally {
        await fresh.close();
      }
    });

    test('P7: a role that may only call the function deletes nothing that no signed cut names', async () => {
      const [cut] = await world.ledger.cuts();
      const wrong = [
        sql`select * from holdfast.cut_events(${cut!.n}, ${cut!.to + 1}, 0, 10)`,
        sql`select * from holdfast.cut_events(1, ${cut!.to}, 0, 10)`,
      ];
      for (const statement of wrong) await assert.rejects(statement.execute(world.db), /no signed cut covers/);
    });

    test('P1: nor what stops something, though nothing says any more that it stays', async () => {
      const [cut] = await world.ledger.cuts();
      const undo = new Error('undo');
      const tried = world.db.transaction().execute(async (trx) => {
        await sql`delete from holdfast.links`.execute(trx);
        await sql`select * from holdfast.cut_events(${cut!.n}, ${cut!.to}, 0, 100000)`.execute(trx);
        const left = await sql<{ type: string }>`
          select type from holdfast.events where seq <= ${cut!.to} order by seq`.execute(trx);
        assert.deepEqual(
          left.rows.map(({ type }) => type),
          ['seals.began', 'freeze.set'],
        );
        throw undo;
      });
      await assert.rejects(tried, undo);
    });

    test('P1: what stays keeps its link where it comes right after a cut, and a link of somebody else’s keeps nothing', async () => {
      const at = 9_000_001;
      const link = (seq: number) => ({ seq, previous: 'p', checkpoint: null, path: [] });
      await world.ledger.keepLinks([link(at)], { seq: at, previous: 'p' });
      assert.equal((await world.ledger.link(at))?.seq, at);
      await sql`insert into holdfast.links (seq, previous, kept, path) values (${at + 1}, 'p', false, '')`.execute(
        world.db,
      );
      await assert.rejects(world.ledger.keepLinks([link(at + 1)], { seq: at + 5, previous: 'p' }));
      await sql`delete from holdfast.links where seq >= ${at}`.execute(world.db);
    });

    test('P7: a database from before the cut takes the segment that is there, and one that went another way does not', async () => {
      const again = await auditWorld(kind);
      try {
        await sql`insert into holdfast.epoch (log, head, at, seal) values (${LOG}, 0, now(), 'none')`.execute(again.db);
        await sql`insert into holdfast.oversight_cursor (id, seq) values ('cursor', 1000000000)`.execute(again.db);
        await restored(again.db);
        const parts = { ...partsWith(again.ledger), store: again.store, checkpointSigner: again.signer };
        const archiver = new LogArchiver();
        assert.equal(await archiver.run(parts), 2_000, written.lines.at(-1));
        assert.equal((await again.ledger.cuts())[0]?.head, (await world.ledger.cuts()).at(-1)!.head);
        const fresh = await auditWorld(kind);
        try {
          await sql`insert into holdfast.epoch (log, head, at, seal) values (${LOG}, 0, now(), 'none')`.execute(
            fresh.db,
          );
          await sql`insert into holdfast.oversight_cursor (id, seq) values ('cursor', 1000000000)`.execute(fresh.db);
          for (const days of [120, 1]) {
            await fresh.log(...Array.from({ length: 9 }, (_, n) => event(`other ${n}`, { at: ago(days) })));
            await fresh.signer.sign({ ...fresh.gateway, clock: { now: () => ago(days - 0.5) } });
            await fresh.store.seal(1_000);
          }
          const others = { ...partsWith(fresh.ledger), store: fresh.store, checkpointSigner: fresh.signer };
          await new LogArchiver().run(others);
          assert.equal((await fresh.ledger.cuts()).length, 0);
          assert.match(written.lines.at(-1)!, /has a segment 1 that ends at event/);
        } finally {
          await fresh.close();
        }
      } finally {
        await again.close();
      }
    });

    /** The log as it was before anything was cut, from the segments and what is there. */
    async function restored(db: Kysely<Tables>): Promise<void> {
      const files = await segmentFolder(archive);
      const lines: string[] = [];
      for (const { line } of files.heads) {
        const head = readSegmentHead(readSegmentLine(line)!.text)!;
        for await (const portion of files.read(head.file).portions) lines.push(...portion);
      }
      for (const text of lines) {
        if (text.startsWith('{"n":')) {
          const { seq, hash } = JSON.parse(text) as { seq: number; hash: string };
          const body = text.slice(text.indexOf('"event":') + 8, -1);
          const { type, at, actor } = JSON.parse(body) as { type: string; at: string; actor: string };
          await db
            .insertInto('holdfast.events')
            .values({ type, at: new Date(at), actor, body, seq: String(seq), hash })
            .execute();
        }
        if (!text.startsWith('{"checkpoint":')) continue;
        const found = /^\{"checkpoint":(\{[^{}]*\}),"signature":"([0-9a-f]*)"\}$/.exec(text)!;
        const said = JSON.parse(found[1]!) as { seq: number; hash: string; at: string };
        const row = {
          seq: String(said.seq),
          hash: said.hash,
          at: new Date(said.at),
          body: found[1]!,
          signature: found[2]!,
        };
        await db.insertInto('holdfast.checkpoints').values(row).execute();
      }
    }
  });
}
