import { sql } from 'kysely';
import type { Change, Committed, Seals, Store } from '../ports.ts';
import { acceptStore } from './approval/accept.ts';
import { lastAcceptance } from './approval/acceptances.ts';
import { AskedBefores } from './approval/asked-before.ts';
import { cardsToLookAt, readCard, refuseCard, releaseCard, renewCard, unpostedCards } from './approval/cards.ts';
import { bothAsOne, commitTogether, moveOf } from './approval/commit.ts';
import { endCounters } from './approval/counter.ts';
import { digestLeaders, namedInDigest, openedBefore } from './approval/digests.ts';
import { earlierCalls } from './approval/earlier.ts';
import { earlierAsked, keepFacts } from './approval/facts.ts';
import { markAllAway, markAway, markCancelled, markForsaken, markLeft, waitingRequests } from './approval/joiners.ts';
import { renewLeases } from './approval/leases.ts';
import { claimNotice, releaseNotice, unremindedApprovals } from './approval/notices.ts';
import { OpeningGroups } from './approval/opening-groups.ts';
import { pendingApprovals, pendingCounts } from './approval/pending.ts';
import { beat } from './approval/presence.ts';
import {
  changedApprovals,
  doubtfulApprovals,
  findApproval,
  forgetResults,
  glanceApprovals,
  listApprovals,
  lookAtApproval,
  overdueWork,
  sealedBytes,
} from './approval/read.ts';
import { approvalOctets, removableApprovals, removeApprovals } from './approval/removal.ts';
import { sentCalls } from './approval/sent-calls.ts';
import { bindSession, countSession, sessionGrant, unbindSession, uncountSession } from './approval/sessions.ts';
import { endedEarly, standings } from './approval/standing.ts';
import type { SqlConnection } from './connection/connection.ts';
import { guarded } from './connection/guard.ts';
import { KeyedMutex } from './connection/keyed-mutex.ts';
import { readClock } from './connection/read-clock.ts';
import { AdmissionBatcher } from './limit/admit.ts';
import { firstFull, refund } from './limit/counters.ts';
import { callBackParts, giveBackParts, lookAtParts, partsOut, takeParts } from './limit/parts.ts';
import { Appender } from './log/append.ts';
import { openEpoch } from './log/epoch.ts';
import { readEvents } from './log/events.ts';
import { EventSealer } from './log/seal.ts';
import { rebaseSets, setJudge } from './sets/all-sets.ts';
import { type Beliefs, sqlBeliefs } from './sets/beliefs.ts';
import { cardClaims } from './together/card-claims.ts';
import { cardSaves } from './together/card-saves.ts';
import { collections } from './together/collections.ts';
import { gatheredFinds, gatheredLooks } from './together/reads.ts';
import { sharedChanges } from './together/shared-changes.ts';
import { takenBacks } from './together/taken-back.ts';

/** The `Store` port: the authority. Whatever SQL could not do is `Unavailable('store')`, and nothing was changed. */
export function sqlStore(
  { db, close, checkDisk, clock }: SqlConnection,
  seals: Seals,
  beliefs: Beliefs = sqlBeliefs(db, seals),
): Store {
  const { tables } = beliefs;
  const judge = setJudge(db, seals);
  const trust = { seals, tables };
  const admissions = new AdmissionBatcher(db, seals);
  const appender = new Appender(db, seals);
  const sealer = new EventSealer(db, seals);
  const asked = new AskedBefores(db);
  const openings = new OpeningGroups(db, seals);
  const commit = sharedChanges(db, seals, beliefs);
  const collected = collections(db, seals);
  const finds = gatheredFinds(db, trust);
  const looks = gatheredLooks(db, trust);
  const claims = cardClaims(db, trust);
  const saves = cardSaves(db, trust);
  const takenBackBy = takenBacks(db);
  const sessionsByGrant = new KeyedMutex();
  const known = ({ to }: Change, committed: Committed): Committed => {
    if (to === 'dispatched' && committed.kind === 'committed') asked.sent(committed.approval);
    return committed;
  };
  const verbs: Store = {
    ping: async () => {
      await (clock === undefined ? sql`select 1`.execute(db) : readClock(db, clock));
      await checkDisk?.();
    },
    close,
    append: (events) => appender.append(events),
    admit: (takes, event) => admissions.admit(takes, event),
    peek: (takes) => firstFull(db, takes),
    refund: (taken, event) => refund(db, seals, taken, event),
    takeParts: (holder, leaseMs, parts) => takeParts(db, holder, leaseMs, parts),
    lookAtParts: (holder, ids, renewMs) => lookAtParts(db, holder, ids, renewMs),
    giveBackParts: (holder, parts) => giveBackParts(db, holder, parts),
    callBackParts: (holder, take) => callBackParts(db, holder, take),
    partsOut: (holder, take) => partsOut(db, holder, take),
    open: (request, joiner, room, event) => openings.open(request, joiner, room, event),
    find: (id, how) => (how === 'together' ? finds.do(id) : findApproval(db, seals, id)),
    look: (id, how) => (how === 'together' ? looks.do(id) : lookAtApproval(db, trust, id)),
    earlier: (ids, most) => earlierCalls(db, ids, most),
    askedBefore: (by, since) => asked.find(by, since),
    earlierAsked: (call) => earlierAsked(db, seals, call),
    keepFacts: (id, facts, event) => keepFacts(db, seals, id, facts, event),
    pending: (beholder, filter, page) => pendingApprovals(db, seals, beholder, filter, page),
    counts: () => pendingCounts(db),
    list: (filter) => listApprovals(db, seals, filter),
    glance: (filter) => glanceApprovals(db, seals, filter),
    commit: async (change) => known(change, await commit(moveOf(change))),
    endCounters: (at) => endCounters(db, seals, beliefs, at),
    commitBoth: async (first, second) => known(second, await commit(bothAsOne(first, second))),
    commitTogether: (changes) => commitTogether(db, seals, changes),
    changed: (held) => changedApprovals(db, seals, held),
    sentCalls: (ids) => sentCalls(db, seals, ids),
    request: (id) => sealedBytes(db, id, 'request'),
    result: (id) => sealedBytes(db, id, 'result'),
    collected: (joiner, event, until) => collected({ joiner, event, until }),
    away: (joiner, replica) => markAway(db, joiner, replica),
    allAway: (replica) => markAllAway(db, replica),
    leave: async (by, event) => (await markLeft(db, seals, by, event))[0]?.approval ?? null,
    cancel: (by, gaveUp, event) => markCancelled(db, seals, by, gaveUp, event),
    leaveForsaken: async (ms, limit, event) =>
      (await markForsaken(db, seals, ms, limit, event)).map(({ approval }) => approval),
    waiting: (by) => waitingRequests(db, by),
    leaveSession: async (by, event) => (await markLeft(db, seals, by, event)).map(({ approval }) => approval),
    renew: (held, until) => renewLeases(db, held, until),
    beat: (replica) => beat(db, replica, clock),
    overdue: (now, limit) => overdueWork(db, trust, now, limit),
    unreminded: (now, limit) => unremindedApprovals(db, seals, now, limit),
    claimNotice: (notice, ms) => claimNotice(db, notice, ms),
    releaseNotice: (notice) => releaseNotice(db, notice),
    forget: (now, over) => forgetResults(db, now, over),
    card: (approval) => readCard(db, trust, approval),
    claimCard: (approval, run) => claims({ approval, run }),
    renewCard: (approval, run, ms) => renewCard(db, approval, run, ms),
    releaseCard: (approval, run, unposted) => releaseCard(db, approval, run, unposted),
    takenBack: (grant) => takenBackBy(grant),
    unposted: (ids, before) => unpostedCards(db, trust, ids, before),
    refuseCard: (approval, why, event) => refuseCard(db, trust, approval, why, event),
    openedBefore: (approval, ms, most) => openedBefore(db, approval, ms, most),
    namedInDigest: (leader, ms, most) => namedInDigest(db, leader, ms, most),
    digestLeaders: (approval, kind, ms) => digestLeaders(db, approval, kind, ms),
    cardsToLookAt: (limit) => cardsToLookAt(db, limit),
    saveCard: (card, event, content, run) => saves({ card, event, content, run }),
    bindSession: (id, server, grant) => bindSession(db, tables, id, server, grant),
    countSession: (id, grant, rate) => sessionsByGrant.run(grant, () => countSession(db, id, grant, rate)),
    uncountSession: (id) => uncountSession(db, id),
    sessionGrant: (id, server) => sessionGrant(db, tables, id, server),
    unbindSession: (id, server) => unbindSession(db, id, server),
    events: (filter) => readEvents(db, seals, filter),
    doubtful: (limit) => doubtfulApprovals(db, seals, limit),
    beginSeals: (begin) => openEpoch(db, seals, begin),
    seal: (limit) => sealer.seal(limit),
    removable: (after, before, limit) => removableApprovals(db, seals, after, before, limit),
    remove: (ids, before, event) => removeApprovals(db, seals, ids, before, event),
    approvalOctets: () => approvalOctets(db),
    endedEarly: (now) => endedEarly(db, now),
    standings: (ids) => standings(db, ids),
    judgeSets: (readings) => judge(readings),
    lastAcceptance: (log, known) => lastAcceptance(db, seals, log, known),
    accept: (plan) => acceptStore(db, seals, plan, (trx) => rebaseSets(trx, seals, plan)),
  };
  return guarded(verbs);
}
