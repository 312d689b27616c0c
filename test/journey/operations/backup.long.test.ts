import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse, STORE_SECRET } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';

const POLICY = 'version: "1"\ndefault: deny\ntools:\n  create_key: { action: require_approval }\n';
const ROOT = new URL('../../..', import.meta.url).pathname;

describe('backup of embedded mode', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ hold: { default: 1s, progress: 60s } }',
    });
    gateway = await house.start();
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  const target = (): string => join(house.folder, 'copy');
  function backup(to: string, env: Record<string, string> = {}): Promise<{ code: number; said: string }> {
    const words = ['src/cli/cli.ts', 'backup', to, '--config', join(house.folder, 'holdfast.yaml')];
    const set = { PATH: process.env.PATH ?? '', HOLDFAST_DATA: join(house.folder, 'data'), ...env };
    return new Promise((resolve) => {
      execFile(process.execPath, words, { cwd: ROOT, env: set }, (error, out, err) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, said: out + err }),
      );
    });
  }

  test('P4: what is restored goes on: a call that was parked before is decided, by its old card, and collected', async () => {
    const args = { name: 'carried over' };
    const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const { id } = noteOf(await agent.call('create_key', args).answer);
    const { ts } = await house.card(id);

    const early = await backup(target());
    assert.equal(early.code, 1);
    assert.match(early.said, /is in use\. Stop Holdfast first/);
    assert.ok(!existsSync(target()), 'a refused backup leaves nothing behind');

    await gateway.stop();
    const done = await backup(target());
    assert.equal(done.code, 0, done.said);
    assert.match(done.said, /^Copied 1 approvals and \d+ events/);
    assert.equal(statSync(target()).mode & 0o777, 0o700);
    assert.equal(statSync(join(target(), 'secret')).mode & 0o777, 0o600);

    gateway = await house.start({ env: { HOLDFAST_DATA: target() } });
    agent.url = `${gateway.url}/mcp/tools`;
    assert.equal((await gateway.approval(id)).state, 'pending');
    await house.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    await gateway.reaches(id, 'approved');
    assert.equal(textOf(await agent.call('create_key', args).answer), 'done');
    assert.equal(upstream.count('create_key', args), 1);
    const types = (await gateway.events(id)).map((event) => event.type);
    assert.ok(types.includes('approval.requested') && types.includes('call.succeeded'), 'one log, before and after');
    await gateway.stop();
  });

  test('a backup never writes over something, and says where Postgres is backed up instead', async () => {
    const there = join(house.folder, 'there');
    mkdirSync(there);
    assert.match((await backup(there)).said, /EEXIST/);
    const inside = await backup(join(house.folder, 'data', 'copy'));
    assert.match(inside.said, /is inside the folder to copy/);
    const env = { DATABASE_URL: 'postgres://127.0.0.1:9/x', HOLDFAST_SECRET: STORE_SECRET };
    assert.match((await backup(target(), env)).said, /pg_dump/);
  });
});
