import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginDescribing } from '../../src/gateway/call/describe-call.ts';
import { Describing } from '../../src/gateway/state/describing.ts';
import { sampleApproval } from '../support/domain/approval.ts';

test('P4: a card comes although the store does not take what was found out for it', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const warnings: object[] = [];
  const describing = new Describing();
  let keeps = false;
  const gateway = {
    cards: null,
    describing,
    log: { warn: (what: object) => warnings.push(what) },
    store: {
      earlierAsked: async () => ({ known: [], unknown: 0, more: false, unapproved: 0 }),
      keepFacts: () => {
        keeps = true;
        return new Promise(() => undefined);
      },
    },
  };
  const approval = sampleApproval();
  const described = beginDescribing(gateway as never, {} as never, { ask: {} } as never, approval);
  assert.ok(described !== null);
  while (!keeps) await new Promise(setImmediate);
  t.mock.timers.tick(5_000);
  await described;
  assert.equal(describing.settled(approval.id), undefined);
  assert.equal(warnings.length, 1);
});
