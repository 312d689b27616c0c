import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/config/policy/file.ts';
import { ALL_EXACT } from '../../src/domain/call/inexact.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import { summaryText } from '../../src/domain/policy/summary.ts';
import type { Arrival, Leg } from '../../src/gateway/call/arrival.ts';
import { newApproval } from '../../src/gateway/call/new-approval.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { vault } from '../../src/vault/vault.ts';
import { sampleApproval } from '../support/domain/approval.ts';

const read = parsePolicy(
  'version: "1"\ndefault: deny\ntools: { create_key: { action: require_approval, approval: { summary: "Create the key {args.name}" } } }\n',
  { path: 'p.yaml' },
);
if (!read.ok) assert.fail(JSON.stringify(read.faults));
const { policy } = read;

const gateway = {
  rules: { approval: { timeoutMs: 60_000, pickupMs: 60_000 }, requirement: () => sampleApproval().requirement },
  vault: vault(['a secret that is long enough to be one']),
} as unknown as Pick<Gateway, 'rules' | 'vault'>;

async function opened(leg?: Leg) {
  const args = { name: 'ci' };
  const principal = { grant: 'agent', owner: null, selfApproval: false } as Arrival['call']['principal'];
  const call = {
    principal,
    server: 's',
    tool: 'create_key',
    args,
    session: null,
    params: { name: 'create_key', arguments: args },
  };
  const verdict = evaluate(policy, call);
  assert.ok(verdict.kind === 'ask');
  const bytes = new TextEncoder().encode('{}');
  const arrival: Arrival = {
    ...{ call, policy, bytes, requestId: '1', inexact: ALL_EXACT, freeze: () => bytes, gatedFault: () => null },
    ...{ statedReason: null, ...(leg === undefined ? {} : { leg }) },
  };
  return (await newApproval(gateway, arrival, verdict, new Date())).request.approval.trace.summary;
}

describe('P10: the policy’s sentence says what is asked', () => {
  test('of a call', async () => assert.equal(summaryText((await opened())!), 'Create the key ci'));

  test('and not of a call that was approved, where only an answer to its server is', async () => {
    for (const sent of [undefined, { params: { question: {}, answer: {} }, meta: {}, headers: {} }]) {
      const asked = { n: 1, kind: 'request', text: '{}' } as const;
      const leg: Leg = { parent: sampleApproval(), asked, ...(sent === undefined ? {} : { sent }) };
      assert.equal(await opened(leg), undefined);
    }
  });
});
