import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CallFacts } from '../../../src/domain/approval/facts.ts';
import { summaryText } from '../../../src/domain/policy/summary.ts';
import {
  eventOf,
  newApproval,
  open,
  randomHex,
  STORES,
  type StoreKind,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
  typesOf,
} from '../../support/store/world.ts';

const factsAt = (at: number, to: string): CallFacts => ({
  unusual: [[{ text: 'New: ' }, { value: to }]],
  preview: {
    kind: 'said',
    tool: 'look',
    text: 'a \u0000 \ud83d',
    omitted: 0,
    failed: false,
    at: '2026-11-30T12:00:00.000Z',
  },
  particulars: { at, destinations: { 'args.to': to }, amounts: {} },
});

for (const kind of STORES) suite(kind);

function suite(kind: StoreKind): void {
  describe(`what was found out about a call, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world?.close());

    const call = async (tool: string, to = 'ops', approves = true): Promise<string> => {
      const opened = await open(world.one, newApproval({ tool, grant: `of-${tool}` }));
      if (opened.kind !== 'opened') throw new Error(opened.kind);
      const { approval } = opened;
      await world.one.keepFacts(
        approval.id,
        factsAt(approval.createdAt.getTime(), to),
        eventOf('approval.described', approval),
      );
      if (approves) await through(world.one, (await world.one.find(approval.id))!, 'approved');
      return approval.id;
    };

    test('is kept once, with its event, and read with the approval', async () => {
      const id = await call(`t${randomHex(4)}`);
      const approval = (await world.one.find(id))!;
      assert.deepEqual(approval.facts, factsAt(approval.createdAt.getTime(), 'ops'));
      assert.equal(await world.one.keepFacts(id, factsAt(0, 'other'), eventOf('approval.described', approval)), false);
      assert.deepEqual((await world.one.find(id))?.facts, approval.facts);
      assert.equal((await typesOf(world.one, id)).filter((type) => type === 'approval.described').length, 1);
    });

    test('the calls before it are those of its tool and principal', async () => {
      const tool = `t${randomHex(4)}`;
      const ids = [await call(tool, 'one'), await call(tool, 'two'), await call(tool, 'three')];
      await call(`${tool}x`);
      await call(tool, 'four', false);
      const soon = new Date(Date.now() + 60_000);
      const last = { ...(await world.one.find(ids[2]!))!, createdAt: soon };
      const { known, unknown, more } = await world.one.earlierAsked(last);
      const later = await world.one.earlierAsked({ ...last, id: 'none' });
      assert.deepEqual([later.known.length, later.unapproved], [3, 1], 'what nobody approved is only counted');
      assert.deepEqual(
        [known.map(({ destinations }) => destinations['args.to']).sort(), unknown, more],
        [['one', 'two'], 0, false],
      );
      const none = await world.one.earlierAsked({ ...last, grant: 'another' });
      assert.deepEqual(none, { known: [], unknown: 0, more: false, unapproved: 0 });
    });

    test('P1: what somebody with the database writes there is not believed, and an added row makes no call look usual', async () => {
      const tool = `t${randomHex(4)}`;
      const [first, second, third] = [await call(tool, 'ops'), await call(tool, 'evil'), await call(tool, 'evil')];
      const by = (text: string) => world.rows(text);
      // Another row's, which is sealed for that row alone.
      await by(
        `update holdfast.approvals a set facts = b.facts, particulars = b.particulars from holdfast.approvals b where a.id = '${second}' and b.id = '${first}'`,
      );
      await by(
        `update holdfast.approvals set particulars = 'x {"at":0,"destinations":{},"amounts":{}}' where id = '${first}'`,
      );
      const copied = (await world.one.find(second!))!;
      assert.match(copied.facts!.unusual.map(summaryText).join(), /was changed outside Holdfast/);
      assert.equal(copied.facts?.preview?.kind, 'none');
      const before = await world.one.earlierAsked({
        ...(await world.one.find(third!))!,
        createdAt: new Date(Date.now() + 60_000),
      });
      assert.deepEqual([before.known, before.unknown], [[], 2]);
    });
  });
}
