import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { textOf } from '../../support/agent/agent.ts';
import {
  type CallCounts,
  type CountedWorld,
  countCall,
  countedWorld,
  writesOf,
} from '../../support/counts/counted-world.ts';
import { CHANNEL } from '../../support/gateway/program.ts';
import { skipWithoutBacking } from '../../support/store/backing.ts';
import { eventually } from '../../support/wait.ts';

/** Rounds of which the one with the fewest counts. */
const ROUNDS = 11;

/** Each write costs the processor as much as many lines of code do. These bounds may only become smaller. */
describe('how often one call writes to sockets', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let world: CountedWorld;
  let counts: CallCounts;
  before(async () => {
    world = await countedWorld();
    counts = await countCall(world, ROUNDS);
  });
  after(() => world.close());

  const expiryOf = async (id: string): Promise<number> => {
    const found = await world.gateway.api(`/api/approvals/${id}`);
    return Date.parse(((await found.json()) as { expiresAt: string }).expiresAt);
  };

  /** Cards of the calls that come at once, by what they say. */
  const burstCards = (says: RegExp): number =>
    world.house.slack.messages(CHANNEL).filter(({ blocks }) => {
      const text = JSON.stringify(blocks);
      return /tools\.burst/.test(text) && says.test(text);
    }).length;

  test('a call is opened and parked, and its card is in the queue', () => {
    assert.equal(counts.parked.answers, 1, 'the head of the answer');
    assert.equal(counts.parked.redis, 1, 'its job and its card together');
    assert.ok(counts.parked.postgres <= 2, JSON.stringify(counts.parked));
    assert.ok(writesOf(counts.parked) <= 4, JSON.stringify(counts.parked));
    assert.ok(writesOf(counts.parked) + counts.parked.waits <= 6, JSON.stringify(counts.parked));
  });

  test('a click decides, the call is sent, and its outcome is recorded and told', () => {
    assert.equal(counts.decided.upstream, 1, 'the call');
    assert.equal(counts.decided.answers, 2, 'the acknowledgement and the answer');
    assert.ok(counts.decided.postgres <= 3, JSON.stringify(counts.decided));
    assert.ok(counts.decided.redis <= 2, JSON.stringify(counts.decided));
    assert.ok(writesOf(counts.decided) <= 8, JSON.stringify(counts.decided));
  });

  test('a plainly allowed call is one write to its server and one to its agent; many events go in one statement', async () => {
    const most = 200;
    const calls = async () => {
      for (let n = 0; n < most; n += 20)
        await Promise.all(
          Array.from({ length: 20 }, (_, more) => world.agent.call('plain', { n: n + more }).answer.then(textOf)),
        );
    };
    await calls();
    // On a busy machine less comes together, and more goes on beside it: of a few rounds the one with the fewest.
    const statements: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const writes = await world.record(calls);
      const { upstream, answers, postgres } = world.countsOf(writes);
      assert.deepEqual([upstream, answers], [most, most]);
      assert.ok(writes.some(({ begins }) => begins.includes('holdfast.write_events')));
      statements.push(postgres);
    }
    assert.ok(Math.min(...statements) <= most / 2, `${statements} writes to Postgres for ${most} calls`);
  });

  test('calls that are allowed within a wide limit ask the database for a part of it now and then, those of a narrow one each', async () => {
    const most = 150;
    const call = async (tool: string, n: number) =>
      assert.equal(textOf(await world.agent.call(tool, { n }).answer), 'done');
    const record = async (tool: string, calls: number) => {
      const writes = await world.record(async () => {
        for (let n = 0; n < calls; n += 5) await Promise.all([0, 1, 2, 3, 4].map((more) => call(tool, n + more)));
      });
      return (text: string): number => writes.filter(({ begins }) => begins.includes(text)).length;
    };
    await record('read', most);
    const wide = await record('read', most);
    assert.equal(wide('holdfast.admit_calls'), 0, 'no call is counted by itself');
    assert.ok(wide('holdfast.take_parts') <= 6, `${wide('holdfast.take_parts')} parts for ${most} calls`);
    assert.ok((await record('narrow', 20))('holdfast.admit_calls') >= 4, 'five at once share a statement at most');
  });

  test('questions whose time is over at once share statements and messages', async () => {
    const most = 100;
    const held = Array.from({ length: most }, (_, n) =>
      world.agent.call('burst', { n }, { meta: { progressToken: `burst-${n}` } }),
    );
    const waiting = async () => (await world.gateway.approvals('pending')).filter(({ tool }) => tool === 'burst');
    const all = await eventually('all wait', async () => {
      const found = await waiting();
      return found.length === most ? found : null;
    });
    const times = await Promise.all(all.map(({ id }) => expiryOf(id)));
    await eventually('every card is there', () => burstCards(/"approve"/) === most || null);
    const writes = await world.record(async () => {
      // It stands still until the time of all is over.
      process.kill(world.gateway.pid, 'SIGSTOP');
      await eventually('the time is over', () => Date.now() > Math.max(...times) + 200 || null);
      process.kill(world.gateway.pid, 'SIGCONT');
      for (const { answer } of held) assert.match(textOf(await answer), /nobody decided on .* in time/i);
    });
    const brought = await world.record(() =>
      eventually('every card says it', () => burstCards(/xpired/) === most || null),
    );
    const kinds = {
      ends: /is_over boolean|with moved as \(\s+update holdfast\.approvals set state/,
      served: /c\.nth, c\.until|with collected as \(\s+update holdfast\.joiners/,
      reads: /holdfast\.approvals a where a\.id = \$1$|as h\(id, revision\)/,
      witness: /witness:\S+:passes/,
    };
    const count = (kind: RegExp): number => writes.filter(({ begins }) => kind.test(begins)).length;
    const counts = Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, count(kind)]));
    const told = JSON.stringify(counts);
    assert.ok(counts.ends! > 0 && counts.ends! <= 8, told);
    assert.ok(counts.served! > 0 && counts.served! <= 20, told);
    assert.ok(counts.reads! <= 60, told);
    assert.ok(counts.witness! > 0 && counts.witness! <= 10, told);
    // Where it stood still for longer than a beat, each stream has one first.
    const beats = writes.filter(({ begins }) => /notifications\/progress|^(?:[0-9a-f]+\r\n)?:/.test(begins)).length;
    const answers = world.countsOf(writes).answers - beats;
    assert.equal(answers, most, 'an answer and the end of its stream are one write');
    const both = [...writes, ...brought];
    const cards = {
      looks: /as tried,.*card_approval_id/s,
      claims: /insert into holdfast\.cards as c \(approval_id, channel, revision, digest, run,/,
      saves: /for update (skip locked)?\) l\)/,
      one: /from holdfast\.approvals a left join holdfast\.cards c on c\.approval_id = a\.id\s+where a\.id = \$1/,
    };
    const ofCards = Object.fromEntries(
      Object.entries(cards).map(([name, kind]) => [name, both.filter(({ begins }) => kind.test(begins)).length]),
    );
    const slack = world.countsOf(both).slack;
    const toldOf = JSON.stringify({ ...ofCards, slack });
    assert.ok(ofCards.claims! > 0 && ofCards.claims! <= 40, toldOf);
    assert.ok(ofCards.saves! > 0 && ofCards.saves! <= 60, toldOf);
    assert.ok(ofCards.looks! + ofCards.one! <= 40, toldOf);
    // The card, and a line in its thread.
    assert.ok(slack >= most && slack <= 2 * most + 5, toldOf);
  });

  test('its card is posted, and brought up to date', () => {
    assert.equal(counts.posted.slack, 1);
    // The line may come after a round: of all rounds, the one with the fewest counts.
    assert.ok(counts.updated.slack <= 2, 'the card, and a line in its thread');
    // The first card looks up what is unusual of its call, and keeps it: two statements that no later one needs.
    for (const [card, more] of [
      [counts.posted, 2],
      [counts.updated, 0],
    ] as const) {
      assert.ok(card.postgres <= 9 + more, JSON.stringify(card));
      assert.ok(writesOf(card) <= 14 + more, JSON.stringify(card));
    }
  });
});
