import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chainPages } from '../../src/gateway/log/chain-pages.ts';
import type { ChainedEvent } from '../../src/ports.ts';

const LIMIT = 10;

/** A log of so many events, of which a page has so many at most. `asked`: where each page that was asked for begins. */
function logOf(seqs: readonly number[], mostOfPage = LIMIT) {
  const asked: number[] = [];
  const chain = async (after: number, limit: number) => {
    asked.push(after);
    const page = seqs.filter((seq) => seq > after).slice(0, Math.min(limit, mostOfPage));
    return page.map((seq) => ({ seq }) as ChainedEvent);
  };
  return { asked, chain };
}

const places = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, nth) => from + nth);

async function read(log: ReturnType<typeof logOf>, after = 0): Promise<number[]> {
  const found: number[] = [];
  for await (const page of chainPages(log, after, LIMIT)) found.push(...page.map(({ seq }) => seq!));
  return found;
}

describe('the pages of a chain', () => {
  test('each event comes once and in its order, however long pages are and where the log has a gap', async () => {
    for (const count of [0, 1, 9, 10, 11, 20, 35]) {
      for (const most of [1, 3, 9, 10]) {
        assert.deepEqual(await read(logOf(places(1, count), most)), places(1, count), `${count} by ${most}`);
      }
    }
    assert.deepEqual(await read(logOf([...places(1, 14), ...places(38, 60)])), [...places(1, 14), ...places(38, 60)]);
    assert.deepEqual(await read(logOf(places(1, 30)), 7), places(8, 30));
  });

  test('two pages are on their way while one is looked at', async () => {
    const log = logOf(places(1, 100));
    for await (const [first] of chainPages(log, 0, LIMIT)) {
      const ahead = log.asked.filter((from) => from >= first!.seq!);
      assert.equal(ahead.length, 2, `at ${first!.seq}`);
    }
  });

  test('of a log whose pages are cut short no page is asked for in vain again and again', async () => {
    const log = logOf(places(1, 100), 4);
    await read(log);
    assert.ok(log.asked.length <= 30, `${log.asked.length} for 25 pages`);
  });

  test('a page that fails rejects in its turn; those that nobody waits for any more reject for nobody', async () => {
    const unheard: unknown[] = [];
    const hear = (error: unknown): void => void unheard.push(error);
    process.on('unhandledRejection', hear);
    try {
      const log = logOf(places(1, 100));
      const failing = {
        chain: async (after: number, limit: number) => {
          if (after >= LIMIT) throw new Error(`none after ${after}`);
          return log.chain(after, limit);
        },
      };
      const found: number[] = [];
      await assert.rejects(async () => {
        for await (const page of chainPages(failing, 0, LIMIT)) found.push(...page.map(({ seq }) => seq!));
      }, /none after 10/);
      assert.deepEqual(found, places(1, LIMIT));
      for await (const page of chainPages(failing, 0, LIMIT)) if (page.length > 0) break;
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(unheard, []);
    } finally {
      process.off('unhandledRejection', hear);
    }
  });
});
