import { type Kysely, sql } from 'kysely';
import type { Store } from '../ports.ts';
import { claimCard, readCard, releaseCard, saveCard, unpostedCards } from './approval/cards.ts';
import { commitBoth, commitChange } from './approval/commit.ts';
import { markAllAway, markAway, markCollected, markLeft } from './approval/joiners.ts';
import { claimNotice, releaseNotice, unremindedApprovals } from './approval/notices.ts';
import { openApproval } from './approval/open.ts';
import {
  changedApprovals,
  findApproval,
  forgetResults,
  listApprovals,
  lookAtApproval,
  overdueWork,
  sealedBytes,
} from './approval/read.ts';
import { bindSession, sessionGrant, unbindSession } from './approval/sessions.ts';
import { guarded } from './connection/guard.ts';
import { KeyedMutex } from './connection/keyed-mutex.ts';
import { AdmissionBatcher } from './limit/admit.ts';
import { firstFull, giveBack } from './limit/counters.ts';
import { Appender } from './log/append.ts';
import { readEvents, writeEvents } from './log/events.ts';
import { sealEvents } from './log/seal.ts';
import type { Tables } from './table/tables.ts';

/** A connection to one of the two kinds of SQL; the store never asks which. */
export interface SqlConnection {
  readonly db: Kysely<Tables>;
  close(): Promise<void>;
  /** Rejects when what lies under the database takes no more; absent: it is not ours to know. */
  room?(): Promise<void>;
}

/** The authority, on Kysely. Whatever SQL could not do is `Unavailable('store')`, and nothing was changed. */
export function sqlStore({ db, close, room }: SqlConnection): Store {
  const desk = new AdmissionBatcher(db);
  const appender = new Appender(db);
  const openers = new KeyedMutex();
  const verbs: Store = {
    ping: async () => {
      await sql`select 1`.execute(db);
      await room?.();
    },
    close,
    append: (events) => appender.append(events),
    admit: (takes, event) => desk.admit(takes, event),
    peek: (takes) => firstFull(db, takes),
    refund: (taken, event) =>
      db.transaction().execute(async (trx) => {
        await giveBack(trx, taken);
        await writeEvents(trx, [event]);
      }),
    open: (request, joiner, maxPending, event) =>
      openers.run(request.approval.grant, () => openApproval(db, request, joiner, maxPending, event)),
    find: (id) => findApproval(db, id),
    look: (id) => lookAtApproval(db, id),
    list: (filter) => listApprovals(db, filter),
    commit: (change) => commitChange(db, change),
    commitBoth: (first, second) => commitBoth(db, first, second),
    changed: (held) => changedApprovals(db, held),
    request: (id) => sealedBytes(db, id, 'request'),
    result: (id) => sealedBytes(db, id, 'result'),
    collected: (joiner, event, until) => markCollected(db, joiner, event, until),
    away: (joiner, replica) => markAway(db, joiner, replica),
    allAway: (replica) => markAllAway(db, replica),
    leave: async (by, event) => (await markLeft(db, by, event))[0] ?? null,
    leaveSession: (by, event) => markLeft(db, by, event),
    // A lease that was set longer, or lifted, while this renewal was on its way stays so.
    renew: async (held, until) =>
      void (await sql`
        update holdfast.approvals set lease_until = greatest(lease_until, ${until}::timestamptz)
        where (dispatcher, id) in (select * from unnest(${[...held.keys()]}::text[], ${[...held.values()]}::text[]))
          and state = 'dispatched' and lease_until is not null`.execute(db)),
    beat: async (replica) =>
      void (await sql`
        insert into holdfast.replicas (id, seen_at) values (${replica}, clock_timestamp())
        on conflict (id) do update set seen_at = excluded.seen_at`.execute(db)),
    overdue: (now, limit) => overdueWork(db, now, limit),
    unreminded: (now, limit) => unremindedApprovals(db, now, limit),
    claimNotice: (notice, ms) => claimNotice(db, notice, ms),
    releaseNotice: (notice) => releaseNotice(db, notice),
    forget: (now) => forgetResults(db, now),
    card: (approval) => readCard(db, approval),
    claimCard: (approval, run) => claimCard(db, approval, run),
    releaseCard: (approval, run) => releaseCard(db, approval, run),
    unposted: (ids, before) => unpostedCards(db, ids, before),
    saveCard: (card, event, content) => saveCard(db, card, event, content),
    bindSession: (id, server, grant) => bindSession(db, id, server, grant),
    sessionGrant: (id, server) => sessionGrant(db, id, server),
    unbindSession: (id, server) => unbindSession(db, id, server),
    events: (filter) => readEvents(db, filter),
    seal: (limit) => sealEvents(db, limit),
  };
  return guarded(verbs);
}
