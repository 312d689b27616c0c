import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { GivenAnswer } from '../../../src/domain/approval/answer.ts';
import type { Approval, State } from '../../../src/domain/approval/approval.ts';
import { scopeName } from '../../../src/domain/freeze/freeze.ts';
import { type EventType, type NewEvent, NO_SUBJECT } from '../../../src/domain/log/event.ts';
import { type SetFinding, SetWatch } from '../../../src/gateway/log/set-watch.ts';
import type {
  AcceptPlan,
  Change,
  Freezes,
  GrantRoom,
  Logins,
  NewApproval,
  NewJoiner,
  Store,
  TaskStore,
} from '../../../src/ports.ts';
import type { SqlConnection } from '../../../src/sql/connection/connection.ts';
import { openPostgres } from '../../../src/sql/connection/postgres.ts';
import { sqlFreezes } from '../../../src/sql/freezes.ts';
import { sqlLogins } from '../../../src/sql/logins.ts';
import { sqlBeliefs } from '../../../src/sql/sets/beliefs.ts';
import { sqlStore } from '../../../src/sql/store.ts';
import { sqlTasks } from '../../../src/sql/tasks.ts';
import { sampleApproval } from '../domain/approval.ts';
import { ROOM } from '../domain/room.ts';
import { quiet } from '../log.ts';
import { openPrepared } from './open-prepared.ts';
import { TEST_SEALS } from './seals.ts';
import { preparedUrl, skipWithout, startPostgres } from './servers.ts';

export const STORES = ['PGlite', 'Postgres'] as const;
export type StoreKind = (typeof STORES)[number];

/** A migrated, empty store; on Postgres opened twice, as two replicas have it. */
export interface StoreWorld {
  readonly one: Store;
  /** Another replica's store; on PGlite the same one. */
  readonly other: Store;
  /** The two replicas' tasks. */
  readonly tasks: readonly [TaskStore, TaskStore];
  /** The two replicas' freezes. */
  readonly freezes: readonly [Freezes, Freezes];
  readonly logins: Logins;
  /** What the two replicas know of sets. */
  readonly watches: readonly [SetWatch, SetWatch];
  /** What either has found of sets and rows. */
  readonly found: SetFinding[];
  readonly db: SqlConnection['db'];
  /** Runs SQL past the port. */
  rows(text: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export function skipStore(kind: StoreKind): string | false {
  return kind === 'Postgres' ? skipWithout('postgres') : false;
}

export async function storeWorld(kind: StoreKind): Promise<StoreWorld> {
  if (kind === 'PGlite') {
    const connection = await openPrepared();
    return world(connection, connection, async () => undefined);
  }
  const server = await startPostgres();
  const url = preparedUrl(server);
  const connections = [await openPostgres({ url, log: quiet }), await openPostgres({ url, log: quiet })] as const;
  return world(...connections, () => server.stop());
}

function world(one: SqlConnection, other: SqlConnection, end: () => Promise<void>): StoreWorld {
  const found: SetFinding[] = [];
  const beliefsOf = ({ db }: SqlConnection) => {
    const watch = new SetWatch();
    watch.onFinding((finding) => found.push(finding));
    return { watch, ...sqlBeliefs(db, TEST_SEALS, watch) };
  };
  const here = beliefsOf(one);
  const there = one === other ? here : beliefsOf(other);
  const first = sqlStore(one, TEST_SEALS, here);
  const second = one === other ? null : sqlStore(other, TEST_SEALS, there);
  return {
    one: first,
    other: second ?? first,
    tasks: [sqlTasks(one, TEST_SEALS, here), sqlTasks(other, TEST_SEALS, there)],
    freezes: [sqlFreezes(one.db, TEST_SEALS, here.freezes), sqlFreezes(other.db, TEST_SEALS, there.freezes)],
    logins: sqlLogins(one.db, TEST_SEALS, here),
    watches: [here.watch, there.watch],
    found,
    db: one.db,
    rows: (text) => rowsByHand(one.db, text),
    close: async () => {
      await Promise.all([first.close(), second?.close()]);
      await end();
    },
  };
}

/** A plan by which an operator accepts the store: nothing is known as sent or broken. */
export function acceptPlan(different: Partial<AcceptPlan> = {}): AcceptPlan {
  const at = different.at ?? new Date();
  const event = { ...NO_SUBJECT, at, actor: 'admin', data: {} } as const;
  return {
    ...{ log: 'log_one', number: 1, at, sent: [], broken: [], foreign: [], sets: [] },
    frozenAgain: ({ scope, reason, id: before }) => {
      const id = `fz_${randomHex(13)}`;
      const data = { id, scope: scope.kind, name: scopeName(scope), reason, before };
      return { id, event: { ...event, type: 'freeze.set', data } };
    },
    told: () => ({ ...event, type: 'call.unknown' }),
    accepted: ({ freezes }) => ({ ...event, type: 'store.accepted', data: { freezes: [...freezes] } }),
    ...different,
  };
}

export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** An approval about to be opened, for a call that nobody has made before. */
export function newApproval(different: Partial<NewApproval['approval']> = {}): NewApproval {
  const {
    state,
    revision,
    decisions,
    callers,
    gaveUp,
    updatedAt,
    previousUnknown,
    remindedAt,
    escalatedAt,
    awaits,
    questions,
    answers,
    facts,
    broken,
    seal,
    ...sample
  } = sampleApproval();
  const createdAt = new Date();
  const fresh = { id: `ap_${randomHex(13)}`, fingerprint: randomHex(32), grant: `grant-${randomHex(4)}` };
  const times = { createdAt, expiresAt: new Date(createdAt.getTime() + 600_000) };
  return {
    approval: { ...sample, ...times, ...fresh, ...different },
    request: new Uint8Array([0, 255, 1, 254]),
    olderFingerprints: [],
  };
}

/** The same call again: another approval id, the same fingerprint. */
export function again({ approval }: NewApproval, olderFingerprints: readonly string[] = []): NewApproval {
  const { fingerprint, grant } = approval;
  return { ...newApproval({ fingerprint, grant }), olderFingerprints };
}

export function newJoiner(different: Partial<NewJoiner> = {}): NewJoiner {
  return {
    id: `jo_${randomHex(13)}`,
    session: `session-${randomHex(4)}`,
    requestId: '1',
    replica: 'here',
    ...different,
  };
}

/** An answer as it is kept with its call. */
export const GIVEN: GivenAnswer = { at: '2026-08-01T10:00:00.000Z', leg: null, digest: 'd', text: '{}' };

export function eventOf(
  type: EventType,
  about: { readonly id?: string; readonly server?: string; readonly tool?: string; readonly grant?: string } = {},
): NewEvent {
  const { id = null, server = null, tool = null, grant = null } = about;
  return { type, at: new Date(), actor: 'test', approval: id, server, tool, grant, data: { fingerprint: 'f' } };
}

/** Opens an approval or joins one, as the use case `ask` does. */
export function open(
  store: Store,
  request: NewApproval,
  joiner: NewJoiner = newJoiner(),
  room: Partial<GrantRoom> = {},
) {
  return store.open(request, joiner, { ...ROOM, ...room }, eventOf('approval.requested', request.approval));
}

const SAYS: Record<State, EventType> = {
  pending: 'approval.decided',
  approved: 'approval.decided',
  denied: 'approval.decided',
  expired: 'approval.expired',
  withdrawn: 'approval.withdrawn',
  lapsed: 'approval.lapsed',
  dispatched: 'call.dispatched',
  succeeded: 'call.succeeded',
  failed: 'call.failed',
  unknown: 'call.unknown',
};

/** A change of this approval to another state, with its event. */
export function change(approval: Approval, to: State, more: Partial<Change> = {}): Change {
  const { id, revision, state: from } = approval;
  const type = from === 'dispatched' && to === 'approved' ? 'call.returned' : SAYS[to];
  const pickupUntil = new Date(Date.now() + 600_000);
  const { questions } = approval;
  const good = approval.pickupUntil === null ? {} : { pickupUntil: approval.pickupUntil };
  const kept = to === 'dispatched' ? { questions, ...good } : {};
  const patch = { ...(to === 'approved' ? { pickupUntil } : kept), ...more.patch };
  return { id, revision, from, to, events: [eventOf(type, approval)], ...more, patch };
}

/** As somebody with a client of their own runs it: the gateway's connections know no schema by themselves. */
export function rowsByHand(db: SqlConnection['db'], text: string): Promise<Record<string, unknown>[]> {
  return db.transaction().execute(async (trx) => {
    await sql`set local search_path = public`.execute(trx);
    return (await sql<Record<string, unknown>>`${sql.raw(text)}`.execute(trx)).rows;
  });
}

/** Commits one change after another; throws when one is not committed. */
export async function through(store: Store, approval: Approval, ...states: State[]): Promise<Approval> {
  let now = approval;
  for (const to of states) {
    const until = new Date(Date.now() + 600_000);
    const patch = {
      resultUntil: until,
      ...(to === 'approved' ? { pickupUntil: until } : {}),
      ...(to === 'succeeded' ? { result: new Uint8Array([7]) } : {}),
    };
    const committed = await store.commit(change(now, to, { patch }));
    if (committed.kind !== 'committed') throw new Error(`${now.state} → ${to}: ${committed.kind}`);
    now = committed.approval;
  }
  return now;
}

/** A fresh approval, opened by its first caller. */
export async function opened(
  store: Store,
  request = newApproval(),
  joiner = newJoiner(),
): Promise<{ request: NewApproval; joiner: NewJoiner; approval: Approval }> {
  const result = await open(store, request, joiner);
  if (result.kind !== 'opened') throw new Error(`not opened but ${result.kind}`);
  return { request, joiner, approval: result.approval };
}

/** The types of an approval's events, oldest first. */
export async function typesOf(store: Store, approval: string): Promise<EventType[]> {
  return (await store.events({ after: 0, limit: 100, approval })).map((event) => event.type);
}
