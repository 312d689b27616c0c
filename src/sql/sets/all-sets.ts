import type { Kysely, Transaction } from 'kysely';
import type { AcceptPlan, Seals, SetReadings } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';
import { API_TOKEN_SET } from './api-token-set.ts';
import { ASKED_SET } from './asked-set.ts';
import { COUNTER_SET } from './counter-set.ts';
import { FREEZE_SET } from './freeze-set.ts';
import { ALLOWANCE_SET, DENIAL_SET } from './in-advance-sets.ts';
import { ISSUED_SET } from './issued-set.ts';
import { KEY_SET } from './key-set.ts';
import { PERSON_EMAIL_SET } from './person-email-set.ts';
import { PURSUIT_SET } from './pursuit-set.ts';
import { REVOCATION_SET } from './revocation-set.ts';
import { judgedSet, openSet, type RebasedSet, rebaseSet } from './set-table.ts';

/** What is done with each set. One list for all of it: a set that is not named is compared with nothing. */
interface SetVerbs {
  open(db: Kysely<Tables>, seals: Seals): Promise<void>;
  judge(db: Kysely<Tables>, seals: Seals, readings: SetReadings): Promise<unknown>;
  rebase(trx: Transaction<Tables>, seals: Seals, plan: AcceptPlan): Promise<RebasedSet>;
}

const SETS: readonly SetVerbs[] = [
  verbsOf(FREEZE_SET),
  verbsOf(REVOCATION_SET),
  verbsOf(ASKED_SET),
  verbsOf(ISSUED_SET),
  verbsOf(PURSUIT_SET),
  verbsOf(API_TOKEN_SET),
  verbsOf(KEY_SET),
  verbsOf(ALLOWANCE_SET),
  verbsOf(DENIAL_SET),
  verbsOf(COUNTER_SET),
  verbsOf(PERSON_EMAIL_SET),
];

function verbsOf<R extends { readonly seal: string | null }>(table: Parameters<typeof openSet<R>>[2]): SetVerbs {
  return {
    open: (db, seals) => openSet(db, seals, table),
    judge: (db, seals, readings) => judgedSet(db, seals, table, readings),
    rebase: (trx, seals, plan) => rebaseSet(trx, seals, table, plan),
  };
}

/** Reads every set and tells of it. Each is begun before it is read for the first time. */
export function setJudge(db: Kysely<Tables>, seals: Seals): (readings: SetReadings) => Promise<void> {
  let opened = false;
  return async (readings) => {
    if (!opened) for (const { open } of SETS) await open(db, seals);
    opened = true;
    for (const { judge } of SETS) await judge(db, seals, readings);
  };
}

/** An operator accepted the store: what is done with each set. */
export async function rebaseSets(trx: Transaction<Tables>, seals: Seals, plan: AcceptPlan): Promise<RebasedSet> {
  const sets: RebasedSet[] = [];
  for (const { rebase } of SETS) sets.push(await rebase(trx, seals, plan));
  return {
    heads: sets.flatMap(({ heads }) => heads),
    putBack: sets.flatMap(({ putBack }) => putBack),
    lost: sets.flatMap(({ lost }) => lost),
  };
}
