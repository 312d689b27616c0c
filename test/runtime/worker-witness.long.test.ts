import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { Agent, textOf } from '../support/agent/agent.ts';
import { openWorkerWorld, type WorkerWorld } from '../support/gateway/worker-world.ts';
import { query, skipWithoutBacking } from '../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../support/upstream/counting.ts';
import { eventually } from '../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools: { create_key: { action: require_approval, approval: { approvers: [security], timeout: 10m } } }
`;
/** Everything that the call's sending changed, as if it had not been committed. */
const COPY = 'create schema kept; create table kept.approvals as select * from holdfast.approvals';

describe('a Worker whose database goes back in time', { skip: skipWithoutBacking('redis and postgres') }, () => {
  const persist = mkdtempSync(join(tmpdir(), 'holdfast-worker-'));
  let upstream: CountingUpstream;
  let world: WorkerWorld;
  before(async () => {
    upstream = await countingUpstream();
    world = await openWorkerWorld({ up: { at: `url: "${upstream.url}"`, policy: POLICY } }, persist);
  });
  after(async () => {
    await world?.close();
    await upstream?.close();
    rmSync(persist, { recursive: true, force: true });
  });

  const api = (path: string, init: RequestInit = {}) =>
    fetch(world.url + path, {
      ...init,
      headers: { authorization: `Bearer ${world.house.adminToken}`, ...init.headers },
    });
  const post = (path: string, body: object) =>
    api(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const agent = () => Agent.open(`${world.url}/mcp/up`, world.house.tokens.agent!);

  test('P2: the object’s storage knows what was sent when Redis was emptied and no object lived', async () => {
    const args = { name: 'once' };
    const sent = (await agent()).call('create_key', args, { meta: { progressToken: 'p' } });
    const { id } = await world.reaches('once', 'pending');
    await query(world.postgres.url, COPY);
    assert.equal((await post(`/api/approvals/${id}/decisions`, { decision: 'approve' })).status, 200);
    assert.equal(textOf(await sent.answer), 'done');
    await world.reaches('once', 'succeeded');
    await world.stop();
    const redis = new Redis(world.redis.url);
    await redis.flushall();
    redis.disconnect();
    await query(
      world.postgres.url,
      `delete from holdfast.approvals where id = '${id}';
       insert into holdfast.approvals select * from kept.approvals where id = '${id}'`,
    );
    await world.boot();
    const ready = await eventually(
      'the alarm',
      async () => {
        const response = await api('/readyz').catch(() => null);
        const body = (await response?.json().catch(() => null)) as { alarms?: { kind: string; why: string }[] } | null;
        return body?.alarms ?? null;
      },
      30_000,
    );
    assert.ok(
      ready.some(({ kind, why }) => kind === 'went_back' && why.includes(id)),
      JSON.stringify(ready),
    );
    assert.match(textOf(await (await agent()).call('create_key', args).answer), /^Cannot decide/);
    assert.equal((await post('/api/store/accept', { reason: 'meant so' })).status, 200);
    await world.reaches('once', 'unknown');
    assert.equal(upstream.count('create_key', args), 1);
  });
});
