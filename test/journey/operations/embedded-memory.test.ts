import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHouse } from '../../support/gateway/program.ts';

/** MiB: what it takes now, and the most that it took. */
function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { now: of('VmRSS'), peak: of('VmHWM') };
}

test('a gateway with an embedded database takes at most 600 MiB at its first start, and keeps at most 300', async () => {
  const house = await openHouse({
    servers: { up: { at: 'url: http://127.0.0.1:9/mcp', policy: 'version: "1"\ndefault: deny\n' } },
    fresh: true,
    env: { NODE_OPTIONS: '--max-semi-space-size=16' },
  });
  try {
    const gateway = await house.start();
    await sleep(10_000);
    const { now, peak } = memoryOf(gateway.pid);
    assert.ok(peak <= 600, `${peak.toFixed(0)} MiB at most`);
    assert.ok(now <= 300, `${now.toFixed(0)} MiB after its start`);
  } finally {
    await house.close();
  }
});
