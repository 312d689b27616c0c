import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { type NewEvent, NO_SUBJECT } from '../../src/domain/log/event.ts';
import type { Take } from '../../src/domain/policy/limit.ts';
import { Quota } from '../../src/gateway/state/quota.ts';
import { roomyStore } from '../../src/gateway/state/roomy-store.ts';
import type { Admission, PartStore, Store } from '../../src/ports.ts';
import { Unavailable } from '../../src/ports.ts';
import { quiet } from '../support/log.ts';

const EVENT: NewEvent = { ...NO_SUBJECT, type: 'call.allowed', at: new Date(0), actor: 'agent', data: {} };
/** Milliseconds of one step of the model's time, and of its windows. */
const STEP_MS = 50;
const WINDOW_MS = 20_000;

/** What may happen to a statement: its answer comes, comes late, is lost, or it is never run. */
type Fate = 'answered' | 'late' | 'lost' | 'refused';

interface Row {
  readonly holder: string;
  readonly window: number;
  readonly size: number;
  readonly recalls: number;
  until: number;
}

/** One counter as the database has it, by a clock of its own. Counts what is let through in each window. */
class ModelStore implements PartStore {
  now = 1_000;
  fate: () => Fate = () => 'answered';
  used = new Map<number, number>();
  readonly let = new Map<number, number>();
  readonly rows = new Map<string, Row>();
  readonly #recalls = new Map<number, number>();
  statements = 0;

  get window(): number {
    return Math.floor(this.now / WINDOW_MS);
  }

  async run<T>(statement: () => T): Promise<T> {
    this.statements += 1;
    const fate = this.fate();
    if (fate === 'refused') throw new Unavailable('store', 'refused');
    if (fate === 'late') await new Promise((resolve) => setTimeout(resolve, 2 * STEP_MS));
    const answer = statement();
    if (fate === 'late') await new Promise((resolve) => setTimeout(resolve, 3 * STEP_MS));
    else await turn();
    if (fate === 'lost') throw new Unavailable('store', 'lost');
    return answer;
  }

  #recallsIn(window = this.window): number {
    return this.#recalls.get(window) ?? 0;
  }

  usedNow(window = this.window): number {
    return this.used.get(window) ?? 0;
  }

  takeParts: PartStore['takeParts'] = (holder, leaseMs, parts) =>
    this.run(() =>
      parts.map(({ id, take, ask }) => {
        const room = Math.floor((Number(take.max) - this.usedNow()) / 8);
        // A window of the model is shorter than the time for which none is given after a call-back.
        const size = this.#recallsIn() > 0 ? 0 : Math.max(0, Math.min(ask, room));
        if (size > 0) {
          this.used.set(this.window, this.usedNow() + size);
          const row = { holder, window: this.window, size, recalls: this.#recallsIn(), until: this.now + leaseMs };
          this.rows.set(id, row);
        }
        const leftMs = (this.window + 1) * WINDOW_MS - this.now;
        return { id, size, windowStart: new Date(this.window * WINDOW_MS), leftMs };
      }),
    );

  lookAtParts: PartStore['lookAtParts'] = (holder, ids, renewMs) =>
    this.run(() =>
      ids.flatMap((id) => {
        const row = this.rows.get(id);
        if (row?.holder !== holder) return [];
        const alive = row.until > this.now;
        if (alive && renewMs !== null) row.until = this.now + renewMs;
        return [{ id, alive, recalled: row.recalls !== this.#recallsIn(row.window) }];
      }),
    );

  giveBackParts: PartStore['giveBackParts'] = (holder, parts) =>
    this.run(() => {
      for (const { id, left } of parts) {
        const row = this.rows.get(id);
        if (row?.holder !== holder) continue;
        this.rows.delete(id);
        if (row.window === this.window) this.used.set(row.window, this.usedNow() - Math.min(left, row.size));
      }
    });

  #others(holder: string): number {
    return [...this.rows.values()].filter(
      (row) => row.holder !== holder && row.window === this.window && row.until > this.now,
    ).length;
  }

  callBackParts: PartStore['callBackParts'] = (holder) =>
    this.run(() => {
      const others = this.#others(holder);
      if (others > 0) this.#recalls.set(this.window, this.#recallsIn() + 1);
      return others;
    });

  partsOut: PartStore['partsOut'] = (holder) => this.run(() => this.#others(holder));

  admit = (takes: readonly Take[]): Promise<Admission> =>
    this.run((): Admission => {
      const take = takes[0]!;
      if (this.usedNow() + 1 > Number(take.max)) {
        return { kind: 'full', full: { take, resetsAt: new Date(0), retryAfter: 60 } };
      }
      this.used.set(this.window, this.usedNow() + 1);
      this.passed();
      return { kind: 'admitted', taken: [] };
    });

  passed(): void {
    this.let.set(this.window, (this.let.get(this.window) ?? 0) + 1);
  }
}

/** A replica. While it stands still, nothing of it runs; its clocks go on. */
class Replica {
  readonly quota: Quota;
  readonly #store: Store;
  readonly #model: ModelStore;
  /** Until when it stands still, by the model's clock; Infinity: it is dead. */
  stillUntil = 0;

  /** `skewMs`: how wrong its machine's clock is. */
  constructor(model: ModelStore, name: string, skewMs: number) {
    this.#model = model;
    const through: PartStore = {
      takeParts: (...args) => this.#awake(() => model.takeParts(...args)),
      lookAtParts: (...args) => this.#awake(() => model.lookAtParts(...args)),
      giveBackParts: (...args) => this.#awake(() => model.giveBackParts(...args)),
      callBackParts: (...args) => this.#awake(() => model.callBackParts(...args)),
      partsOut: (...args) => this.#awake(() => model.partsOut(...args)),
    };
    this.quota = new Quota(through, name, quiet, () => ({ steady: model.now, wall: model.now + skewMs }));
    const store = { ...through, admit: (takes: readonly Take[]) => this.#awake(() => model.admit(takes)) };
    this.#store = roomyStore(store as unknown as Store, this.quota);
  }

  get isAwake(): boolean {
    return this.stillUntil <= this.#model.now;
  }

  /** Sends a statement once this replica runs, and hears the answer then. */
  async #awake<T>(statement: () => Promise<T>): Promise<T> {
    await this.#running();
    const answer = await statement();
    await this.#running();
    return answer;
  }

  async #running(): Promise<void> {
    while (!this.isAwake) {
      const ms = this.stillUntil - this.#model.now;
      await new Promise((resolve) => {
        if (ms < Infinity) setTimeout(resolve, ms);
      });
    }
  }

  async call(take: Take): Promise<'own' | 'exact' | 'full' | 'soon' | 'unavailable'> {
    if (!this.isAwake) return 'unavailable';
    if (this.quota.spend([take]) === null) return this.exact(take);
    this.#model.passed();
    return 'own';
  }

  /** As an approved call, or one with another limit, is counted. */
  async exact(take: Take): Promise<'exact' | 'full' | 'soon' | 'unavailable'> {
    try {
      const admission = await this.#store.admit([take], EVENT);
      if (admission.kind !== 'full') return 'exact';
      return admission.full.retryAfter <= 5 ? 'soon' : 'full';
    } catch {
      return 'unavailable';
    }
  }
}

/** Lets the model's time and the timers go on together. */
async function pass(t: TestContext, model: ModelStore, ms: number): Promise<void> {
  for (let done = 0; done < ms; done += STEP_MS) {
    model.now += STEP_MS;
    t.mock.timers.tick(STEP_MS);
    for (let n = 0; n < 3; n += 1) await turn();
  }
}

/** What this comes to, while time goes on. */
async function settled<T>(t: TestContext, model: ModelStore, waiting: Promise<T>): Promise<T> {
  let isDone = false;
  void waiting.finally(() => {
    isDone = true;
  });
  while (!isDone) await pass(t, model, STEP_MS);
  return waiting;
}

function takeOf(max: number): Take {
  const rest = { max: `${max}`, by: '1', window: { seconds: WINDOW_MS / 1_000 } } as const;
  return { server: 's', counter: 'c', scope: 'global', scopeValue: '*', ...rest };
}

type Deed =
  | { readonly kind: 'calls'; readonly at: number; readonly many: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'still'; readonly at: number; readonly ms: number }
  | { readonly kind: 'kill' | 'policy' | 'stop'; readonly at: number };

const at = fc.nat(2);
const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('calls' as const), at, many: fc.integer({ min: 1, max: 150 }) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 50, max: 3_000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('kill' as const, 'policy' as const, 'stop' as const), at }),
  },
);
const fates = fc.array(fc.constantFrom<Fate>('answered', 'answered', 'answered', 'late', 'lost', 'refused'), {
  minLength: 1,
  maxLength: 40,
});

test('P5: three replicas, whatever happens to them and to their statements: never more than the maximum in a window', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  let spentInParts = 0;
  const property = fc.asyncProperty(
    fc.integer({ min: 100, max: 400 }),
    fates,
    fc.array(deed, { minLength: 5, maxLength: 40 }),
    async (max, fated, deeds) => {
      const model = new ModelStore();
      let nth = 0;
      model.fate = () => fated[nth++ % fated.length]!;
      const take = takeOf(max);
      let made = 0;
      const make = (): Replica => new Replica(model, 'r', [0, 3_600_000, -3_600_000][made++ % 3]!);
      const replicas = [make(), make(), make()];

      for (const one of deeds) {
        if (one.kind === 'pass') await pass(t, model, one.ms);
        else if (one.kind === 'calls') {
          for (let n = 0; n < one.many; n += 1) {
            const call = replicas[one.at]!.call(take);
            void call.then((how) => {
              if (how === 'own') spentInParts += 1;
            });
            if (n % 8 === 0) await turn();
            if (n % 9 === 0) void replicas[one.at]!.exact(take);
          }
        } else if (one.kind === 'policy') replicas[one.at]!.quota.endAll();
        else if (one.kind === 'still') replicas[one.at]!.stillUntil = model.now + one.ms;
        else {
          if (one.kind === 'stop') void replicas[one.at]!.quota.stop();
          else replicas[one.at]!.stillUntil = Infinity;
          replicas[one.at] = make();
        }
        for (const [window, passed] of model.let) assert.ok(passed <= max, `${passed} of ${max} in window ${window}`);
      }
      // What the dead were asked is never answered.
      await pass(t, model, 5_000);
      for (const [window, passed] of model.let) assert.ok(passed <= max, `${passed} of ${max} in window ${window}`);
      t.mock.timers.reset();
      t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    },
  );
  await fc.assert(property, { numRuns: 60 });
  assert.ok(spentInParts > 500, `parts were spent: ${spentInParts}`);
});

test('P5: three replicas under uneven load: all of a window can pass, whoever holds what, and only then it is full', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const property = fc.asyncProperty(
    fc.integer({ min: 100, max: 3_000 }),
    fc.array(fc.tuple(at, fc.integer({ min: 1, max: 80 })), { minLength: 3, maxLength: 30 }),
    at,
    async (max, load, last) => {
      const model = new ModelStore();
      const take = takeOf(max);
      const replicas = [0, 1, 2].map(() => new Replica(model, 'r', 0));
      for (const [which, many] of load) {
        await settled(t, model, Promise.all(Array.from({ length: many }, () => replicas[which]!.call(take))));
      }
      // Whatever the others hold by now, one of them alone asks for the rest.
      let how = await settled(t, model, replicas[last]!.call(take));
      while (how === 'own' || how === 'exact') {
        if (model.now > WINDOW_MS * 0.9) return;
        const calls = Array.from({ length: 40 }, (_, n) => replicas[last]![n % 3 ? 'exact' : 'call'](take));
        const some = await settled(t, model, Promise.all(calls));
        how = some.at(-1)!;
        if (some.some((one) => one === 'full' || one === 'soon')) break;
      }
      assert.equal(await settled(t, model, replicas[last]!.call(take)), 'full');
      assert.equal(model.let.get(0), max, 'all of it has passed');
      await settled(t, model, Promise.all(replicas.map(({ quota }) => quota.stop())));
      assert.equal(model.rows.size, 0);
    },
  );
  await fc.assert(property, { numRuns: 30 });
});

test('P5: a part whose taking was not answered is given back whole, as soon as the store answers again', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const model = new ModelStore();
  const replica = new Replica(model, 'r', 0);
  const take = takeOf(1_000);
  assert.equal(replica.quota.spend([take]), null);
  model.fate = () => 'lost';
  assert.equal(replica.quota.spend([take]), null);
  await pass(t, model, 1_000);
  assert.deepEqual(
    [model.rows.size, model.usedNow(), replica.quota.size],
    [0, 0, 0],
    'lost answers of giving back change nothing',
  );
  model.fate = () => 'answered';
  await pass(t, model, 200);
  assert.equal(model.usedNow(), 0);
  await replica.quota.stop();
});

test('P5: an exact call gets what its own process holds first, and nobody else is asked for that', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const model = new ModelStore();
  const replica = new Replica(model, 'r', 0);
  const take = takeOf(500);
  await settled(t, model, replica.call(take));
  await settled(t, model, replica.call(take));
  await pass(t, model, STEP_MS);
  const held = [...model.rows.values()].reduce((sum, { size }) => sum + size, 0);
  assert.equal(held, 10);
  model.used.set(0, 500);
  assert.equal(await settled(t, model, replica.exact(take)), 'exact');
  assert.deepEqual([replica.quota.size, model.usedNow()], [0, 491]);
  await replica.quota.stop();
});

/** One replica that holds a part of a window that counts as used up. */
async function heldAtTheEnd(t: TestContext) {
  const model = new ModelStore();
  const replica = new Replica(model, 'r', 0);
  const take = takeOf(500);
  for (let n = 0; n < 2; n += 1) await settled(t, model, replica.call(take));
  await pass(t, model, STEP_MS);
  assert.ok(replica.quota.size > 0);
  model.used.set(0, 500);
  return { model, replica, take };
}

test('P5: a call that finds a window full waits for what is on its way back', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const { model, replica, take } = await heldAtTheEnd(t);
  const { giveBackParts } = model;
  model.giveBackParts = async (...args) => {
    await new Promise((resolve) => setTimeout(resolve, 2 * STEP_MS));
    return giveBackParts(...args);
  };
  replica.quota.endAll();
  assert.equal(replica.quota.size, 0);
  assert.equal(await settled(t, model, replica.exact(take)), 'exact');
  await settled(t, model, replica.quota.stop());
});

test('P5: while what a process holds could not be given back, a call is told to come again soon', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const { model, replica, take } = await heldAtTheEnd(t);
  const { giveBackParts } = model;
  model.giveBackParts = () => Promise.reject(new Unavailable('store', 'refused'));
  assert.equal(await settled(t, model, replica.exact(take)), 'soon');
  model.giveBackParts = giveBackParts;
  await pass(t, model, 250);
  assert.equal(await settled(t, model, replica.exact(take)), 'exact', 'it went back with the next look');
  await settled(t, model, replica.quota.stop());
});

test('P5: a call takes from parts of all of its counters or of none, and what was not sent is taken back once', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const model = new ModelStore();
  const { quota } = new Replica(model, 'r', 0);
  const [one, other] = [takeOf(1_000), { ...takeOf(1_000), counter: 'other' }];
  const both = [one, other];
  for (let n = 0; n < 4; n += 1) {
    assert.equal(quota.spend(both), null, 'one of them has none yet');
    await pass(t, model, STEP_MS);
  }
  const spent: NonNullable<ReturnType<typeof quota.spend>>[] = [];
  for (let n = 0; n < 8; n += 1) spent.push(quota.spend(both)!);
  assert.equal(quota.spend([one, { ...other, by: '2' }]), null, 'amounts are exact');
  assert.deepEqual(quota.putBack(spent[0]!), []);
  assert.notEqual(quota.spend(both), null);
  await pass(t, model, 20_000);
  assert.deepEqual(quota.putBack(spent[1]!), spent[1], 'of parts that have ended only the database can take it back');
  await settled(t, model, quota.stop());
  assert.equal(quota.spend(both), null);
});

test('P5: a part whose row is gone is spent no more: the store has gone back', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const model = new ModelStore();
  const replica = new Replica(model, 'r', 0);
  const take = takeOf(1_000);
  for (let n = 0; n < 2; n += 1) await settled(t, model, replica.call(take));
  await pass(t, model, STEP_MS);
  assert.equal(await replica.call(take), 'own');
  const spent = replica.quota.spend([take])!;
  model.rows.clear();
  model.used.clear();
  await pass(t, model, 250);
  assert.deepEqual(replica.quota.putBack(spent), [], 'the store has not counted it, so nothing is taken off there');
  assert.equal(replica.quota.size, 0);
  assert.equal(await settled(t, model, replica.call(take)), 'exact');
  assert.equal(model.usedNow(), 1, 'and gives nothing back');
  await settled(t, model, replica.quota.stop());
});

test('P5: a process that stood still past its lease or its window spends nothing of it when it goes on', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  for (const [stillMs, given] of [
    [4_000, true],
    [4_500, false],
  ] as const) {
    const model = new ModelStore();
    const replica = new Replica(model, 'r', 0);
    const take = takeOf(1_000);
    for (let n = 0; n < 2; n += 1) await settled(t, model, replica.call(take));
    await pass(t, model, STEP_MS);
    const takenAt = model.now;
    model.now += stillMs;
    assert.equal(replica.quota.spend([take]) !== null, given, `${model.now - takenAt} ms`);
    await settled(t, model, replica.quota.stop());
  }
  const model = new ModelStore();
  const replica = new Replica(model, 'r', 0);
  const take = takeOf(1_000);
  model.now = WINDOW_MS - 300;
  for (let n = 0; n < 2; n += 1) await settled(t, model, replica.call(take));
  await pass(t, model, STEP_MS);
  assert.notEqual(replica.quota.spend([take]), null);
  model.now = WINDOW_MS;
  assert.equal(replica.quota.spend([take]), null);
  await settled(t, model, replica.quota.stop());
  assert.equal(model.usedNow(), 0, 'and its rest is given to no other window');
});
