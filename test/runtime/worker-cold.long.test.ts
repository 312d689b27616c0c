import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Reaction } from '../../src/demo/slack/stand-in.ts';
import { Agent, textOf } from '../support/agent/agent.ts';
import { CHANNEL } from '../support/gateway/program.ts';
import { openWorkerWorld, type WorkerWorld } from '../support/gateway/worker-world.ts';
import { query } from '../support/store/backing.ts';
import { skipWithout } from '../support/store/servers.ts';
import { type CountingUpstream, countingUpstream } from '../support/upstream/counting.ts';
import { eventually } from '../support/wait.ts';

const POLICY = 'version: "1"\ndefault: allow\ntools:\n  create_key: { action: require_approval }\n';
/** Milliseconds that a start on a busy machine, or the job of a runtime that was killed, may take. */
const PATIENCE = 60_000;

const skip = skipWithout('redis') || skipWithout('postgres');

describe('a click in Slack that finds no object running', { skip, timeout: 290_000 }, () => {
  let upstream: CountingUpstream;
  let world: WorkerWorld;
  before(async () => {
    upstream = await countingUpstream();
    world = await openWorkerWorld({ up: { at: `url: "${upstream.url}"`, policy: POLICY } });
  });
  after(async () => {
    await world?.close();
    await upstream?.close();
  });

  const agent = (): Promise<Agent> => Agent.open(`${world.url}/mcp/up`, world.house.tokens.agent!);
  /** Parks a call, waits for its card, and ends the runtime. */
  async function cutOff(name: string): Promise<{ id: string; ts: string }> {
    const held = (await agent()).call('create_key', { name });
    const lost = assert.rejects(held.answer);
    const { id } = await world.reaches(name, 'pending');
    const { ts } = await world.house.card(id);
    await eventually('its card is known', async () => {
      const [row] = await query(
        world.postgres.url,
        `select shown >= revision as is from holdfast.approvals where id = '${id}'`,
      );
      return row!.is === true ? true : null;
    });
    await world.stop();
    await lost;
    return { id, ts };
  }
  const click = (ts: string, user = 'U0MIRA'): Promise<Reaction> =>
    world.house.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
  /** Clicks again and again, as a person who sees Slack's error does. */
  const untilTaken = (ts: string, user?: string): Promise<Reaction> =>
    eventually(
      'a click is taken',
      async () => {
        const reaction = await click(ts, user);
        return reaction.status === 200 ? reaction : null;
      },
      PATIENCE,
    );
  async function decidedOnce(id: string, name: string): Promise<void> {
    assert.equal((await world.approval(name))?.state, 'approved');
    const events = `select 1 from holdfast.events where type = 'approval.decided' and body like '%${id}%'`;
    assert.equal((await query(world.postgres.url, events)).length, 1);
  }
  async function goesOn(name: string): Promise<void> {
    const answer = await eventually(
      'the gateway takes the call',
      async () => {
        const { answer } = (await agent()).call('create_key', { name });
        return answer;
      },
      PATIENCE,
    );
    assert.equal(textOf(answer), 'done');
    assert.equal(upstream.count('create_key', { name }), 1);
  }

  it('P6: is recorded while the queue is out of reach, which carries only what comes of it', async () => {
    const { id, ts } = await cutOff('without a queue');
    await world.redis.kill();
    try {
      await world.boot();
      await untilTaken(ts);
    } finally {
      await world.redis.begin();
    }
    await decidedOnce(id, 'without a queue');
    await goesOn('without a queue');
    await world.house.card(id, /went through/, PATIENCE);
  });

  it('P3: of two at once, one decides, and the other is told so', async () => {
    const { id, ts } = await cutOff('two at once');
    await world.boot();
    await Promise.all([untilTaken(ts), untilTaken(ts, 'U0ALEX')]);
    await decidedOnce(id, 'two at once');
    await goesOn('two at once');
  });

  it('P6: is answered by an error while the store is out of reach, and counts once when it is there again', async () => {
    const { id, ts } = await cutOff('without a store');
    world.postgres.freeze();
    try {
      await world.boot();
      assert.notEqual((await click(ts)).status, 200);
      const refused = await eventually(
        'it says why',
        async () => {
          const reaction = await click(ts);
          assert.notEqual(reaction.status, 200);
          return reaction.status === 503 ? reaction : null;
        },
        PATIENCE,
      );
      assert.match(refused.body, /cannot start/);
    } finally {
      world.postgres.thaw();
    }
    await untilTaken(ts);
    await decidedOnce(id, 'without a store');
    await goesOn('without a store');
  });
});
