import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { NOTHING_HIDDEN, NOTHING_MORE } from '../../../src/domain/call/sent.ts';
import type { NewApproval, Store } from '../../../src/ports.ts';
import { openPostgres } from '../../../src/sql/connection/postgres.ts';
import { sqlStore } from '../../../src/sql/store.ts';
import { ROOM } from '../../support/domain/room.ts';
import { quiet } from '../../support/log.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { preparedUrl, skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';

describe("one grant's burst", { skip: skipWithout('postgres'), timeout: 60_000 }, () => {
  let server: TestServer;
  let store: Store;

  before(async () => {
    server = await startPostgres();
    store = sqlStore(await openPostgres({ url: preparedUrl(server), connections: 3, log: quiet }), TEST_SEALS);
  });
  after(async () => {
    await store?.close();
    await server?.stop();
  });

  it('P6: leaves connections for everybody else while it waits for its own lock', async () => {
    const holder = new pg.Client({ connectionString: server.url });
    await holder.connect();
    await holder.query('begin');
    await holder.query("select pg_advisory_xact_lock(hashtextextended('grant busy', 0))");
    const burst = Array.from({ length: 12 }, (_, n) => open(store, 'busy', n));
    await store.ping();
    assert.equal((await open(store, 'other', 100)).kind, 'opened');
    await holder.query('commit');
    await holder.end();
    assert.deepEqual(new Set((await Promise.all(burst)).map((one) => one.kind)), new Set(['opened']));
  });
});

function open(store: Store, grant: string, n: number): ReturnType<Store['open']> {
  const now = new Date();
  const id = `ap_burst${n}`;
  const approval = {
    id,
    server: 's',
    tool: 't',
    grant,
    owner: null,
    selfApproval: false,
    fingerprint: `${n}`.padStart(64, '0'),
    requirement: {
      groups: [],
      people: [],
      userGroups: [],
      admin: true,
      quorum: 1,
      denyReason: 'optional' as const,
      remindMs: null,
      escalate: null,
    },
    arguments: {},
    sent: NOTHING_MORE,
    hidden: NOTHING_HIDDEN,
    answersTo: null,
    asked: null,
    trace: { rule: 't', risk: null, severity: null, reason: null, steps: [] },
    statedReason: null,
    policyDigest: '0',
    createdAt: now,
    expiresAt: new Date(now.getTime() + 60_000),
    pickupUntil: null,
    leaseUntil: null,
    note: null,
  } satisfies NewApproval['approval'];
  const joiner = { id: `jo_burst${n}`, session: null, requestId: `${n}`, replica: 'r' };
  const event = {
    type: 'approval.requested' as const,
    at: now,
    actor: 'grant:x',
    approval: id,
    server: 's',
    tool: 't',
    grant,
    data: {},
  };
  return store.open({ approval, request: new Uint8Array([1]), olderFingerprints: [] }, joiner, ROOM, event);
}
