import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { watchFindings } from '../../src/cli/doctor/watching.ts';
import type { Loaded } from '../../src/config/load.ts';
import { policyOf } from '../support/domain/policy.ts';

let watching: unknown = [];
const gateway = createServer((_request, response) => void response.end(JSON.stringify({ ready: true, watching })));
await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
const { port } = gateway.address() as AddressInfo;
after(() => gateway.close());

const NOW = new Date('2026-11-30T12:00:00Z');
const server = { ...policyOf({}), mode: 'watch' as const };
const rule = policyOf({ tools: { t: { mode: 'watch' } } });

function findings(policies: Loaded['policies'], at = port) {
  const settings = { listen: { host: '127.0.0.1', port: at }, publicUrl: null };
  return watchFindings({ policies, settings } as unknown as Loaded, NOW);
}

test('doctor says nothing where everything is enforced', async () => {
  assert.deepEqual(await findings(new Map([['tools', policyOf({})]])), []);
});

test('doctor warns of what is watched, and after 14 days that it may be forgotten', async () => {
  watching = [
    { server: 'tools', rule: null, since: '2026-11-10T12:00:00Z' },
    { server: 'other', rule: 't', since: '2026-11-29T12:00:00Z' },
  ];
  const [long, short] = await findings(
    new Map([
      ['tools', server],
      ['other', rule],
    ]),
  );
  assert.match(long!.what, /^tools is only watched.*for 20 days: more than 14/);
  assert.match(short!.what, /^other\.t is only watched.*since 2026-11-29/);
  assert.match(String(short!.remedy), /mode of tools\.t in the policy of other: enforce/);
});

test('doctor warns too where no gateway answers, or answers something else', async () => {
  const answers: [unknown, number][] = [
    [[], 1],
    [{ server: 'tools' }, port],
    [[{ server: 'tools', rule: null, since: 'long ago' }], port],
  ];
  for (const [said, at] of answers) {
    watching = said;
    const [found] = await findings(new Map([['tools', server]]), at);
    assert.match(found!.what, /only watched.*since when is known while the gateway runs/);
    assert.equal(found!.level, 'warn');
  }
});
