import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import { AskedBefores } from '../../src/sql/approval/asked-before.ts';
import type { Tables } from '../../src/sql/table/tables.ts';

const BY = { grant: 'bench', server: 's1', tool: 'create' };
const SINCE = new Date('2026-11-30T00:00:00.000Z');
const TURN_MS = 5;

/** A database that counts how often it is asked, and what it answers. */
function counting() {
  const state = { sent: false, looks: 0 };
  const connection = {
    executeQuery: async () => {
      state.looks += 1;
      const { sent } = state;
      await new Promise((resolve) => setTimeout(resolve, TURN_MS));
      return { rows: [{ sent, today: true }] };
    },
    streamQuery: () => assert.fail('nothing is streamed'),
  };
  class Driver extends DummyDriver {
    override acquireConnection = async () => connection as never;
  }
  const db = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new Driver(),
      createIntrospector: (of) => new PostgresIntrospector(of),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  return { state, asked: new AskedBefores(db) };
}

describe('whether a tool was used before', () => {
  test('is looked up once for all that ask together, and not again within 100 ms', async () => {
    const { state, asked } = counting();
    await asked.find(BY, SINCE);
    assert.equal(state.looks, 1);
    const began = performance.now();
    const asking: Promise<unknown>[] = [];
    while (performance.now() < began + 450) {
      for (let nth = 0; nth < 20; nth += 1) asking.push(asked.find(BY, SINCE));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const found = await Promise.all(asking);
    assert.ok(found.every((one) => (one as { sent: boolean }).sent === false));
    const most = Math.ceil((performance.now() - began) / 100) + 1;
    assert.ok(state.looks <= most, `${state.looks} looks, of ${most} at most, for ${asking.length} questions`);
  });

  test('is looked up again once this process sent such a call, also while a look is under way', async () => {
    const { state, asked } = counting();
    await asked.find(BY, SINCE);
    const under = asked.find({ ...BY, tool: 'other' }, SINCE);
    state.sent = true;
    asked.sent({ ...BY, tool: 'other' });
    await under;
    assert.equal((await asked.find({ ...BY, tool: 'other' }, SINCE)).sent, true);
    assert.equal((await asked.find(BY, SINCE)).sent, false, 'of another tool it is believed a while longer');
    asked.sent(BY);
    assert.equal((await asked.find(BY, SINCE)).sent, true);
    const { looks } = state;
    assert.equal((await asked.find(BY, SINCE)).sent, true);
    assert.equal(state.looks, looks, 'what is so stays so');
  });
});
