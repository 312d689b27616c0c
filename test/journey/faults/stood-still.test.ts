import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { decideApproval } from '../../../src/gateway/decision/decide.ts';
import { due } from '../../../src/gateway/decision/due.ts';
import { finish, MOST_KEPT_BYTES } from '../../../src/gateway/dispatch/finish.ts';
import { keptResult } from '../../../src/gateway/dispatch/kept-result.ts';
import { sweep } from '../../../src/gateway/sweep.ts';
import { approvalEndedResult } from '../../../src/mcp/protocol/tool-results.ts';
import { ADMIN, APPROVE, type ParkedWorld, park, parkedWorld, TERMS } from '../../support/gateway/parked-world.ts';

describe('a process that stood still, and an answer that is too long to keep', () => {
  let world: ParkedWorld;
  before(async () => {
    world = await parkedWorld();
  });
  after(() => world.close());

  async function dispatched(name: string) {
    const gateway = world.replica(name);
    const place = await park(gateway, { name });
    const turning = place.turn(1_000_000);
    await decideApproval(gateway, place.seat.approval.id, APPROVE, ADMIN, TERMS);
    const turn = await turning;
    assert.equal(turn.kind, 'dispatch');
    return { gateway, place, dispatch: turn.kind === 'dispatch' ? turn.dispatch : assert.fail() };
  }
  const returned = (response: Uint8Array) => ({ kind: 'returned', response, failed: false }) as const;

  test('P2: what it is sending itself is not unknown to it, however late it looks at its leases', async () => {
    const { gateway, dispatch } = await dispatched('slept');
    world.clock.advance(gateway.leases.ms * 10);
    await sweep(gateway);
    const { id } = dispatch.approval;
    assert.equal((await due(gateway, id))?.state, 'dispatched');
    const response = new TextEncoder().encode('{"id":1,"result":{}}');
    assert.equal((await finish(gateway, dispatch, returned(response))).state, 'succeeded');
    const events = await world.store.events({ after: 0, limit: 100, approval: id });
    assert.ok(!events.some(({ type }) => type === 'call.unknown'));
  });

  test('P2: however many it is sending, one renewal extends all of their leases', async () => {
    const { gateway } = await dispatched('many-1');
    const others = [];
    for (let n = 2; n <= 5; n++) {
      const place = await park(gateway, { name: `many-${n}` });
      const turning = place.turn(1_000_000);
      await decideApproval(gateway, place.seat.approval.id, APPROVE, ADMIN, TERMS);
      const turn = await turning;
      others.push(turn.kind === 'dispatch' ? turn.dispatch : assert.fail());
    }
    const { leases } = gateway;
    const renewNow = leases.renewNow.bind(leases);
    let renewals = 0;
    leases.renewNow = () => {
      renewals += 1;
      return renewNow();
    };
    for (const round of [1, 2]) {
      world.clock.advance(leases.ms * 10);
      for (const { approval } of others) assert.equal((await due(gateway, approval.id))?.state, 'dispatched');
      assert.equal(renewals, round);
    }
  });

  test('P2: to another process it is unknown once its lease has run out', async () => {
    const { gateway, dispatch } = await dispatched('sleeps');
    world.clock.advance(gateway.leases.ms * 10);
    const other = world.replica('awake');
    assert.equal((await due(other, dispatch.approval.id))?.state, 'unknown');
  });

  test('a result of 4 MiB is kept for who comes later; of a longer one he is told why there is none', async () => {
    for (const [bytes, kept] of [
      [MOST_KEPT_BYTES, true],
      [MOST_KEPT_BYTES + 1, false],
    ] as const) {
      const { gateway, dispatch } = await dispatched(`bytes-${bytes}`);
      const ended = await finish(gateway, dispatch, returned(new Uint8Array(bytes)));
      assert.equal(ended.state, 'succeeded');
      assert.equal((await keptResult(gateway, ended))?.length ?? null, kept ? bytes : null);
      const told = approvalEndedResult(ended).content[0].text;
      if (!kept)
        assert.match(
          told,
          /^Result not kept: .* ran once and succeeded \(its result has 4\.0 MiB, more than the 4 MiB that are kept/,
        );
    }
  });
});
