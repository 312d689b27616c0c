import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { sql } from 'kysely';
import { isForged } from '../../../src/domain/approval/forged.ts';
import { readCheckpoint } from '../../../src/domain/log/checkpoint.ts';
import { Alarms } from '../../../src/gateway/log/alarms.ts';
import { beginSeals } from '../../../src/gateway/log/begin-seals.ts';
import { CheckpointSigner } from '../../../src/gateway/log/checkpoint-signer.ts';
import { exportLog } from '../../../src/gateway/log/export.ts';
import { verifyLedger } from '../../../src/gateway/log/verify.ts';
import type { Epoch } from '../../../src/ports.ts';
import type { SqlConnection } from '../../../src/sql/connection/connection.ts';
import { openPostgres } from '../../../src/sql/connection/postgres.ts';
import { sqlLedger } from '../../../src/sql/ledger.ts';
import { sqlStore } from '../../../src/sql/store.ts';
import { pause } from '../../../src/time/pause.ts';
import { passkeyProof } from '../../../src/vault/passkey-proof.ts';
import { proof } from '../../../src/vault/proof.ts';
import { rowSeals } from '../../../src/vault/row-seals.ts';
import { vault } from '../../../src/vault/vault.ts';
import { event, verifyLines } from '../../support/audit/world.ts';
import { quiet } from '../../support/log.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { change, opened } from '../../support/store/world.ts';

const [OLD, NEW] = ['o'.repeat(40), 'n'.repeat(40)];
const keyOf = (secret: string): string => vault([secret]).publicKeys[0]!;
const TRUST = { elsewhere: [] };

describe('secrets that rotate over one log', { skip: skipWithoutBacking('postgres') }, () => {
  let backing: Backing;
  let database: string;
  const connections: SqlConnection[] = [];
  before(async () => {
    backing = await startBacking('postgres');
  });
  after(() => backing.stop());
  beforeEach(async () => {
    database = await backing.database();
  });
  afterEach(async () => {
    for (const { close } of connections.splice(0)) await close();
  });

  /** A process with these secrets, newest first, that has just started. */
  async function replica(...secrets: [string, ...string[]]) {
    const connection = await openPostgres({ url: database, log: quiet });
    connections.push(connection);
    return started(connection, secrets);
  }

  async function started(connection: SqlConnection, secrets: [string, ...string[]], secretLost = false) {
    const seals = rowSeals(secrets);
    const [store, ledger, keyed, alarms] = [
      sqlStore(connection, seals),
      sqlLedger(connection.db, seals),
      vault(secrets),
      new Alarms(),
    ];
    const signer = new CheckpointSigner(alarms);
    const clock = { now: () => new Date() };
    const name = `r-${randomBytes(3).toString('hex')}`;
    const gateway = {
      store,
      ledger,
      vault: keyed,
      clock,
      log: quiet,
      replica: name,
      checkpointCopies: [],
      alarms,
      secretLost,
      storeWatch: { logsKnown: async () => [] },
    };
    const epoch: Epoch | null = await beginSeals(gateway);
    if (epoch !== null) signer.sealedSince(epoch);
    await signer.changeKey(gateway);
    return {
      ...gateway,
      epoch,
      signer,
      again: (lost: boolean) => started(connection, secrets, lost),
      /** Writes an event, chains everything and signs; the key that signed, or null. */
      sign: async (what = 'something'): Promise<string | null> => {
        await store.append([event(what)]);
        await store.seal(1_000);
        const signed = await signer.sign(gateway);
        await store.seal(1_000);
        return signed === null ? null : readCheckpoint(signed.text)!.key;
      },
      verify: (...keys: string[]) => verifyLedger(ledger, { ...TRUST, keys }, { ...proof(), passkeys: passkeyProof() }),
      exported: async (): Promise<string[]> => {
        let text = '';
        for await (const part of exportLog(ledger, clock.now(), keyed.publicKeys)) text += part;
        return text.trimEnd().split('\n');
      },
    };
  }

  const faults = async (of: { verify(...keys: string[]): ReturnType<typeof verifyLedger> }, ...keys: string[]) =>
    (await of.verify(...keys)).report.faults.map(({ kind }) => kind);

  test('P7: a new log begins with the event that names it and its key, whoever starts at the same time', async () => {
    const both = await Promise.all([replica(OLD), replica(OLD)]);
    assert.equal(both[0].epoch?.log, both[1].epoch?.log);
    assert.match(both[0].epoch!.log, /^log_/);
    const [first] = await both[0].ledger.chain(0, 1);
    const { type, data } = JSON.parse(first!.text) as { type: string; data: object };
    assert.equal(type, 'seals.began');
    assert.deepEqual(data, { log: both[0].epoch!.log, head: 0, key: keyOf(OLD) });
    assert.equal(await both[0].sign(), keyOf(OLD));
    const lines = await both[0].exported();
    assert.equal((JSON.parse(lines[0]!) as { log: string }).log, both[0].epoch!.log);
    const trust = { ...TRUST, keys: [keyOf(OLD)] };
    assert.deepEqual((await verifyLines(lines, { ...trust, log: both[0].epoch!.log })).report.faults, []);
    const asked = await verifyLines(lines, { ...trust, log: 'log_other' });
    assert.equal(asked.report.faults[0]?.kind, 'other_log');
  });

  test('P10: a replica that saves cards without seals is waited for, and nobody starts beside it', async () => {
    const first = await replica(OLD);
    await first.sign();
    const { db } = connections[0]!;
    await sql`insert into holdfast.replicas (id, seen_at) values ('of a build before', clock_timestamp())`.execute(db);
    let started = false;
    const next = replica(OLD).then(() => {
      started = true;
    });
    await pause(1_500);
    assert.equal(started, false);
    await sql`update holdfast.replicas set seen_at = clock_timestamp() - interval '20 seconds'`.execute(db);
    await next;
    await sql`insert into holdfast.replicas (id, seen_at, seals_cards) values ('of this build', clock_timestamp(), true)`.execute(
      db,
    );
    await replica(OLD);
    await sql`delete from holdfast.replicas`.execute(db);
  });

  test('P7: replicas that rotate one after the other sign with the newer key once it is in force, and an old one no more', async () => {
    const first = await replica(OLD);
    assert.equal(await first.sign(), keyOf(OLD));
    const reading = await replica(OLD, NEW);
    assert.equal(await reading.sign(), keyOf(OLD), 'step 1 changes no key');
    const sealing = await replica(NEW, OLD);
    assert.equal(await sealing.sign(), keyOf(NEW));
    assert.equal(await reading.sign(), keyOf(NEW), 'it lists the newer one too');
    assert.equal(await first.sign(), null, 'it has only the older one');
    assert.notEqual(first.alarms.why, null, 'what the others write means nothing to it');
    assert.equal((await replica(OLD)).epoch, null, 'nor does it learn which log this is when it starts again');
    assert.equal(await sealing.sign(), keyOf(NEW), 'those that list both go on');
    assert.equal(await (await replica(OLD, NEW)).sign(), keyOf(NEW), 'also after a step back');
    assert.deepEqual(await faults(sealing, keyOf(OLD)), []);
  });

  test('P7: an export alone is followed over the change, whichever key the auditor has', async () => {
    await (await replica(OLD)).sign();
    const both = await Promise.all([replica(NEW, OLD), replica(NEW, OLD)]);
    await both[0].sign();
    const last = await replica(NEW);
    assert.equal(await last.sign(), keyOf(NEW));
    assert.equal(last.alarms.why, null);
    const changes = (await last.ledger.keyEvents(1_000)).filter(({ kind }) => kind === 'changed');
    assert.equal(changes.length, 1, 'written once');
    for (const keys of [[keyOf(OLD)], [keyOf(NEW)]]) {
      const { report, problems } = await verifyLines(await last.exported(), { ...TRUST, keys });
      assert.deepEqual([report.faults, problems, report.covered > 0], [[], [], true]);
    }
  });

  test('P7: a leaked key that was changed signs nothing any more, even in the database itself', async () => {
    await (await replica(OLD)).sign();
    const now = await replica(NEW, OLD);
    await now.sign();
    await now.store.append([event('more')]);
    const { seq, hash, last } = (await now.ledger.unsigned())!;
    const { previous: _, ...rest } = readCheckpoint(last!.text)!;
    const digest = proof().sha256(last!.text);
    const { checkpointText } = await import('../../../src/domain/log/checkpoint.ts');
    const text = checkpointText({ ...rest, seq, hash, count: seq, key: keyOf(OLD), previous: digest });
    const signature = vault([OLD]).sign(text);
    await query(
      database,
      `insert into holdfast.checkpoints (seq, hash, at, body, signature) values (${seq}, '${hash}', now(), '${text}', '${signature}')`,
    );
    assert.deepEqual(await faults(now, keyOf(OLD), keyOf(NEW)), ['retired_key']);
    assert.equal(await now.sign(), null, 'nor does a gateway go on from there');
    assert.match(now.alarms.why!, /another key/);
  });

  test('P1: of a dropped secret what has ended is marked, what lives runs nothing, and neither is called forged by everybody', async () => {
    const old = await replica(OLD);
    const ended = (await opened(old.store)).approval;
    assert.equal((await old.store.commit(change(ended, 'withdrawn'))).kind, 'committed');
    const live = (await opened(old.store)).approval;
    await old.sign();
    const between = await replica(NEW, OLD);
    await between.sign();
    const { olderApprovals, olderEvents } = await between.ledger.backlog();
    assert.deepEqual([olderApprovals, olderEvents], [1, 0], 'what to wait for');
    assert.equal((await between.store.find(live.id))!.broken, null);
    const now = await replica(NEW);
    const [over, lives] = [(await now.store.find(ended.id))!, (await now.store.find(live.id))!];
    assert.deepEqual([over.broken, isForged(over)], ['secret', false]);
    assert.deepEqual([lives.broken, isForged(lives)], ['secret', true]);
    assert.deepEqual(await now.store.doubtful(10), []);
    // Whatever the other secret did not seal must still fit, and a secret that was never ours is no excuse.
    await query(database, `update holdfast.approvals set arguments = '{}' where id = '${ended.id}'`);
    assert.equal((await now.store.find(ended.id))!.broken, 'arguments');
    await query(database, `update holdfast.approvals set state_seal = '1' || repeat('ab', 20) where id = '${live.id}'`);
    assert.equal((await now.store.find(live.id))!.broken, 'state');
    assert.deepEqual(await now.store.doubtful(10), [live.id]);
  });

  test('P7: an event of a dropped secret waits until that secret is listed again', async () => {
    const old = await replica(OLD);
    await old.sign();
    await (await replica(NEW, OLD)).sign();
    // Written with a change, by a replica that was killed before it could chain it.
    await old.store.refund([], event('left behind'));
    const now = await replica(NEW);
    assert.equal((await now.ledger.backlog()).olderEvents, 1);
    const run = await now.store.seal(100);
    assert.deepEqual([run.chained, run.foreign, run.retired.length], [0, [], 1]);
    assert.equal(await now.sign(), keyOf(NEW), 'the log goes on without it');
    const back = await replica(NEW, OLD);
    assert.equal((await back.store.seal(100)).chained, 1);
    assert.equal(await back.sign(), keyOf(NEW));
    assert.deepEqual(await faults(back, keyOf(NEW)), []);
  });

  test('P7: without the old secret nothing is signed until an operator says that it is lost, and the log says so for ever', async () => {
    const old = await replica(OLD);
    await old.sign();
    const live = (await opened(old.store)).approval;
    const now = await replica(NEW);
    assert.equal(now.epoch, null);
    assert.match(now.alarms.why!, /a secret that HOLDFAST_SECRET does not list/);
    assert.equal(await now.sign(), null);
    const lost = await now.again(true);
    assert.equal(lost.epoch?.log, old.epoch!.log, 'it is the same log');
    assert.equal(lost.alarms.why, null);
    assert.equal((await lost.store.find(live.id))!.state, 'withdrawn', 'it is asked anew');
    assert.equal(await lost.sign(), keyOf(NEW));
    assert.equal((await faults(lost, keyOf(OLD)))[0], 'key_unsworn');
    assert.deepEqual(await faults(lost, keyOf(NEW)), []);
    assert.equal((await replica(NEW)).epoch?.log, old.epoch!.log);
  });

  test('P7: the record of another log under the same secret is not believed', async () => {
    const one = await replica(OLD);
    await one.sign();
    const kept = await query(database, 'select log, head, at, seal from holdfast.epoch');
    database = await backing.database();
    const other = await replica(OLD);
    await other.sign();
    assert.notEqual(other.epoch!.log, one.epoch!.log);
    const { log, head, at, seal } = kept[0] as Record<string, string | Date>;
    await query(
      database,
      `update holdfast.epoch set log = '${log}', head = ${head}, seal = '${seal}', at = '${(at as Date).toISOString()}'`,
    );
    const again = await replica(OLD);
    assert.equal(again.epoch, null);
    assert.match(again.alarms.why!, /names another log/);
  });
});
