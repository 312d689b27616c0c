import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StandingDenial } from '../../src/domain/allowance/allowance.ts';
import { likenessMaterial } from '../../src/domain/allowance/likeness.ts';
import { ALL_EXACT, type InexactValues } from '../../src/domain/call/inexact.ts';
import { canonical } from '../../src/domain/json/canonical.ts';
import type { Json, JsonObject } from '../../src/domain/json/json.ts';
import type { History } from '../../src/domain/policy/history.ts';
import { parsePath } from '../../src/domain/policy/path.ts';
import type { Policy } from '../../src/domain/policy/policy.ts';
import { handleCall } from '../../src/gateway/call/handle-call.ts';
import { continueCall } from '../../src/gateway/dispatch/continuation.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { sampleApproval } from '../support/domain/approval.ts';
import { callOf, policyOf } from '../support/domain/policy.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
const prod = [{ path: 'args.env', op: 'eq', value: 'prod' }];
const watched = (file: object): Policy => ({ ...policyOf(file), mode: 'watch' });
const clock = { now: () => NOW };
const vault = { fingerprints: (material: Json) => [canonical(material)], digests: () => [], digest: () => 'x' };
const earlier = (found: boolean): History => ({ earlier: () => (found ? { ref: 'ca_1', at: NOW } : null) });

/** Whether an answer to the question of a gated call goes on under today's policy. */
async function goesOn(policy: Policy, args: JsonObject, history = earlier(false), isOwners = true): Promise<boolean> {
  let taken = false;
  const gateway = {
    ...{ clock, vault, replica: 'one', alarms: { why: null }, leases: { until: () => NOW, add: () => {} } },
    rules: { policy: () => policy, principal: () => (isOwners ? callOf('wipe').principal : null) },
    knownFreezes: { over: () => null, lookAgain: async () => null },
    callMemory: { historyFor: () => history },
    tasks: {
      findContinuation: async () => sampleApproval(),
      takeContinuation: async () => {
        taken = true;
        return null;
      },
    },
  };
  await continueCall(gateway as unknown as Gateway, callOf('wipe', args), '1', 'state');
  return taken;
}

for (const [name, file, server, args] of [
  [
    'all_tools',
    { all_tools: { deny_if: prod }, tools: { wipe: { mode: 'watch', action: 'require_approval' } } },
    false,
    { env: 'prod' },
  ],
  ['hide', { hide: ['wipe'], tools: { wipe: { action: 'require_approval' } } }, true, { env: 'prod' }],
  [
    'all_tools, by earlier calls',
    {
      all_tools: { deny_if: [{ after: { tool: 'touch', within: '1h' } }] },
      tools: { wipe: { mode: 'watch', action: 'require_approval' } },
    },
    false,
    {},
  ],
] as const) {
  test(`P1: an answer does not go on where what is still enforced denies the call: ${name}`, async () => {
    const policy = server ? watched(file) : policyOf(file);
    assert.equal(await goesOn(policy, args, earlier(true)), false);
  });
}

test('an answer goes on under its approval while its call is asked about, or only watched', async () => {
  const tools = { wipe: { action: 'require_approval', deny_if: prod } };
  assert.equal(await goesOn(policyOf({ tools }), { env: 'test' }), true);
  assert.equal(await goesOn(policyOf({ tools }), { env: 'prod' }), false);
  assert.equal(await goesOn(watched({ tools }), { env: 'prod' }), true);
  assert.equal(await goesOn(policyOf({ default: 'allow', tools: {} }), {}), false);
  assert.equal(
    await goesOn(policyOf({ tools }), { env: 'test' }, earlier(false), false),
    false,
    'no longer its caller',
  );
});

/** What becomes of a call of a tool whose calls a person denied for a while, whatever `env` is. */
async function handled(policy: Policy, args: JsonObject, history = earlier(false), inexact: InexactValues = ALL_EXACT) {
  const mayVary = ['args.env'];
  const like = (denied: JsonObject): string =>
    canonical(
      likenessMaterial(
        callOf('wipe', denied),
        mayVary.map((path) => parsePath(path)!),
      )!,
    );
  const denial = {
    id: 'sd_1',
    mayVary,
    like: like({ env: 'test', n: 9007199254740992 }),
    until: new Date(NOW.getTime() + 1),
  };
  const gateway = {
    ...{
      clock,
      vault,
      alarms: { why: null },
      journal: { writable: true, note: () => {}, recovered: async () => true },
    },
    rules: {
      policy: () => policy,
      upstream: (server: string) => server,
      requirement: () => ({ groups: [], people: [], userGroups: [], admin: false, quorum: 1 }),
      approval: {},
    },
    knownFreezes: { over: () => null },
    callMemory: { historyFor: () => history, wants: () => false },
    sampleKeeper: { isOn: false },
    knownInAdvance: { denialsAt: () => [denial as unknown as StandingDenial] },
  };
  const arrival = {
    ...{ call: callOf('wipe', args), policy, bytes: new Uint8Array(2), requestId: '1', inexact },
    ...{ freeze: () => new Uint8Array(2), gatedFault: () => null, statedReason: null },
  };
  return (await handleCall(gateway as unknown as Gateway, arrival)).kind;
}

test('P1: a standing denial of a watched call holds when the call is made worse', async () => {
  const tools = { wipe: { action: 'require_approval', deny_if: prod } };
  const later = { wipe: { action: 'require_approval', deny_if: [{ after: { tool: 'touch', within: '1h' } }] } };
  const n = 9007199254740992;
  for (const policyIn of [
    watched,
    ({ tools }: { tools: { wipe: object } }) => policyOf({ tools: { wipe: { ...tools.wipe, mode: 'watch' } } }),
  ]) {
    assert.equal(await handled(policyIn({ tools }), { env: 'test', n }), 'standing');
    assert.equal(await handled(policyIn({ tools }), { env: 'prod', n }), 'standing', 'it would be denied');
    assert.equal(
      await handled(policyIn({ tools: later }), { env: 'test', n }, earlier(true)),
      'standing',
      'after touch',
    );
    assert.equal(await handled(policyIn({ tools }), { env: 'test', n: 5 }), 'forward', 'another call');
  }
});

test('P1: and when a number of it is written so that doubles cannot keep it', async () => {
  const policy = watched({ tools: { wipe: { action: 'require_approval' } } });
  const one = (kind: 'number' | 'text' | 'too_large', name: string): InexactValues => ({
    list: [{ kind, pointer: `/params/arguments/${name}`, steps: ['params', 'arguments', name] }],
    more: false,
  });
  const n = 9007199254740992;
  assert.equal(await handled(policy, { env: 'test', n }, earlier(false), one('number', 'n')), 'standing');
  assert.equal(await handled(policy, { env: '\ud800', n }, earlier(false), one('text', 'env')), 'standing');
  assert.equal(await handled(policy, { env: 'x', n: Infinity }, earlier(false), one('too_large', 'n')), 'forward');
});
