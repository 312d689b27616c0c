import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isGood, TokenHolders } from '../../src/gateway/person/tokens.ts';
import type { ApiToken } from '../../src/ports.ts';

const AT = new Date('2026-11-30T09:00:00Z');
const DAY = 86_400_000;
const days = (n: number): Date => new Date(AT.getTime() + n * DAY);

function token(more: Partial<ApiToken> = {}): ApiToken {
  return {
    ...{ id: 'tk_1', digest: 'digest of token right', owner: 'U0OLGA', name: 'n', role: 'operator', at: AT },
    ...{ endsAt: days(30), revokedAt: null, revokedBy: null, vouchedAt: AT, ...more },
  };
}

describe('A personal token', () => {
  test('is good for seven days after its owner signed in last, and until it ends', () => {
    assert.equal(isGood(token(), days(6.9)), true);
    assert.equal(isGood(token(), days(7)), false);
    assert.equal(isGood(token({ vouchedAt: days(6) }), days(12.9)), true);
    assert.equal(isGood(token({ vouchedAt: null }), AT), false, 'the provider said that the account is over');
    assert.equal(isGood(token({ endsAt: days(2) }), days(2)), false);
    assert.equal(isGood(token({ revokedAt: AT }), AT), false);
  });

  test('is not looked up where its address has guessed too often, unless it was good there before', async () => {
    let [isOver, looks] = [false, 0];
    const holders = new TokenHolders({
      gateway: {
        clock: { now: () => AT },
        journal: { note: () => {} },
        vault: { digests: (_: string, text: string) => [`digest of ${text}`] },
        reviewerGuesses: { isOver: () => isOver },
      } as unknown as ConstructorParameters<typeof TokenHolders>[0]['gateway'],
      tokens: {
        find: async (digests: readonly string[]) => {
          looks += 1;
          return digests.includes(token().digest) ? token() : null;
        },
      } as unknown as ConstructorParameters<typeof TokenHolders>[0]['tokens'],
      directory: { member: () => ({ name: 'olga', sources: [{ role: 'operator', from: 'people.olga.roles' }] }) },
    });
    assert.equal((await holders.holder('right', null))?.id, 'U0OLGA');
    assert.equal(await holders.holder('wrong', null), null);
    assert.equal(looks, 2);
    isOver = true;
    assert.equal(await holders.holder('wrong', null), null);
    assert.equal(looks, 2, 'nothing is asked of the database');
    assert.equal((await holders.holder('right', null))?.id, 'U0OLGA');
  });
});
