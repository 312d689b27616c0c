import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Approval, Decision } from '../src/domain/approval/approval.ts';
import type { Seals, Store } from '../src/ports.ts';
import { openPglite } from '../src/sql/connection/pglite.ts';
import { openPostgres } from '../src/sql/connection/postgres.ts';
import { sqlStore } from '../src/sql/store.ts';
import { rowSeals } from '../src/vault/row-seals.ts';
import { quiet } from '../test/support/log.ts';
import { change, opened } from '../test/support/store/world.ts';
import { median } from './load.ts';

/**
 * What seals add to the statements of a decision: the same with seals against seals that do nothing, in one run and one
 * database each.
 */
export interface SealCost {
  /** Median of the ratios of the statements' time with seals to their time with none. */
  readonly ratio: number;
  /** Milliseconds of a decision that go into sealing and checking, median. */
  readonly sealsMs: number;
  /** Milliseconds of its statements with seals, median. */
  readonly ms: number;
}

/** `urls`: two empty databases; null: embedded ones. */
export async function sealCost(urls: readonly [string, string] | null, rounds: number): Promise<SealCost> {
  const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'holdfast-bench-')));
  const clocked = timed(rowSeals(['a secret of a bench, long enough to derive keys from']));
  const open = async (nth: 0 | 1, seals: Seals): Promise<Store> => {
    const url = urls?.[nth];
    const connection = url === undefined ? await openPglite(folders[nth]!) : await openPostgres({ url, log: quiet });
    return sqlStore(connection, seals);
  };
  const [withSeals, without] = [await open(0, clocked.seals), await open(1, NO_SEALS)];
  const sealed: number[] = [];
  const plain: number[] = [];
  const spent: number[] = [];
  for (let round = 0; round < WARM_UP + rounds; round += 1) {
    // Each goes first as often as the other.
    const turns = round % 2 === 0 ? [withSeals, without] : [without, withSeals];
    for (const store of turns) {
      const { approval, joiner } = await opened(store);
      const before = clocked.ms();
      const start = performance.now();
      await decide(store, approval, joiner.id);
      const took = performance.now() - start;
      if (round < WARM_UP) continue;
      (store === withSeals ? sealed : plain).push(took);
      if (store === withSeals) spent.push(clocked.ms() - before);
    }
  }
  await Promise.all([withSeals.close(), without.close()]);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  return { ratio: median(sealed.map((ms, nth) => ms / plain[nth]!)), sealsMs: median(spent), ms: median(sealed) };
}

/** V8 compiles, and Postgres keeps its plans. */
const WARM_UP = 200;

/**
 * What the store does from a click to its caller's answer: the click's read, vote and pass in one, the caller's look, and
 * how the call ended.
 */
async function decide(store: Store, { id }: Approval, joiner: string): Promise<void> {
  const approval = (await store.find(id))!;
  const decision: Decision = {
    ...{ approver: 'U0MIRA', choice: 'approve', reason: null, via: 'slack', self: false, userGroup: null },
    at: new Date(),
  };
  const given = change(approval, 'approved', { decision, believed: approval.seal });
  const passed = { ...approval, state: 'approved', revision: approval.revision + 1 } as const;
  const committed = await store.commitBoth(given, change(passed, 'dispatched', { joiner }));
  if (committed.kind !== 'committed') throw new Error(`not decided but ${committed.kind}`);
  const dispatched = (await store.look(id))!.approval;
  await store.commit(change(dispatched, 'succeeded'));
}

/** The same seals, and how many milliseconds they took so far. */
function timed(seals: Seals): { readonly seals: Seals; ms(): number } {
  let total = 0;
  const clocked = <A extends readonly unknown[], R>(work: (...args: A) => R) => {
    return (...args: A): R => {
      const start = performance.now();
      const result = work(...args);
      total += performance.now() - start;
      return result;
    };
  };
  return {
    seals: {
      ...seals,
      seal: clocked(seals.seal),
      sealEach: clocked(seals.sealEach),
      sealOnce: clocked(seals.sealOnce),
      fits: clocked(seals.fits),
      digest: clocked(seals.digest),
    },
    ms: () => total,
  };
}

const NOTHING = `1${'0'.repeat(40)}`;
const NO_SEALS: Seals = {
  bind: () => undefined,
  seal: () => NOTHING,
  sealEach: () => [NOTHING],
  sealOnce: () => NOTHING,
  fits: () => true,
  fitsIn: () => true,
  maker: () => 'newest',
  prefix: NOTHING.slice(0, 9),
  earlier: [],
  retire: () => undefined,
  mayLack: () => true,
  mayLackUntil: () => undefined,
  wasGood: () => false,
  digest: () => '0'.repeat(64),
};
