import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DayCall } from '../../bench/day/day.ts';
import type { Acted } from '../../bench/day/inbox.ts';
import { type Evidence, faultsOf, type Judged, judge, type Logged } from '../../bench/day/judge.ts';

const SUBJECT = { agent: 'ci-agent', server: 'prometheus', tool: 'create_api_key', risk: 'write' };
const called = (name: string, bad = false): DayCall => ({ ...SUBJECT, at: 1, arguments: { name }, bad });
const CALLS = [called('ci-1'), called('ci-2'), called('ci-3'), called('evil', true)];
const { server, tool } = SUBJECT;

function logged(type: string, approval: string, data: object = {}): Logged {
  return { type, actor: 'admin', approval, server, tool, grant: SUBJECT.agent, data: data as Logged['data'] };
}

/** A day as it should be: one call allowed with an allowance, one that used it, one in a batch of its own, one denied. */
function evidence(more: Partial<Evidence> = {}): Evidence {
  const approvals = CALLS.map(
    ({ arguments: args }, n): Judged => ({
      ...{ id: `ap_${n + 1}`, state: 'succeeded', grant: SUBJECT.agent, server, tool },
      arguments: args,
    }),
  );
  const acted: Acted[] = [
    { kind: 'allowance', approvals: ['ap_1'] },
    { kind: 'batch approved', approvals: ['ap_3'] },
    { kind: 'deny', approvals: ['ap_4'] },
  ];
  const events = [
    logged('approval.decided', 'ap_1', { choice: 'approve', allows: { minutes: 1, calls: 2, within: [] } }),
    logged('allowance.given', 'ap_1', { allowance: 'al_1' }),
    logged('call.dispatched', 'ap_1'),
    logged('allowance.used', 'ap_2', { allowance: 'al_1', given: 'ap_1' }),
    logged('call.dispatched', 'ap_2'),
    logged('approval.decided', 'ap_3', { choice: 'approve', batch: { id: 'ba_1', count: 1 } }),
    logged('call.dispatched', 'ap_3'),
    logged('approval.decided', 'ap_4', { choice: 'deny' }),
  ];
  const told = CALLS.map((call) => ({ call, end: call.bad ? 'Denied by mira' : 'ran' }));
  const ran = CALLS.filter(({ bad }) => !bad).map(({ arguments: args }) => ({ server, tool, arguments: args }));
  return { day: { about: '', calls: CALLS }, acted, told, ran, events, approvals, ...more };
}

const faults = (more: Partial<Evidence>, most = 3): string[] => faultsOf(judge(evidence(more)), most);
const without = (type: string, approval: string): Logged[] =>
  evidence().events.filter((event) => event.type !== type || event.approval !== approval);

test('a day on which each run leads back to a decision is as it should be', () => {
  const judgement = judge(evidence());
  assert.deepEqual(judgement.ran, { byAllowance: 1, byBatch: 1, byOneDecision: 1 });
  assert.deepEqual(judgement.byKind, { allowance: 1, 'batch approved': 1, deny: 1 });
  assert.deepEqual(faults({}), []);
});

test('more actions than there may be are a fault', () => {
  assert.match(faults({}, 2)[0]!, /3 human actions, more than 2/);
});

for (const [what, type, approval] of [
  ['the use of its allowance', 'allowance.used', 'ap_2'],
  ['the giving of its allowance', 'allowance.given', 'ap_1'],
  ['the decision that gave its allowance', 'approval.decided', 'ap_1'],
  ['its decision', 'approval.decided', 'ap_3'],
  ['its dispatch', 'call.dispatched', 'ap_3'],
] as const) {
  test(`P7: a run without ${what} in the log is untraceable`, () => {
    assert.ok(judge(evidence({ events: without(type, approval) })).untraceable.length > 0);
  });
}

test('P7: an allowance of another agent, or a decision that allowed nothing, explains no use', () => {
  const foreign = evidence().events.map((event) =>
    event.type === 'allowance.given' ? { ...event, grant: 'other' } : event,
  );
  assert.equal(judge(evidence({ events: foreign })).untraceable.length > 0, true);
  const plain = evidence().events.map((event) =>
    event.data.allows ? { ...event, data: { choice: 'approve' } } : event,
  );
  assert.equal(judge(evidence({ events: plain })).untraceable.length > 0, true);
});

test('P2: what a server counts twice, or what nobody sent, is untraceable', () => {
  const { ran } = evidence();
  assert.ok(judge(evidence({ ran: [...ran, ran[0]!] })).untraceable.length > 0);
  assert.ok(judge(evidence({ ran: [...ran, { server, tool, arguments: { name: 'new' } }] })).untraceable.length > 0);
});

test('a bad call that ran is a fault, and so is a batch with one ticked', () => {
  const bad = { server, tool, arguments: { name: 'evil' } };
  const events = [
    ...without('approval.decided', 'ap_4'),
    logged('approval.decided', 'ap_4', { choice: 'approve', batch: { id: 'ba_1', count: 2 } }),
    logged('call.dispatched', 'ap_4'),
  ];
  const acted: Acted[] = [
    { kind: 'allowance', approvals: ['ap_1'] },
    { kind: 'batch approved', approvals: ['ap_3', 'ap_4'] },
  ];
  const found = faults({ events, acted, ran: [...evidence().ran, bad] });
  assert.equal(found.length, 2);
  assert.match(found[0]!, /ran though it is bad: .*evil.* by batch/);
  assert.match(found[1]!, /1 batches with a bad call ticked/);
});

test('a good call that did not run is a fault, with what its agent was told', () => {
  const told = evidence().told.map((one, n) => (n === 1 ? { ...one, end: 'Expired: nobody decided' } : one));
  assert.match(faults({ told })[0]!, /did not run though it is good: .*ci-2.*Expired/);
});

test('a decision in the log that the person did not make is a fault', () => {
  const events = [...evidence().events, logged('approval.decided', 'ap_2', { choice: 'approve' })];
  assert.match(faults({ events }).at(-1)!, /the log has 4 actions, and 3 were taken/);
});
