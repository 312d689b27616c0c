import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHouse } from '../../support/gateway/program.ts';

/** MiB that a process takes now, and the most that it took; 0: it is gone. */
function memoryOf(pid: number | string): { readonly now: number; readonly peak: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const of = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
    return { now: of('VmRSS'), peak: of('VmHWM') };
  } catch {
    return { now: 0, peak: 0 };
  }
}

/** MiB of all processes whose command line has this folder in it: what makes the database, and whoever started it. */
function makingIn(folder: string): number {
  let sum = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)) continue;
      const parent = /PPid:\s+(\d+)/.exec(status)?.[1] ?? '';
      sum = Math.max(sum, memoryOf(pid).now + memoryOf(parent).now);
    } catch {
      // It has ended since.
    }
  }
  return sum;
}

test('a gateway with an embedded database takes at most 600 MiB at its first start, 800 with what makes it, and keeps 300', async () => {
  const house = await openHouse({
    servers: { up: { at: 'url: http://127.0.0.1:9/mcp', policy: 'version: "1"\ndefault: deny\n' } },
    fresh: true,
    env: { NODE_OPTIONS: '--max-semi-space-size=16' },
  });
  let together = 0;
  const looking = setInterval(() => {
    together = Math.max(together, makingIn(`${house.folder}/`));
  }, 50);
  try {
    const gateway = await house.start();
    clearInterval(looking);
    await sleep(10_000);
    const { now, peak } = memoryOf(gateway.pid);
    assert.ok(peak <= 600, `${peak.toFixed(0)} MiB at most`);
    assert.ok(together > peak && together <= 800, `${together.toFixed(0)} MiB with what makes the database`);
    assert.ok(now <= 300, `${now.toFixed(0)} MiB after its start`);
  } finally {
    clearInterval(looking);
    await house.close();
  }
});
