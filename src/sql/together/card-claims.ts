import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Store } from '../../ports.ts';
import type { GatheredEnd } from '../../time/gathered.ts';
import { CARD_ROW, type CardRow, type CardTrust, judgedCard, lastEventSeal, loggedCard } from '../approval/card-row.ts';
import { isSilent } from '../approval/presence.ts';
import { ALONE, gatheredStatements, orAlone } from '../connection/gathered-statements.ts';
import { THEN_COMMIT, WITH_THE_NEXT } from '../connection/joined-statements.ts';
import type { Tables } from '../table/tables.ts';

/** Cards that one statement takes at most. */
const MOST_CLAIMS = 50;
/** Milliseconds after which others no longer wait for a statement: a row that it needs is locked. */
const PATIENCE_MS = 100;
/** Seconds that a claim may still last. One that would last longer is none of ours, or the clock was set back. */
const LONGEST_CLAIM = 90;

/** What is asked for, as `Store.claimCard` is told. */
interface CardClaim {
  readonly approval: string;
  readonly run: { readonly id: string; readonly replica: string; readonly ms: number };
}

type Claimed = Awaited<ReturnType<Store['claimCard']>>;

/**
 * Takes cards, each for one run; those that are asked for at the same time together. The row is the lock, and it records the
 * intent to post, so that a post whose answer was lost is looked for. What it says is read once it is taken: a statement that
 * waits for a row sees what it waited for beside an older log. One whose row is locked is waited for by itself: the others are taken.
 */
export function cardClaims(db: Kysely<Tables>, trust: CardTrust): (claim: CardClaim) => Promise<Claimed> {
  const together = gatheredStatements<CardClaim, Claimed | typeof ALONE>({
    most: MOST_CLAIMS,
    patienceMs: PATIENCE_MS,
    keyOf: ({ approval }) => approval,
    alone: async (claim) => answerOf(await claimAll(db, trust, [claim], 'free')),
    several: (claims) => claimAll(db, trust, claims, 'free'),
  });
  return orAlone(together, async (claim) => answerOf(await claimAll(db, trust, [claim], 'any')) as Claimed);
}

function answerOf([end]: readonly GatheredEnd<Claimed | typeof ALONE>[]): Claimed | typeof ALONE {
  if ('fault' in end!) throw end.fault;
  return end!.answer;
}

type ClaimedRow = CardRow & {
  readonly id: string;
  readonly taken: boolean | null;
  readonly fresh: boolean | null;
  /** Nobody else has locked the row, or there was none. */
  readonly free: boolean;
  readonly last: string | null;
  readonly now: number | null;
};

/**
 * One message: the rows are taken in the order of their ids, and read by the statement after. Tried again by the same run, what it has
 * taken is its own. Of `free` ones those whose row is locked are left to be taken alone; `any` are waited for.
 */
async function claimAll(
  db: Kysely<Tables>,
  trust: CardTrust,
  claims: readonly CardClaim[],
  which: 'any' | 'free',
): Promise<readonly GatheredEnd<Claimed | typeof ALONE>[]> {
  const asked = JSON.stringify(claims.map((claim) => rowOfClaim(trust, claim)));
  const until = (seconds: RawBuilder<unknown>) => sql`clock_timestamp() + make_interval(secs => ${seconds})`;
  const found = await db.transaction().execute(async (trx) => {
    await sql`${WITH_THE_NEXT}
      with there as materialized (
        select k.approval_id as id from holdfast.cards k where k.approval_id in (select o.id from ${rowsOf(asked)} o limit ${sql.lit(claims.length)})
      ), free as materialized (
        select k.approval_id as id from holdfast.cards k where k.approval_id in (select t.id from there t)
        order by k.approval_id for update of k skip locked
      )
      insert into holdfast.cards as c (approval_id, channel, revision, digest, run, run_by, run_until, seal)
      select q.id, q.channel, q.revision, q.digest, q.run, q.run_by, ${until(sql`q.seconds`)}, q.seal
      from ${rowsOf(asked)} q
      where ${which === 'any' ? sql`true` : sql`q.id in (select f.id from free f) or q.id not in (select t.id from there t)`}
      order by q.id
      on conflict (approval_id) do update set run = excluded.run, run_by = excluded.run_by, run_until = excluded.run_until
        where c.run is null or c.run = excluded.run or c.run_until < clock_timestamp()
          or c.run_until > ${until(sql`${sql.lit(LONGEST_CLAIM)}::double precision`)} or ${isSilent(sql`c.run_by`)}`.execute(
      trx,
    );
    return sql<ClaimedRow>`${THEN_COMMIT}
      select q.id, c.run = q.run as taken, c.fresh, coalesce(c.ours, true) as free, a.revision as now, ${CARD_ROW}, ${lastEventSeal(sql`q.id`)} as last
      from ${rowsOf(asked)} with ordinality as q(id, channel, revision, digest, run, run_by, seconds, seal, nth)
        left join lateral (select k.*, k.xmax = 0 as fresh,
          k.xmin = pg_current_xact_id()::xid or k.xmax = pg_current_xact_id()::xid as ours from holdfast.cards k where k.approval_id = q.id limit 1) c on true
        left join lateral (select p.revision from holdfast.approvals p where p.id = q.id limit 1) a on true
      order by q.nth`.execute(trx);
  });
  return Promise.all(
    found.rows.map((row) => (which === 'free' && !row.free ? { answer: ALONE } : readClaim(db, trust, row))),
  );
}

async function readClaim(
  db: Kysely<Tables>,
  trust: CardTrust,
  { id, taken, fresh, free: _, last, now, ...row }: ClaimedRow,
): Promise<GatheredEnd<Claimed>> {
  if (taken !== true) return { answer: false };
  try {
    if (!fresh) return { answer: { card: (await judgedCard(db, trust, id, row, last)).record, revision: now } };
    // Its row may have been deleted: the log still says where it is.
    return { answer: { card: last === null ? null : await loggedCard(db, trust, id), revision: now } };
  } catch (fault) {
    return { fault };
  }
}

function rowsOf(asked: string): RawBuilder<unknown> {
  return sql`rows from (json_to_recordset(${asked}::json) as (id text, channel text, revision int, digest text, run text,
    run_by text, seconds double precision, seal text))`;
}

/** A row that says nothing of a card yet. */
function rowOfClaim(trust: CardTrust, { approval, run }: CardClaim) {
  const nothing = { ts: null, posted_at: null, told_freeze: null, refused: null, event_seal: null };
  const row = { approval_id: approval, channel: '', revision: 0, digest: '' };
  const seal = trust.tables.seal('cards', { ...row, ...nothing });
  const { channel, revision, digest } = row;
  const taken = { run: run.id, run_by: run.replica, seconds: run.ms / 1_000 };
  return { id: approval, channel, revision, digest, ...taken, seal };
}
