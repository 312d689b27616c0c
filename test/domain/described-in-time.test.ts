import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from '../../src/config/policy/file.ts';
import type { CallFacts } from '../../src/domain/approval/facts.ts';
import { summaryText } from '../../src/domain/policy/summary.ts';
import { beginDescribing, describeForCard } from '../../src/gateway/call/describe-call.ts';
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

test('P10: a log that does not answer is no sign that nothing is unusual', async () => {
  const kept: CallFacts[] = [];
  const gateway = {
    clock: { now: () => new Date() },
    log: { warn: () => undefined },
    rules: { policy: () => null },
    store: {
      earlierAsked: async () => {
        throw new Error('the store does not answer');
      },
      keepFacts: async (_id: string, facts: CallFacts) => kept.push(facts) > 0,
    },
  };
  const { facts: _, ...approval } = sampleApproval();
  await describeForCard(gateway as never, approval);
  assert.match(kept[0]!.unusual.map(summaryText).join(), /could not be read/);
});

test('P10: where nobody asks the server for a preview any more, the card says so', async () => {
  const { facts: _, ...approval } = sampleApproval();
  const { server, tool, createdAt } = approval;
  const parsed = parsePolicy(
    `version: "1"\ndefault: deny\ntools:\n  look: { risk: read }\n  ${JSON.stringify(tool)}: { action: require_approval, approval: { preview: { tool: look, args: {} } } }\n`,
    { path: 'p.yaml' },
  );
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const kept: CallFacts[] = [];
  const describe = (afterMs: number) =>
    describeForCard(
      {
        clock: { now: () => new Date(createdAt.getTime() + afterMs) },
        log: { warn: assert.fail },
        rules: { policy: (name: string) => (name === server ? parsed.policy : null) },
        store: {
          earlierAsked: async () => ({ known: [], unknown: 0, more: false, unapproved: 0 }),
          keepFacts: async (_id: string, facts: CallFacts) => kept.push(facts) > 0,
        },
      } as never,
      approval,
    );
  await describe(1_000);
  assert.equal(kept.length, 0, 'its opener may be asking still');
  await describe(60_000);
  assert.equal(kept[0]?.preview?.kind, 'none');
  assert.match(JSON.stringify(kept[0]?.preview), /look.*has ended/);
});
