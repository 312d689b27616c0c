import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Allowance, StandingDenial } from '../../src/domain/allowance/allowance.ts';
import { KnownInAdvance } from '../../src/gateway/state/known-in-advance.ts';

const place = { grant: 'release-bot', server: 'prometheus', tool: 'create_api_key' };
const allowance = { id: 'al_1', ...place } as Allowance;
const denial = { id: 'sd_1', ...place } as StandingDenial;

test('P1: where somebody changed the rows, nothing is allowed, and a no that was known goes on', async () => {
  let allowances: readonly Allowance[] | null = [allowance];
  let denials: readonly StandingDenial[] | null = [denial];
  const known = new KnownInAdvance(
    { living: async () => allowances },
    { living: async () => denials },
    {
      warn: () => undefined,
    },
  );
  const now = () => [known.allowancesAt(place).map(({ id }) => id), known.denialsAt(place).map(({ id }) => id)];
  await known.refresh();
  assert.deepEqual(now(), [['al_1'], ['sd_1']]);
  [allowances, denials] = [null, null];
  await known.refresh();
  assert.deepEqual(now(), [[], ['sd_1']]);
  [allowances, denials] = [[], []];
  await known.refresh();
  assert.deepEqual(now(), [[], []], 'a person ended it, and the set says so');
});
