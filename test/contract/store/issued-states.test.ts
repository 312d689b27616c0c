import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Approval } from '../../../src/domain/approval/approval.ts';
import {
  newApproval,
  open,
  randomHex,
  STORES,
  type StoreKind,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
} from '../../support/store/world.ts';

const DAY_MS = 24 * 60 * 60_000;
const START = Date.now();
/** Seconds after the start. */
const at = (seconds: number): Date => new Date(START + seconds * 1_000);
const until = new Date(START + DAY_MS);

for (const kind of STORES) suite(kind);

function suite(kind: StoreKind): void {
  describe(`P1: states that servers issued to gated calls, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let call: Approval;
    before(async () => {
      world = await storeWorld(kind);
    });
    beforeEach(async () => {
      await world.one.beat('here');
      const opened = await open(world.one, newApproval());
      if (opened.kind !== 'opened') throw new Error(opened.kind);
      call = await through(world.one, opened.approval, 'approved', 'dispatched');
    });
    after(() => world?.close());

    const issue = (digest: string, seconds: number, to = call): Promise<void> => {
      const { id: approval, grant, server } = to;
      return world.tasks[0].issueState({ digest, grant, server, approval, at: at(seconds), until });
    };
    /** A request that policy allows: kind `read` unless said otherwise. */
    const bearer = (digest: string, request = 'read', grant = call.grant) => ({
      digests: [digest],
      grant,
      servers: [call.server],
      request: `${request} ${digest}`,
    });
    const note = (digest: string, seconds: number, request?: string, grant?: string): Promise<void> => {
      const { server } = call;
      return world.tasks[1].noteIssuedState({ ...bearer(digest, request, grant), server, at: at(seconds), until });
    };
    const claimed = (digest: string, request?: string, grant?: string, now = at(100)): Promise<boolean> => {
      const one = bearer(digest, request, grant);
      return world.tasks[1].isStateClaimed({ ...one, request: ['older key', one.request], now });
    };

    test('are claimed for every other request, of every grant, until their time is over', async () => {
      const digest = randomHex(8);
      assert.equal(await claimed(digest), false);
      await issue(digest, 0);
      assert.deepEqual([await claimed(digest), await claimed(digest, 'read', 'other')], [true, true]);
      const elsewhere = { ...bearer(digest), request: [], now: at(100) };
      assert.equal(await world.tasks[0].isStateClaimed({ ...elsewhere, servers: ['another'] }), false);
      assert.equal(await world.tasks[0].isStateClaimed({ ...elsewhere, servers: ['another', call.server] }), true);
      assert.equal(await claimed(digest, 'read', call.grant, until), false);
    });

    test('are free for the kind of request of this grant that was given the same one later', async () => {
      const digest = randomHex(8);
      await issue(digest, 0);
      await note(digest, 1, 'read');
      assert.equal(await claimed(digest, 'read'), false);
      assert.deepEqual([await claimed(digest, 'write'), await claimed(digest, 'read', 'other')], [true, true]);
      await issue(digest, 2);
      assert.equal(await claimed(digest, 'read'), true, 'the newest issuer rules');
      await note(digest, 3, 'read');
      assert.equal(await claimed(digest, 'read'), false);
    });

    test('are free for another grant’s request that was given the same one, whenever', async () => {
      const digest = randomHex(8);
      await issue(digest, 0);
      await note(digest, 1, 'read', 'other');
      await issue(digest, 2);
      assert.deepEqual([await claimed(digest, 'read', 'other'), await claimed(digest, 'read')], [false, true]);
    });

    test('cost nothing where no gated call was given them', async () => {
      const digest = randomHex(8);
      await note(digest, 0);
      await issue(digest, 1, call);
      assert.equal(await claimed(digest), true, 'nothing was written before');
    });

    test('of a release that kept only what waits are claimed as well', async () => {
      const digest = randomHex(8);
      const { id: approval, grant, server, fingerprint } = call;
      await world.tasks[0].rememberContinuation({ digest, grant, server, fingerprint, approval, expiresAt: at(10) });
      assert.deepEqual(
        [await claimed(digest, 'read', grant, at(1)), await claimed(digest, 'read', grant, at(11))],
        [true, false],
      );
    });

    test('are at most 256 of one call, the latest', async () => {
      for (let n = 0; n < 257; n++) await issue(`${call.id} ${n}`, n);
      assert.deepEqual([await claimed(`${call.id} 0`), await claimed(`${call.id} 1`)], [false, true]);
      await issue(`${call.id} 1`, 300);
      await issue(`${call.id} new`, 301);
      assert.deepEqual([await claimed(`${call.id} 1`), await claimed(`${call.id} 2`)], [true, false]);
    });

    test('are forgotten with their time', async () => {
      const digest = randomHex(8);
      await issue(digest, 0);
      await world.tasks[0].forgetTasks(until, until);
      assert.equal(await claimed(digest), false);
    });
  });
}
