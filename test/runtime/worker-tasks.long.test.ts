import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TaskAgent } from '../support/agent/tasks.ts';
import { openWorkerWorld, type WorkerWorld } from '../support/gateway/worker-world.ts';
import { query } from '../support/store/backing.ts';
import { skipWithout } from '../support/store/servers.ts';
import { type TaskUpstream, taskUpstream, type UpstreamTask } from '../support/upstream/tasks.ts';
import { eventually } from '../support/wait.ts';

const POLICY = 'version: "1"\ndefault: allow\ntools:\n  must: { action: require_approval }\n';
/** Milliseconds without a request: idle objects are evicted after 70 s, and were seen to go after 140 s. */
const QUIET_MS = 150_000;

const skip = skipWithout('redis') || skipWithout('postgres');

describe('the Worker, left alone with a task of a server’s', { skip, timeout: 295_000 }, () => {
  let tasks: TaskUpstream;
  let world: WorkerWorld;
  before(async () => {
    tasks = await taskUpstream();
    world = await openWorkerWorld({ tasks: { at: `url: "${tasks.url}"`, policy: POLICY } });
  });
  after(async () => {
    await world?.close();
    await tasks?.close();
  });

  async function followed(name: string): Promise<UpstreamTask> {
    const agent = await TaskAgent.open(`${world.url}/mcp/tasks`, world.house.tokens.agent!);
    await agent.task('must', { name });
    const { id } = await world.reaches(name, 'pending');
    await world.house.approve(id);
    const own = await eventually('the server has a task', () => tasks.task(name));
    await eventually('it is followed', async () => ((await world.approval(name))?.awaits === 'task' ? true : null));
    return own;
  }
  const holder = async (): Promise<unknown> =>
    (await query(world.postgres.url, 'select holder from holdfast.pursuits'))[0]?.holder;

  it('P4: its alarm keeps the object awake: it goes on asking for longer than an idle one lives, and records the end', async () => {
    const own = await followed('alone');
    const first = await holder();
    await sleep(QUIET_MS);
    const asked = tasks.methods.length;
    await eventually('it still asks', () => (tasks.methods.length > asked ? true : null));
    assert.equal(await holder(), first, 'the same object');
    tasks.end(own, 'after all');
    await world.reaches('alone', 'succeeded');
  });

  it('P4: torn down meanwhile, it is brought back by the cron and follows the task to its end', async () => {
    const own = await followed('torn');
    await world.stop();
    tasks.end(own, 'meanwhile');
    await world.boot();
    const woken = await fetch(`${world.url}/cdn-cgi/handler/scheduled`);
    assert.equal(woken.status, 200, await woken.text());
    // The dead object's lease lasts 30 s.
    await world.reaches('torn', 'succeeded', 60_000);
  });
});
