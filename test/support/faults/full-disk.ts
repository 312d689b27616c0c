/**
 * A gateway with its embedded database on a disk that fills up and then has room again. Its test runs it as
 * `full-disk.ts FOLDER`, where FOLDER is a small file system of its own. Exits with 0 when every assertion holds.
 */
import assert from 'node:assert/strict';
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, noteOf, textOf } from '../agent/agent.ts';
import { openHouse } from '../gateway/program.ts';
import { countingUpstream } from '../upstream/counting.ts';
import { eventually } from '../wait.ts';

const POLICY = 'version: "1"\ndefault: deny\ntools:\n  create_key: { action: require_approval }\n';
const folder = process.argv[2]!;
const filler = join(folder, 'filler');

const upstream = await countingUpstream();
const house = await openHouse({
  servers: { up: { at: `url: "${upstream.url}"`, policy: POLICY } },
  approval: '{ timeout: 10m, max_pending: 1000, hold: { default: 200ms } }',
  slack: false,
  env: { HOLDFAST_DATA: join(folder, 'data') },
});
try {
  const gateway = await house.start();
  const agent = await Agent.open(`${gateway.url}/mcp/up`, house.tokens.agent!);
  // Long enough that a few of them need new pages of the database.
  const ask = async (name: string) => agent.call('create_key', { name, long: name.padEnd(1_500, '.') }).answer;
  const ready = async () => {
    const response = await gateway.api('/readyz');
    return { status: response.status, ...((await response.json()) as { parts: { store: string } }) };
  };
  const first = noteOf(await ask('first')).id;
  const asked = new Set([first]);
  assert.equal((await ready()).status, 200);

  fill();
  const refused = await eventually('a call is refused', async () => {
    const answer = await ask(`full ${asked.size}`);
    if (!/^Waiting/.test(textOf(answer))) return textOf(answer);
    asked.add(noteOf(answer).id);
    return null;
  });
  assert.match(refused, /^Cannot decide: the database does not answer/);
  assert.match(refused, /Nothing was sent/);
  const unready = await ready();
  assert.equal(unready.status, 503);
  assert.match(unready.parts.store, /^the database accepts no writes \((ENOSPC|53100)\)$/);
  assert.equal((await gateway.api('/healthz')).status, 200, 'it lives, and a restart would not help');
  assert.equal(upstream.calls.length, 0);

  rmSync(filler);
  await eventually('it is ready again', async () => ((await ready()).status === 200 ? true : null));
  asked.add(noteOf(await ask('after')).id);
  assert.deepEqual(
    new Set((await gateway.approvals('pending')).map(({ id }) => id)),
    asked,
    'nothing more, nothing less',
  );
  const decided = await gateway.api(`/api/approvals/${first}/decisions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ decision: 'approve' }),
  });
  assert.equal(decided.status, 200, await decided.text());
  assert.equal(textOf(await ask('first')), 'done');
  assert.equal(upstream.calls.length, 1);
} finally {
  await house.close();
  await upstream.close();
}

/** Fills the disk to the last byte. */
function fill(): void {
  for (const bytes of [1024 * 1024, 4096, 1]) {
    const piece = Buffer.alloc(bytes);
    try {
      for (;;) appendFileSync(filler, piece);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
}
