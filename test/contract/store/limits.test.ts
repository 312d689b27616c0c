import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Take, Taken } from '../../../src/domain/policy/limit.ts';
import {
  change,
  eventOf,
  newApproval,
  open,
  randomHex,
  STORES,
  type StoreKind,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
} from '../../support/store/world.ts';

/** Amounts are hundredths, so that the model can count in whole numbers. */
interface Counter {
  readonly name: string;
  readonly max: number;
}
type Step =
  /** Which counters, and how much of each. */
  | { readonly kind: 'take'; readonly of: readonly { counter: number; by: number }[]; readonly approved: boolean }
  /** Gives back what the n-th admitted call took. */
  | { readonly kind: 'refund'; readonly which: number };

const counters = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 3 });
const takes = fc.uniqueArray(
  fc.record({ counter: fc.nat(2), by: fc.oneof(fc.constant(100), fc.integer({ min: 0, max: 700 })) }),
  { minLength: 1, maxLength: 3, selector: (one) => one.counter },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('take' as const), of: takes, approved: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refund' as const), which: fc.nat(5) }) },
);

for (const kind of STORES) suite(kind);

function suite(kind: StoreKind): void {
  describe(`limits in the store on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world?.close());

    test('P5: one after the other, every answer is the model’s: takes, refusals, refunds, dispatches', async () => {
      const property = fc.asyncProperty(counters, fc.array(step, { maxLength: 12 }), async (maxima, steps) => {
        const model = modelOf(maxima);
        const admitted: { taken: readonly Taken[]; of: readonly { counter: number; by: number }[] }[] = [];
        for (const one of steps) {
          if (one.kind === 'refund') {
            const call = admitted.splice(one.which, 1)[0];
            if (call === undefined) continue;
            await world.one.refund(call.taken, eventOf('call.refunded'));
            for (const { counter, by } of call.of) model.used[counter]! -= by;
            continue;
          }
          const of = one.of.filter(({ counter }) => counter < maxima.length);
          const fits = of.every(({ counter, by }) => model.used[counter]! + by <= maxima[counter]!);
          const asked = of.map(({ counter, by }) => takeOf(model.counters[counter]!, by));
          assert.equal((await world.one.peek(asked)) === null, fits, 'peek');
          const taken = await takeIn(world, asked, one.approved);
          assert.equal(taken !== null, fits, 'take');
          if (taken === null) continue;
          for (const { counter, by } of of) model.used[counter]! += by;
          admitted.push({ taken, of });
        }
        assert.deepEqual(await usedIn(world, model.counters), model.used);
      });
      await fc.assert(property, { numRuns: kind === 'PGlite' ? 40 : 60 });
    });

    test('P5: all at once, on two replicas: never over the maximum, all or none, and nothing refused that would still fit', async () => {
      const property = fc.asyncProperty(
        counters,
        fc.array(takes, { minLength: 2, maxLength: 25 }),
        async (maxima, calls) => {
          const model = modelOf(maxima);
          const asked = calls
            .map((of) => of.filter(({ counter }) => counter < maxima.length))
            .filter((of) => of.length > 0);
          const answers = await Promise.all(
            asked.map((of, n) =>
              (n % 2 ? world.one : world.other).admit(
                of
                  .map(({ counter, by }) => takeOf(model.counters[counter]!, by))
                  .sort((a, b) => (a.counter < b.counter ? -1 : 1)),
                eventOf('call.allowed', { tool: `t${n}` }),
              ),
            ),
          );
          for (const [n, of] of asked.entries()) {
            if (answers[n]!.kind === 'admitted') for (const { counter, by } of of) model.used[counter]! += by;
          }
          assert.deepEqual(await usedIn(world, model.counters), model.used, 'what was admitted is what was counted');
          for (const [index, used] of model.used.entries()) assert.ok(used <= maxima[index]!, 'over the maximum');
          for (const [n, of] of asked.entries()) {
            const wouldFit = of.every(({ counter, by }) => model.used[counter]! + by <= maxima[counter]!);
            if (answers[n]!.kind === 'full') assert.ok(!wouldFit, 'refused although it fits even now');
          }
        },
      );
      await fc.assert(property, { numRuns: kind === 'PGlite' ? 20 : 40 });
    });

    test('P5: allowed and approved calls at once share one counter', async () => {
      const counter = { name: `shared_${randomHex(5)}`, max: 700 };
      const approved = await Promise.all(
        Array.from({ length: 10 }, async () => {
          const result = await open(world.one, newApproval());
          assert.ok(result.kind === 'opened');
          return through(world.one, result.approval, 'approved');
        }),
      );
      const tries = await Promise.all([
        ...approved.map((one, n) =>
          (n % 2 ? world.one : world.other).commit(change(one, 'dispatched', { takes: [takeOf(counter, 100)] })),
        ),
        ...Array.from({ length: 10 }, (_, n) =>
          (n % 2 ? world.one : world.other).admit([takeOf(counter, 100)], eventOf('call.allowed')),
        ),
      ]);
      assert.equal(tries.filter((one) => one.kind === 'committed' || one.kind === 'admitted').length, 7);
      assert.equal(tries.filter((one) => one.kind === 'full').length, 13);
    });

    test('P7: a limited call’s event is in the log exactly when it was let through', async () => {
      const counter = { name: `logged_${randomHex(5)}`, max: 300 };
      const tool = `tool-${randomHex(4)}`;
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => world.one.admit([takeOf(counter, 100)], eventOf('call.allowed', { tool }))),
      );
      assert.equal(answers.filter((one) => one.kind === 'admitted').length, 3);
      const logged = await world.rows(`select 1 from holdfast.events where tool = '${tool}'`);
      assert.equal(logged.length, 3);
    });

    test('P5: a full counter says when its window ends, by the database’s clock', async () => {
      for (const window of [
        { seconds: 60 },
        { calendar: 'day' },
        { calendar: 'month' },
        { calendar: 'week' },
      ] as const) {
        const take = { ...takeOf({ name: `w_${randomHex(5)}`, max: 0 }, 100), window };
        const full = await world.one.peek([take]);
        const admitted = await world.one.admit([take], eventOf('call.allowed'));
        assert.ok(full !== null && admitted.kind === 'full');
        for (const one of [full, admitted.full]) {
          assert.deepEqual(one.resetsAt, endOf(window, new Date()), JSON.stringify(window));
          const left = (one.resetsAt.getTime() - Date.now()) / 1_000;
          assert.ok(one.retryAfter >= 1 && Math.abs(one.retryAfter - left) <= 5);
          assert.deepEqual(one.take, take);
        }
      }
    });

    test('P5: a window of a second is another window a second later', async () => {
      const take = { ...takeOf({ name: `s_${randomHex(5)}`, max: 100 }, 100), window: { seconds: 1 } } as const;
      const first = await world.one.admit([take], eventOf('call.allowed'));
      assert.equal(first.kind, 'admitted');
      await new Promise((resolve) => setTimeout(resolve, 1_050));
      const second = await world.one.admit([take], eventOf('call.allowed'));
      assert.equal(second.kind, 'admitted');
      // A refund for a window that is over makes no room in the current one.
      if (first.kind === 'admitted') await world.one.refund(first.taken, eventOf('call.refunded'));
      const used = await world.rows(
        `select used from holdfast.counters where key like '%${take.counter}%' order by window_start`,
      );
      assert.equal(Number(used.at(-1)!.used), 1);
    });
  });
}

function modelOf(maxima: readonly number[]) {
  const name = randomHex(6);
  return { counters: maxima.map((max, index) => ({ name: `c${index}_${name}`, max })), used: maxima.map(() => 0) };
}

function takeOf({ name, max }: Counter, by: number): Take {
  const words = { max: decimal(max), by: decimal(by) };
  return { server: 's', counter: name, scope: 'grant', scopeValue: 'g', window: { calendar: 'month' }, ...words };
}

function decimal(hundredths: number): string {
  return (hundredths / 100).toFixed(2);
}

/** Takes by an allowed call or by the dispatch of an approved one: the counters are the same. */
async function takeIn(world: StoreWorld, asked: readonly Take[], approved: boolean): Promise<readonly Taken[] | null> {
  if (!approved) {
    const admission = await world.one.admit(asked, eventOf('call.allowed'));
    return admission.kind === 'admitted' ? admission.taken : null;
  }
  const opened = await open(world.one, newApproval());
  assert.ok(opened.kind === 'opened');
  const approval = await through(world.one, opened.approval, 'approved');
  const committed = await world.one.commit(change(approval, 'dispatched', { takes: asked }));
  return committed.kind === 'committed' ? committed.taken : null;
}

async function usedIn(world: StoreWorld, all: readonly Counter[]): Promise<number[]> {
  const rows = await world.rows(`select key, used from holdfast.counters where key like '%${all[0]!.name.slice(3)}%'`);
  return all.map(({ name }) => {
    const row = rows.find(({ key }) => String(key).includes(`"${name}"`));
    return row === undefined ? 0 : Math.round(Number(row.used) * 100);
  });
}

function endOf(window: Take['window'], now: Date): Date {
  if ('seconds' in window)
    return new Date((Math.floor(now.getTime() / 1_000 / window.seconds) + 1) * window.seconds * 1_000);
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  if (window.calendar === 'month') return new Date(Date.UTC(year, month + 1, 1));
  // Weeks begin on Monday.
  const days = window.calendar === 'week' ? 8 - (now.getUTCDay() || 7) : 1;
  return new Date(Date.UTC(year, month, day + days));
}
