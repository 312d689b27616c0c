import assert from 'node:assert/strict';
import {
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { passKey, type SpentPass } from '../../../src/domain/log/witness-entry.ts';
import { WitnessBoard } from '../../../src/gateway/log/witness-board.ts';
import type { Witness, WitnessedState } from '../../../src/ports.ts';
import { redisWitness } from '../../../src/queue/redis-witness.ts';
import { type FileWitnessSettings, fileWitness } from '../../../src/sink/file-witness.ts';
import { earlierOf } from '../../../src/time/two-clocks.ts';
import { rowSeals } from '../../../src/vault/row-seals.ts';
import { witnessOver } from '../../support/gateway/witness-wire.ts';
import { bootWitnessObject, type LocalWorker } from '../../support/gateway/worker.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { skipWithout, startRedis, type TestServer } from '../../support/store/servers.ts';
import { eventually } from '../../support/wait.ts';

const clock = { now: () => new Date() };
const open: Witness[] = [];
after(async () => {
  for (const one of open) await one.close();
});

/** A witness in a data directory, which keeps its file open; closed when all is over. */
function fileAt(data: string, replica: string, more: Partial<FileWitnessSettings> = {}): Witness {
  const witness = fileWitness({ data, replica, seals: TEST_SEALS, clock, log, ...more });
  open.push(witness);
  return witness;
}

/** This process's descriptors of a file. */
function descriptorsOf(path: string): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  });
}

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const LOG = 'log_one';
let made = 0;

function pass(more: Partial<SpentPass> = {}): SpentPass {
  made += 1;
  const now = Date.now();
  return {
    ...{ approval: `ap_${made}`, round: 0, revision: 3, at: new Date(now), until: new Date(now + 3_600_000) },
    ...{ server: 'tools', tool: 'create_key', grant: 'agent', fingerprint: 'f'.repeat(64), returned: false },
    ...more,
  };
}

function state(more: Partial<WitnessedState> = {}): WitnessedState {
  const sets = [{ name: 'revocations', version: 1, count: 0, digest: '0'.repeat(64) }];
  return { log: LOG, accepted: 0, seq: 5, hash: 'a'.repeat(64), checkpoint: 4, sets, settled: null, ...more };
}

interface Place {
  /** Another process at the same place. */
  open(): Witness;
  close(): Promise<void>;
}

const KINDS: Record<string, { skip: string | false; place: () => Promise<Place> }> = {
  Redis: {
    skip: skipWithout('redis'),
    place: async () => {
      const server = await startRedis();
      const opened: Witness[] = [];
      return {
        open: () => {
          const witness = redisWitness({ url: server.url, seals: TEST_SEALS, log });
          opened.push(witness);
          return witness;
        },
        close: async () => {
          for (const witness of opened) await witness.close();
          await server.stop();
        },
      };
    },
  },
  'the data directory': {
    skip: false,
    place: async () => {
      const data = mkdtempSync(join(tmpdir(), 'holdfast-witness-'));
      let opened = 0;
      return {
        open: () => {
          opened += 1;
          return fileAt(data, `replica-${opened}`);
        },
        close: async () => rmSync(data, { recursive: true }),
      };
    },
  },
  'a Durable Object’s storage, in workerd': {
    skip: false,
    place: async () => {
      const persist = mkdtempSync(join(tmpdir(), 'holdfast-object-'));
      const worker = await bootWitnessObject(persist);
      return {
        open: () => witnessAt(worker),
        close: async () => {
          await worker.stop();
          rmSync(persist, { recursive: true, force: true });
        },
      };
    },
  },
};

/** Each request is served by a new witness on the same storage. */
function witnessAt({ url }: LocalWorker): Witness {
  const ask = async (body: string): Promise<string> => (await fetch(url, { method: 'POST', body })).text();
  return witnessOver(ask, async () => undefined);
}

for (const [name, { skip, place }] of Object.entries(KINDS)) {
  describe(`a witness: ${name}`, { skip }, () => {
    let at: Place;
    before(async () => {
      at = await place();
    });
    after(() => at.close());

    test('P2: it knows what was spent, in this process and the next, and says so once', async () => {
      const one = pass();
      assert.deepEqual(await at.open().spend(LOG, [one]), []);
      const other = at.open();
      assert.deepEqual(await other.spend(LOG, [{ ...one, revision: 9 }, pass()]), [one]);
      const { passes } = await other.read(LOG, Number.POSITIVE_INFINITY);
      assert.ok(passes.some(({ approval, revision }) => approval === one.approval && revision === 3));
    });

    test('P2: what was returned may be spent again, and is known then', async () => {
      const one = pass();
      const witness = at.open();
      await witness.spend(LOG, [one]);
      await witness.correct(LOG, [{ ...one, returned: true }]);
      const again = { ...one, revision: 5 };
      assert.deepEqual(await witness.spend(LOG, [again]), []);
      assert.deepEqual(await at.open().spend(LOG, [{ ...one, revision: 7 }]), [again]);
    });

    test('P2: what has ended is known with its end, and is not sent', async () => {
      const one = pass({ ended: 'lapsed' });
      assert.deepEqual(await at.open().spend(LOG, [one]), []);
      assert.deepEqual(await at.open().spend(LOG, [{ ...pass(), approval: one.approval, revision: 9 }]), [one]);
    });

    test('P2: each round of a call is its own, and nothing is known of another log', async () => {
      const one = pass();
      const witness = at.open();
      await witness.spend(LOG, [one]);
      assert.deepEqual(await witness.spend(LOG, [{ ...one, round: 1 }]), []);
      assert.deepEqual(await witness.spend('log_other', [one]), []);
    });

    test('P7: the later state stays; what an operator accepted replaces it, however far it had come', async () => {
      const witness = at.open();
      await witness.keep(state({ seq: 9 }));
      await witness.keep(state({ seq: 7 }));
      assert.equal((await at.open().read(LOG, 0)).state?.seq, 9);
      await witness.keep(state({ accepted: 1, seq: 2 }));
      assert.deepEqual((await at.open().read(LOG, 0)).state, state({ accepted: 1, seq: 2 }));
    });

    test('P2: what was spent lately is read alone, and what is over is forgotten', async () => {
      const witness = at.open();
      const [one, over] = [pass(), pass({ until: new Date(Date.now() - 60_000) })];
      await witness.spend(LOG, [one]);
      assert.ok((await at.open().read(LOG, 60_000)).passes.some(({ approval }) => approval === one.approval));
      assert.deepEqual((await at.open().read(LOG, -60_000)).passes, []);
      await witness.spend(LOG, [over]);
      await witness.spend(LOG, [pass()]);
      if (name === 'the data directory') return; // It forgets when its file is written anew.
      assert.deepEqual(await at.open().spend(LOG, [over]), []);
    });

    test('P7: it knows which log is at a place', async () => {
      const witness = at.open();
      assert.equal(await witness.logOf('here'), null);
      await witness.bind('here', LOG);
      assert.equal(await at.open().logOf('here'), LOG);
      assert.equal(await at.open().logOf('there'), null);
    });
  });
}

test('P2: what an object remembers is there after workerd was ended and started again', async () => {
  const persist = mkdtempSync(join(tmpdir(), 'holdfast-object-'));
  const one = pass();
  const first = await bootWitnessObject(persist);
  await witnessAt(first).spend(LOG, [one]);
  await witnessAt(first).keep(state({ seq: 9 }));
  await first.stop();
  const second = await bootWitnessObject(persist);
  assert.deepEqual(await witnessAt(second).spend(LOG, [{ ...one, revision: 9 }]), [one]);
  assert.equal((await witnessAt(second).read(LOG, 0)).state?.seq, 9);
  await second.stop();
  rmSync(persist, { recursive: true, force: true });
});

describe('a witness in the data directory', () => {
  const directory = () => mkdtempSync(join(tmpdir(), 'holdfast-witness-'));
  const at = (data: string, replica: string, seals = TEST_SEALS) => fileAt(data, replica, { seals });

  test('P2: torn and forged lines are skipped, the others count; files are for their owner only', async () => {
    const data = directory();
    const [one, two] = [pass(), pass()];
    const first = at(data, 'one');
    await first.spend(LOG, [one]);
    await first.spend(LOG, [two]);
    const path = join(data, 'witness', 'one.jsonl');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(data, 'witness')).mode & 0o777, 0o700);
    const text = readFileSync(path, 'utf8');
    // The second line is torn in the middle; another says of the first pass that it was given back.
    writeFileSync(path, `${text.slice(0, -40)}\n${text.split('\n')[0]!.replace('false]', 'true]')}\n{`);
    const known = (await at(data, 'two').read(LOG, Number.POSITIVE_INFINITY)).passes;
    assert.deepEqual(known, [one]);
    rmSync(data, { recursive: true });
  });

  test('P2: with a wrong secret it refuses, and leaves every file as it is; with the right one all is known again', async () => {
    const data = directory();
    const one = pass();
    await at(data, 'one').spend(LOG, [one]);
    const path = join(data, 'witness', 'one.jsonl');
    const before = readFileSync(path, 'utf8');
    const old = new Date(Date.now() - 3_600_000);
    utimesSync(path, old, old);
    const secrets = ['another secret, long enough to derive keys from it'] as const;
    for (const replica of ['one', 'two']) {
      const stranger = at(data, replica, rowSeals(secrets));
      await assert.rejects(stranger.read(LOG, Number.POSITIVE_INFINITY), /HOLDFAST_SECRET does not list/);
      await assert.rejects(stranger.spend(LOG, [pass()]), /left as it is/);
      assert.deepEqual(readdirSync(join(data, 'witness')), ['one.jsonl']);
      assert.equal(readFileSync(path, 'utf8'), before);
    }
    const retired = rowSeals(secrets);
    retired.retire(new Map([[TEST_SEALS.prefix, 9]]));
    await at(data, 'later', retired).read(LOG, Number.POSITIVE_INFINITY);
    assert.equal(readFileSync(path, 'utf8'), before, 'a secret that was taken out too early can be listed again');
    assert.deepEqual((await at(data, 'right').read(LOG, Number.POSITIVE_INFINITY)).passes, [one]);
    rmSync(data, { recursive: true });
  });

  const away = (data: string) => join(data, 'away');
  for (const [happened, to] of [
    ['was deleted', (path: string) => rmSync(path)],
    ['was deleted with its folder', (path: string) => rmSync(dirname(path), { recursive: true })],
    ['was moved away', (path: string, data: string) => renameSync(path, away(data))],
    [
      'was replaced by an older copy',
      (path: string, data: string) => {
        copyFileSync(path, away(data));
        rmSync(path);
        copyFileSync(away(data), path);
      },
    ],
    ['was emptied where it lies', (path: string) => truncateSync(path)],
  ] as const) {
    test(`P2: what is spent after the file ${happened} is in the file that lies in its place`, async () => {
      const data = directory();
      const witness = at(data, 'one');
      const path = join(data, 'witness', 'one.jsonl');
      const [before, later, last] = [pass(), pass(), pass()];
      await witness.spend(LOG, [before]);
      to(path, data);
      await witness.spend(LOG, [later]);
      await witness.spend(LOG, [last]);
      const { passes } = await at(data, 'reader').read(LOG, Number.POSITIVE_INFINITY);
      const found = new Set(passes.map(({ approval }) => approval));
      assert.ok(found.has(later.approval) && found.has(last.approval));
      // What this process knew is written again where the whole file is gone.
      assert.equal(found.has(before.approval), happened !== 'was emptied where it lies');
      rmSync(data, { recursive: true });
    });
  }

  test('P2: after a write that failed, the next one begins a line of its own, in the file that lies there', async () => {
    const data = directory();
    const witness = at(data, 'one');
    const path = join(data, 'witness', 'one.jsonl');
    await witness.spend(LOG, [pass()]);
    const written = readFileSync(path, 'utf8');
    rmSync(path);
    mkdirSync(path);
    await assert.rejects(witness.spend(LOG, [pass()]));
    rmSync(path, { recursive: true });
    // As far as the disk had room.
    writeFileSync(path, `${written}${written.slice(0, 40)}`);
    const later = pass();
    await witness.spend(LOG, [later]);
    const { passes } = await at(data, 'reader').read(LOG, Number.POSITIVE_INFINITY);
    assert.ok(passes.some(({ approval }) => approval === later.approval));
    rmSync(data, { recursive: true });
  });

  test('P2: what makes the file so long that it is written anew is in the new one', async () => {
    const data = directory();
    const witness = at(data, 'one');
    const path = join(data, 'witness', 'one.jsonl');
    const tool = 't'.repeat(100_000);
    const spent: SpentPass[] = [];
    // 4 MiB make it long.
    for (let n = 0, before = 0; ; n += 1) {
      const one = pass({ tool, until: new Date(Date.now() + (n === 0 ? 1_000 : 3_600_000)) });
      await witness.spend(LOG, [one]);
      spent.push(one);
      const { ino } = statSync(path);
      if (before !== 0 && ino !== before) break;
      before = ino;
      assert.ok(n < 100, 'it is never written anew');
    }
    const found = new Set((await at(data, 'reader').read(LOG, Number.POSITIVE_INFINITY)).passes.map(passKey));
    assert.deepEqual(
      spent.slice(1).filter((one) => !found.has(passKey(one))),
      [],
    );
    rmSync(data, { recursive: true });
  });

  test('P2: its file is open so that each write is durable by itself, and is open no more once it is closed', {
    skip: process.platform === 'linux' ? false : 'elsewhere each write is followed by a sync',
  }, async () => {
    const data = directory();
    const witness = fileWitness({ data, replica: 'one', seals: TEST_SEALS, clock, log });
    await witness.spend(LOG, [pass()]);
    const path = join(data, 'witness', 'one.jsonl');
    const [fd, ...others] = descriptorsOf(path);
    assert.deepEqual(others, []);
    const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!;
    assert.ok((Number.parseInt(flags, 8) & constants.O_DSYNC) === constants.O_DSYNC, flags);
    const late = witness.spend(LOG, [pass()]);
    await Promise.all([witness.close(), late]);
    await witness.spend(LOG, [pass()]);
    assert.deepEqual(descriptorsOf(path), []);
    rmSync(data, { recursive: true });
  });

  test('it takes over what processes that are gone have left, and forgets what is over', async () => {
    const data = directory();
    const [kept, over] = [pass(), pass({ until: new Date(Date.now() - 1) })];
    await at(data, 'dead').spend(LOG, [kept, over]);
    const old = new Date(Date.now() - 3_600_000);
    utimesSync(join(data, 'witness', 'dead.jsonl'), old, old);
    const { passes } = await at(data, 'next').read(LOG, Number.POSITIVE_INFINITY);
    assert.deepEqual(passes, [kept]);
    assert.deepEqual(readdirSync(join(data, 'witness')), ['next.jsonl']);
    assert.doesNotMatch(readFileSync(join(data, 'witness', 'next.jsonl'), 'utf8'), new RegExp(`"${over.approval}"`));
    rmSync(data, { recursive: true });
  });
});

for (const [name, aheadMs, forgets] of [
  ['the database’s clock alone', -10 * 365 * 24 * 3_600_000, false],
  ['both clocks', 0, true],
] as const) {
  test(`P2: what is over by ${name} is ${forgets ? 'forgotten' : 'remembered'}, by the process and by its file`, async () => {
    const data = mkdtempSync(join(tmpdir(), 'holdfast-witness-'));
    const years = { now: () => new Date(Date.now() + 10 * 365 * 24 * 3_600_000), aheadMs };
    const spent = pass({ until: new Date(Date.now() + 3_600_000) });
    const from = (replica: string, by: typeof years) => fileAt(data, replica, { clock: by });
    const board = new WitnessBoard([from('one', { now: () => new Date(), aheadMs: 0 })], log);
    assert.equal((await board.spend(LOG, [spent])).kind, 'recorded');
    assert.equal(board.known(earlierOf(years)).length, forgets ? 0 : 1);
    // It starts while the clock is wrong, and writes its file anew; then another does, when the clock is right again.
    const old = new Date(Date.now() - 3_600_000);
    utimesSync(join(data, 'witness', 'one.jsonl'), old, old);
    await from('two', years).read(LOG, Number.POSITIVE_INFINITY);
    const right = from('three', { now: () => new Date(), aheadMs: 0 });
    assert.deepEqual(await right.spend(LOG, [{ ...spent, revision: 9 }]), forgets ? [] : [spent]);
    rmSync(data, { recursive: true });
  });
}

test('P2: of two that spend one pass at the same moment in one process, without Redis, one is told that it is known', async () => {
  const data = mkdtempSync(join(tmpdir(), 'holdfast-witness-'));
  const board = new WitnessBoard([fileAt(data, 'one')], log);
  const one = pass();
  const ends = await Promise.all([board.spend(LOG, [one]), board.spend(LOG, [one])]);
  assert.deepEqual(ends.map(({ kind }) => kind).sort(), ['known', 'recorded']);
  await board.close();
  rmSync(data, { recursive: true });
});

describe('the end of a pass, and its sending', () => {
  const boardAt = (data: string, replica: string) => new WitnessBoard([fileAt(data, replica)], log);
  const kinds = (ends: readonly { readonly kind: string }[]) => ends.map(({ kind }) => kind);
  let data: string;
  before(() => {
    data = mkdtempSync(join(tmpdir(), 'holdfast-witness-'));
  });
  after(() => rmSync(data, { recursive: true }));

  test('P2: of the two, whichever comes first, only one holds; the other is told', async () => {
    const board = boardAt(data, 'one');
    const [sent, taken, both] = [pass(), pass(), pass()];
    assert.equal((await board.spend(LOG, [sent])).kind, 'recorded');
    assert.equal((await board.end(LOG, { ...sent, ended: 'lapsed' })).kind, 'known');
    assert.equal((await board.end(LOG, { ...taken, ended: 'denied' })).kind, 'recorded');
    assert.equal((await board.end(LOG, { ...taken, ended: 'denied' })).kind, 'recorded', 'two replicas may end it');
    const known = await board.spend(LOG, [taken]);
    assert.ok(known.kind === 'known' && known.pass.ended === 'denied');
    const race = await Promise.all([board.spend(LOG, [both]), board.end(LOG, { ...both, ended: 'lapsed' })]);
    assert.deepEqual(kinds(race).sort(), ['known', 'recorded']);
    await board.close();
    const next = boardAt(data, 'one');
    assert.equal((await next.spend(LOG, [taken])).kind, 'known', 'another process reads it');
    await next.close();
  });

  test('P2: a sending that was given back does not keep its pass from ending', async () => {
    const one = pass();
    const first = boardAt(data, 'dead');
    await first.spend(LOG, [one]);
    await first.giveBack(LOG, [one]);
    const board = boardAt(data, 'dead');
    await board.read(LOG, Number.POSITIVE_INFINITY);
    assert.equal((await board.end(LOG, { ...one, revision: one.revision + 3, ended: 'lapsed' })).kind, 'recorded');
    const next = boardAt(data, 'dead');
    const known = await next.spend(LOG, [{ ...one, revision: 9 }]);
    assert.ok(known.kind === 'known' && known.pass.ended === 'lapsed');
  });

  test('P2: an end takes the place of no sending, however far the database says that the call has come since', async () => {
    const one = { ...pass(), approval: 'ap_stays' };
    await boardAt(data, 'dead').spend(LOG, [one]);
    const board = boardAt(data, 'dead');
    for (const revision of [one.revision, one.revision + 1, one.revision + 1_000]) {
      const told = await board.end(LOG, { ...one, revision, ended: 'lapsed' });
      assert.ok(told.kind === 'known' && told.pass.ended === undefined, `${revision}`);
    }
    const { passes } = await boardAt(data, 'dead').read(LOG, Number.POSITIVE_INFINITY);
    assert.deepEqual(
      passes.filter(({ approval }) => approval === 'ap_stays').map(({ revision, ended }) => [revision, ended]),
      [[one.revision, undefined]],
    );
  });

  test('P2: ends that come together are told in few messages, and each is told for itself what holds', async () => {
    const board = boardAt(data, 'many');
    const passes = Array.from({ length: 250 }, () => pass());
    const [sent, twice] = passes as [SpentPass, SpentPass];
    assert.equal((await board.spend(LOG, [sent])).kind, 'recorded');
    const file = fileWitness({ data, replica: 'counted', seals: TEST_SEALS, clock, log });
    let messages = 0;
    let away = false;
    const counted: Witness = {
      ...file,
      spend: (...asked) => {
        messages += 1;
        return away ? Promise.reject(new Error('away')) : file.spend(...asked);
      },
    };
    const other = new WitnessBoard([counted], log);
    const lapse = (one: SpentPass) => other.end(LOG, { ...one, ended: 'expired' });
    const ends = kinds(await Promise.all([...passes, twice].map(lapse)));
    assert.deepEqual(ends, ['known', ...Array(250).fill('recorded')], 'what was sent is known by its file');
    assert.ok(messages <= 3, `${messages} messages`);
    const known = await file.spend(LOG, passes);
    assert.deepEqual(
      known.map(({ ended }) => ended),
      [undefined, ...Array(249).fill('expired')],
    );
    away = true;
    const late = [pass(), pass()];
    assert.deepEqual(kinds(await Promise.all(late.map(lapse))), ['unrecorded', 'unrecorded']);
    away = false;
    await other.read(LOG, 0);
    assert.deepEqual(
      (await file.spend(LOG, late)).map(({ ended }) => ended),
      ['expired', 'expired'],
      'told later',
    );
    await board.close();
  });

  test('P2: passes that are spent together are told in few messages; one that was sent before is known alone', async () => {
    const file = fileWitness({ data, replica: 'counted-spends', seals: TEST_SEALS, clock, log });
    const passes = Array.from({ length: 250 }, () => pass());
    const [sent, ended] = passes as [SpentPass, SpentPass];
    await file.spend(LOG, [sent, { ...ended, ended: 'expired' }]);
    let messages = 0;
    let away = false;
    const counted: Witness = {
      ...file,
      spend: (...asked) => {
        messages += 1;
        return away ? Promise.reject(new Error('away')) : file.spend(...asked);
      },
    };
    const board = new WitnessBoard([counted], log);
    const spend = (...some: SpentPass[]) => board.spend(LOG, some);
    const told = kinds(await Promise.all([...passes, passes[2]!].map((one) => spend(one))));
    assert.deepEqual(
      told,
      ['known', 'known', ...Array(248).fill('recorded'), 'known'],
      'each once, whoever asks twice',
    );
    assert.ok(messages <= 3, `${messages} messages`);
    const again = { ...pass(), approval: sent.approval, round: sent.round };
    assert.deepEqual(kinds(await Promise.all([spend(pass(), again), spend(pass(), pass())])), ['known', 'recorded']);
    away = true;
    assert.deepEqual(kinds(await Promise.all([spend(pass()), spend(pass())])), ['unrecorded', 'unrecorded']);
    away = false;
    assert.deepEqual(kinds(await Promise.all([spend(pass()), spend(pass())])), ['recorded', 'recorded']);
  });

  test('P2: a witness that missed a sending, and took an end, is told of the sending; nobody hears of the end instead', async () => {
    const one = { ...pass(), approval: 'ap_missed' };
    const at = (replica: string) => fileWitness({ data: join(data, replica), replica, seals: TEST_SEALS, clock, log });
    const [knows, missed] = [at('knows'), at('missed')];
    assert.equal((await new WitnessBoard([knows], log).spend(LOG, [one])).kind, 'recorded');
    const told = await new WitnessBoard([missed, knows], log).end(LOG, { ...one, revision: 9, ended: 'lapsed' });
    assert.equal(told.kind, 'known');
    const board = new WitnessBoard([missed, knows], log);
    await board.read(LOG, Number.POSITIVE_INFINITY);
    assert.equal((await board.spend(LOG, [{ ...one, revision: 11 }])).kind, 'known');
    for (const witness of [knows, missed]) {
      const { passes } = await witness.read(LOG, Number.POSITIVE_INFINITY);
      assert.deepEqual(
        passes.map(({ revision, ended }) => [revision, ended]),
        [[one.revision, undefined]],
        witness.name,
      );
    }
  });

  test('P2: what another replica gave back after it was read is no second sending, and what it did not is one', async () => {
    const shared = fileWitness({ data, replica: 'shared', seals: TEST_SEALS, clock, log });
    const [a, b] = [new WitnessBoard([shared], log), new WitnessBoard([shared], log)];
    const [one, other] = [pass(), { ...pass(), approval: 'ap_ended' }];
    for (const sent of [one, other]) {
      assert.equal((await a.spend(LOG, [sent])).kind, 'recorded');
      await b.read(LOG, Number.POSITIVE_INFINITY);
      assert.equal((await b.spend(LOG, [{ ...sent, revision: sent.revision + 2 }])).kind, 'known');
      await a.giveBack(LOG, [sent]);
    }
    assert.equal((await b.spend(LOG, [{ ...one, revision: one.revision + 2 }])).kind, 'recorded');
    assert.equal((await b.end(LOG, { ...other, revision: other.revision + 2, ended: 'denied' })).kind, 'recorded');
  });

  test('P2: what no witness takes is known here at once, and told as soon as one answers', async () => {
    let isAway = true;
    const file = fileWitness({ data, replica: 'slow', seals: TEST_SEALS, clock, log });
    const board = new WitnessBoard(
      [{ ...file, spend: (...asked) => (isAway ? Promise.reject(new Error('away')) : file.spend(...asked)) }],
      log,
    );
    const one = pass();
    assert.equal((await board.end(LOG, { ...one, ended: 'denied' })).kind, 'unrecorded');
    assert.equal((await board.spend(LOG, [one])).kind, 'known');
    isAway = false;
    await board.read(LOG, 0);
    assert.equal((await file.spend(LOG, [one]))[0]?.ended, 'denied');
  });
});

describe('several witnesses', { skip: skipWithout('redis') }, () => {
  let redis: TestServer;
  let client: Redis;
  before(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
  });
  after(async () => {
    client.disconnect();
    await redis.stop();
  });

  test('P2: a spend is one round trip to Redis, and one command', async () => {
    const witness = redisWitness({ url: redis.url, seals: TEST_SEALS, log });
    await witness.spend(LOG, [pass()]);
    const commands = async () =>
      [...(await client.info('commandstats')).matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)]
        .filter(([, name]) => name !== 'info')
        .map(([, name, calls]) => [name, Number(calls)]);
    const inScript = new Set(['hget', 'hset', 'zadd', 'zrangebyscore', 'pexpire', 'time']);
    const outside = async () => (await commands()).filter(([name]) => !inScript.has(String(name)));
    const before = await outside();
    await witness.spend(LOG, [pass(), pass({ round: 1 })]);
    const grown = (await outside()).filter(([name, calls]) => !before.some(([n, c]) => n === name && c === calls));
    assert.deepEqual(
      grown.map(([name, calls]) => [name, Number(calls) - Number(before.find(([n]) => n === name)?.[1] ?? 0)]),
      [['eval', 1]],
    );
    await witness.close();
  });

  test('P2: what only one of them knows is told to the others; entries that nobody sealed count as missing', async () => {
    const data = mkdtempSync(join(tmpdir(), 'holdfast-witness-'));
    const file = fileWitness({ data, replica: 'one', seals: TEST_SEALS, clock, log });
    const shared = redisWitness({ url: redis.url, seals: TEST_SEALS, log });
    const one = pass();
    await shared.spend('log_shared', [one]);
    const board = new WitnessBoard([file, shared], log);
    await board.read('log_shared', Number.POSITIVE_INFINITY);
    await client.flushall();
    await board.read('log_shared', Number.POSITIVE_INFINITY);
    const key = 'holdfast:witness:log_shared:passes';
    const stored = (await client.hget(key, `${one.approval} 0`))!;
    assert.ok(stored.includes(one.approval), 'Redis learnt it again');
    await client.hset(key, `${one.approval} 0`, stored.replace(/false\]$/, 'true]'));
    assert.deepEqual((await shared.read('log_shared', Number.POSITIVE_INFINITY)).passes, []);
    assert.equal((await board.spend('log_shared', [{ ...one, revision: 8 }])).kind, 'known');
    // Entries of one log are none of another.
    await client.hset('holdfast:witness:log_moved:passes', `${one.approval} 0`, stored);
    assert.deepEqual(await shared.spend('log_moved', [one]), []);
    await board.close();
    rmSync(data, { recursive: true });
  });

  test('P7: one that was away when it was asked which log is here tells of another one once it is back', async () => {
    const data = mkdtempSync(join(tmpdir(), 'holdfast-witness-'));
    const own = await startRedis();
    const known = redisWitness({ url: own.url, seals: TEST_SEALS, log });
    await known.bind('here', 'log_before');
    await known.close();
    await own.kill();
    const witness = redisWitness({ url: own.url, seals: TEST_SEALS, log });
    const board = new WitnessBoard(
      [fileWitness({ data, replica: 'one', seals: TEST_SEALS, clock, log }), witness],
      log,
    );
    assert.deepEqual(await board.logsAt('here', LOG), []);
    await own.begin();
    const found = await eventually('it answers', async () => {
      const { otherLogs } = await board.read(LOG, 1_000);
      return board.trouble === null ? otherLogs : null;
    });
    assert.deepEqual(found, ['log_before']);
    await board.close();
    await own.stop();
    rmSync(data, { recursive: true });
  });

  test('P2: what an older secret sealed is sealed anew while both are listed, and then needs the older one no more', async () => {
    const [before, now] = ['an older secret, long enough to derive keys', 'a newer secret, long enough to derive keys'];
    const at = (...secrets: [string, ...string[]]) => redisWitness({ url: redis.url, seals: rowSeals(secrets), log });
    const one = pass();
    const [first, both, last] = [at(before), at(now, before), at(now)];
    await first.spend('log_rotated', [one]);
    assert.deepEqual((await both.read('log_rotated', Number.POSITIVE_INFINITY)).passes, [one]);
    assert.deepEqual(await last.spend('log_rotated', [{ ...one, revision: 9 }]), [one]);
    await Promise.all([first.close(), both.close(), last.close()]);
  });

  test('P2: one that was emptied while it ran is told everything again, also what was spent long ago', async () => {
    const shared = redisWitness({ url: redis.url, seals: TEST_SEALS, log });
    const board = new WitnessBoard([shared], log);
    assert.deepEqual(await board.logsAt('place', LOG), []);
    const [one, back] = [pass(), pass()];
    await board.spend(LOG, [one, back]);
    await board.giveBack(LOG, [back]);
    await board.keep(state());
    await client.flushall();
    await board.read(LOG, 0);
    const fresh = redisWitness({ url: redis.url, seals: TEST_SEALS, log });
    assert.equal(await fresh.logOf('place'), LOG);
    assert.deepEqual(await fresh.spend(LOG, [{ ...one, revision: 9 }, back]), [one]);
    await Promise.all([board.close(), fresh.close()]);
  });

  test('P2: of two replicas that spend over an entry that was given back, in one moment, one is told that it is known', async () => {
    const [a, b] = [1, 2].map(() => redisWitness({ url: redis.url, seals: TEST_SEALS, log }));
    await Promise.all([a!.spend(LOG, [pass()]), b!.spend(LOG, [pass()])]);
    for (let round = 0; round < 40; round += 1) {
      const one = pass();
      await a!.spend(LOG, [one]);
      // Or nobody's: somebody wrote over it.
      if (round % 2 === 0) await a!.correct(LOG, [{ ...one, returned: true }]);
      else await client.hset(`holdfast:witness:${LOG}:passes`, `${one.approval} 0`, 'nonsense');
      const found = await Promise.all(
        [a!, b!].map((witness, nth) => witness.spend(LOG, [{ ...one, revision: 5 + nth }])),
      );
      assert.deepEqual(found.map(({ length }) => length).sort(), [0, 1], `round ${round}`);
    }
    await Promise.all([a!.close(), b!.close()]);
  });

  test('P2: a replica that gives back late takes no later sending of another one away', async () => {
    const [a, b] = [1, 2].map(() => redisWitness({ url: redis.url, seals: TEST_SEALS, log }));
    const one = pass();
    await a!.spend(LOG, [one]);
    await b!.correct(LOG, [{ ...one, returned: true }]);
    assert.deepEqual(await b!.spend(LOG, [{ ...one, revision: 5 }]), []);
    await a!.correct(LOG, [{ ...one, returned: true }]);
    assert.deepEqual(await a!.spend(LOG, [{ ...one, revision: 7 }]), [{ ...one, revision: 5 }]);
    await Promise.all([a!.close(), b!.close()]);
  });

  test('P2: single entries that somebody takes out of Redis, or puts back to before, are found by the next comparison', async () => {
    const key = 'holdfast:witness:log_thinned:passes';
    const shared = redisWitness({ url: redis.url, seals: TEST_SEALS, log });
    const board = new WitnessBoard([shared], log);
    await board.logsAt('thinned', 'log_thinned');
    const [sent, ended, kept, older, over] = [pass(), pass({ ended: 'denied' }), pass(), pass(), pass()];
    for (const one of [sent, kept, over]) await board.spend('log_thinned', [one]);
    await board.end('log_thinned', ended);
    await board.spend('log_thinned', [older]);
    await board.giveBack('log_thinned', [older]);
    const before = (await client.hget(key, `${older.approval} 0`))!;
    await board.spend('log_thinned', [{ ...older, revision: 5 }]);
    await board.keep(state({ log: 'log_thinned' }));
    // Another replica, which has only read of them.
    const other = new WitnessBoard([redisWitness({ url: redis.url, seals: TEST_SEALS, log })], log);
    await other.logsAt('thinned', 'log_thinned');
    await other.read('log_thinned', Number.POSITIVE_INFINITY);
    for (const reader of [board, other]) {
      assert.deepEqual((await reader.read('log_thinned', 0)).lost, []);
      for (const { approval } of [sent, ended]) await client.hdel(key, `${approval} 0`);
      await client.hset(key, `${older.approval} 0`, before);
      const { lost } = await reader.read('log_thinned', 0);
      assert.deepEqual(
        lost.flatMap(({ witness, passes }) => passes.map(({ approval }) => [witness, approval])).sort(),
        [sent, ended, older].map(({ approval }) => ['Redis', approval]).sort(),
      );
      const fresh = redisWitness({ url: redis.url, seals: TEST_SEALS, log });
      for (const one of [sent, ended, kept, { ...older, revision: 5 }]) {
        assert.deepEqual(await fresh.spend('log_thinned', [{ ...one, revision: 9 }]), [one]);
      }
      await fresh.close();
    }
    await Promise.all([board.close(), other.close()]);
  });

  test('P6: one of two that answers is enough; none is not', async () => {
    const broken: Witness = {
      name: 'a broken one',
      logOf: () => Promise.reject(new Error('broken')),
      bind: () => Promise.reject(new Error('broken')),
      spend: () => Promise.reject(new Error('broken')),
      correct: () => Promise.reject(new Error('broken')),
      read: () => Promise.reject(new Error('broken')),
      keep: () => Promise.reject(new Error('broken')),
      close: async () => undefined,
    };
    const shared = redisWitness({ url: redis.url, seals: TEST_SEALS, log });
    const board = new WitnessBoard([broken, shared], log);
    const one = pass();
    assert.equal((await board.spend(LOG, [one])).kind, 'recorded');
    assert.match(board.trouble!, /^a broken one: broken/);
    assert.equal(board.isAway, false);
    assert.equal((await board.spend(LOG, [one])).kind, 'known');
    const alone = new WitnessBoard([broken], log);
    assert.equal((await alone.spend(LOG, [one])).kind, 'unrecorded');
    assert.equal(alone.isAway, true);
    assert.equal((await alone.spend(LOG, [one])).kind, 'unrecorded', 'it was not sent, so it may be tried again');
    await shared.close();
  });
});
