import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../wait.ts';
import type { GatewayProcess, House } from './program.ts';

/** Rewrites what stands under `slack:` and signals the process; resolves once it is accepted, or refused like this. */
export type Reconfigure = (slack: string, refusal?: RegExp | null) => Promise<void>;

/** For a house with only this server and policy. */
export function reconfigure(house: House, gateway: GatewayProcess, server: string, policy: string): Reconfigure {
  const file = join(house.folder, 'holdfast.yaml');
  const first = readFileSync(file, 'utf8');
  let changes = 0;
  return async (slack, refusal = null) => {
    changes += 1;
    const before = (await gateway.events()).length;
    // In this order, so that a process that has read this policy has read this config too.
    writeFileSync(
      file,
      first.replace(/^slack: .*$/m, `slack: { ${slack}${slack.includes('digest:') ? '' : ', digest: off'} }`),
    );
    const text = `# ${changes}\n${policy}`;
    const digest = createHash('sha256').update(text).digest('hex');
    house.writePolicy(server, text);
    process.kill(gateway.pid, 'SIGHUP');
    await eventually('the change is taken or refused', async () => {
      const events = (await gateway.events()).slice(before);
      const taken = events.some(({ type, data }) => type === 'policy.loaded' && data[server] === digest);
      const refused = events.some(
        ({ type, data }) => type === 'policy.rejected' && refusal?.test(JSON.stringify(data)),
      );
      assert.ok(refusal === null || !taken, 'it was taken');
      return taken || refused ? true : null;
    });
  };
}
