import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { decideApproval } from '../../../src/gateway/decision/decide.ts';
import type { Cards } from '../../../src/ports.ts';
import { policyOf } from '../../support/domain/policy.ts';
import {
  ADMIN,
  APPROVE,
  ASKING,
  DENY,
  type ParkedWorld,
  park,
  parkedWorld,
  TERMS,
} from '../../support/gateway/parked-world.ts';

const MIRA = { id: 'U0MIRA', via: 'slack', userGroups: [] } as const;
const ALEX = { ...MIRA, id: 'U0ALEX' } as const;
const SLACK: Cards = {
  show: async () => ({ kind: 'never', why: 'no cards here' }),
  person: async (_user, userGroups) => ({ userGroups }),
  crowded: async () => ({ kind: 'never', why: 'no cards here' }),
};
const TWO = policyOf({ tools: { create_api_key: { action: 'require_approval', approval: { quorum: 2 } } } });
const PEOPLE = {
  persons: {
    names: new Map([
      ['U0MIRA', 'mira'],
      ['admin', 'mira'],
    ]),
    barred: new Set<string>(),
    adminToken: 'a person',
  },
} as const;

/** In one process, over a real store: what the configuration says changes between one step and the next. */
describe('who decided, and may still', () => {
  let world: ParkedWorld;
  before(async () => {
    world = await parkedWorld();
  });
  after(() => world.close());

  test('P1: the person is recorded with the vote, under its seal, also where the vote becomes a denial', async () => {
    const gateway = world.replica('people', { cards: SLACK });
    [world.policy, world.current] = [TWO, PEOPLE];
    const { id } = (await park(gateway, { name: 'seal' })).seat.approval;
    assert.equal((await decideApproval(gateway, id, APPROVE, MIRA, TERMS)).kind, 'recorded');
    const second = await decideApproval(gateway, id, APPROVE, ADMIN, TERMS);
    assert.equal(second.kind === 'refused' && second.reason, 'already_voted');
    const pending = (await world.store.find(id))!;
    assert.deepEqual([pending.broken, pending.decisions[0]!.person], [null, 'mira']);
    world.current = {};
    assert.equal((await decideApproval(gateway, id, DENY, MIRA, TERMS)).kind, 'recorded');
    const denied = (await world.store.find(id))!;
    assert.deepEqual([denied.broken, denied.state, denied.decisions.length], [null, 'denied', 1]);
    assert.equal(denied.decisions[0]!.person, undefined);
  });

  test('P1: taken out while the pass is on the way to the commit that would spend it at once: it is not spent', async () => {
    const gateway = world.replica('reloaded', { cards: SLACK });
    [world.policy, world.current] = [ASKING, {}];
    const place = await park(gateway, { name: 'inline' });
    const turning = place.turn(20_000);
    const look = gateway.inline.commit.bind(gateway.inline);
    gateway.inline.commit = (...args) => {
      world.current = { people: ['U0ALEX'] };
      return look(...args);
    };
    assert.equal((await decideApproval(gateway, place.seat.approval.id, APPROVE, MIRA, TERMS)).kind, 'recorded');
    const turn = await turning;
    assert.match((turn.kind === 'over' && turn.approval.note) || '', /U0MIRA is no longer among the approvers/);
  });

  test('P1: without Slack a pass with a vote from Slack waits and says why; with it, it is spent', async () => {
    const [without, back] = [world.replica('without'), world.replica('back', { cards: SLACK })];
    [world.policy, world.current] = [ASKING, {}];
    const place = await park(without, { name: 'off' });
    const { id } = place.seat.approval;
    assert.equal((await decideApproval(back, id, APPROVE, MIRA, TERMS)).kind, 'recorded');
    const turn = await place.turn(5_000);
    assert.match(turn.kind === 'unsure' ? turn.why : turn.kind, /Slack is switched off/);
    assert.match(without.uncheckedPasses.why ?? '', /^1 approved and not run, .*Slack is switched off/);
    assert.equal((await world.store.find(id))!.state, 'approved');
    const again = await (await park(back, { name: 'off' })).turn(5_000);
    assert.equal(again.kind, 'dispatch');
    assert.equal(back.uncheckedPasses.why, null);
  });

  test('P1: one of two voters taken out: the pass of the two lapses, and the other’s vote alone does not hold it', async () => {
    const gateway = world.replica('two', { cards: SLACK });
    [world.policy, world.current] = [TWO, {}];
    const place = await park(gateway, { name: 'two' });
    const { id } = place.seat.approval;
    for (const who of [MIRA, ALEX]) await decideApproval(gateway, id, APPROVE, who, TERMS);
    assert.equal((await world.store.find(id))!.state, 'approved');
    world.current = { people: ['U0ALEX'] };
    const turn = await place.turn(5_000);
    assert.match((turn.kind === 'over' && turn.approval.note) || '', /^U0MIRA is no longer among/);
  });
});
