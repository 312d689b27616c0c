import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { openHouse } from '../../support/gateway/program.ts';
import { countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = 'version: "1"\ndefault: deny\ntools:\n  create_key: { action: require_approval }\n';
const STORY = new URL('../../support/faults/full-disk.ts', import.meta.url).pathname;

/** Runs a command with a small file system on the folder; not every machine allows that. */
const mounted = (folder: string, command: string) =>
  spawnSync('unshare', ['-rm', 'sh', '-c', `mount -t tmpfs -o size=80m none ${folder} && ${command}`], {
    encoding: 'utf8',
    timeout: 120_000,
  });
const noMount = mounted(tmpdir(), 'true').status === 0 ? false : 'no file system can be made here';
const noLimit = spawnSync('prlimit', ['--version']).status === 0 ? false : 'no prlimit installed';

test('P4, P6: embedded, on a full disk calls are refused and /readyz names the store; with room again all goes on', {
  skip: noMount,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-disk-'));
  const ran = mounted(folder, `exec "${process.execPath}" "${STORY}" ${folder}`);
  rmSync(folder, { recursive: true, force: true });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
});

test('P4, P6: embedded, when the database cannot write its own log the process ends and says why, and nothing is lost', {
  skip: noLimit,
}, async () => {
  const upstream = await countingUpstream();
  const house = await openHouse({
    servers: { up: { at: `url: "${upstream.url}"`, policy: POLICY } },
    approval: '{ timeout: 10m, hold: { default: 200ms } }',
    slack: false,
  });
  try {
    const gateway = await house.start();
    const agent = await Agent.open(`${gateway.url}/mcp/up`, house.tokens.agent!);
    const parked = noteOf(await agent.call('create_key', { name: 'parked' }).answer).id;
    // From now on every write past a file's first byte fails, as on a disk that is broken or full.
    execFileSync('prlimit', ['--pid', `${gateway.pid}`, '--fsize=1:unlimited']);
    const meanwhile = await agent.call('create_key', { name: 'meanwhile' }).answer.then(textOf, () => 'no answer');
    assert.match(meanwhile, /^(no answer|Cannot decide: the database does not answer)/);
    await eventually('the process ends', () => (/ended itself, most likely/.test(gateway.log) ? true : null));
    assert.equal(await gateway.stop(), 1);
    assert.equal(upstream.calls.length, 0);

    const again = await house.start();
    const pending = await again.approvals('pending');
    assert.deepEqual(
      pending.map(({ id }) => id),
      [parked],
    );
    await again.api(`/api/approvals/${parked}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve' }),
    });
    const back = await Agent.open(`${again.url}/mcp/up`, house.tokens.agent!);
    assert.equal(textOf(await back.call('create_key', { name: 'parked' }).answer), 'done');
    assert.equal(upstream.count('create_key', { name: 'parked' }), 1);
  } finally {
    await house.close();
    await upstream.close();
  }
});
