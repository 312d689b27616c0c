import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { runCommandLine } from '../../../src/cli/command-line.ts';
import { callTool, sdkClient, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { keptTerminal } from '../../support/terminal.ts';
import { officeServer, RECORDING, type RecordedCall } from '../../support/upstream/office.ts';
import { type SdkUpstream, sdkUpstream } from '../../support/upstream/sdk.ts';
import { eventually } from '../../support/wait.ts';

/** What a newcomer begins with. */
const FIRST = 'version: "1"\ndefault: allow\n';

/** Calls that were not in the recording, and that nobody wants. */
const BAD: readonly RecordedCall[] = [
  ['delete_customer', { id: 'C1' }],
  ['create_invoice', { customer: 'C1', amount: 90_000, currency: 'EUR' }],
  ['create_invoice', { customer: 'C1', amount: -5, currency: 'EUR' }],
  ['create_invoice', { customer: 'C1', amount: 20, currency: 'BTC' }],
  ['create_invoice', { customer: 'C1', amount: 20 }],
  ['read_file', { path: '/etc/passwd' }],
  ['read_file', { path: '/srv/office/reports/../../../etc/passwd' }],
  ['send_mail', { to: ['ann@example.com', 'mallory@example.net'], body: 'hello', api_key: 'sk-office-1-do-not-tell' }],
  ['export_everything', {}],
];

describe('a newcomer introduces Holdfast', () => {
  const done: string[] = [];
  let upstream: SdkUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Client;
  let suggested: string;

  before(async () => {
    upstream = await sdkUpstream(() => officeServer(done));
    house = await openHouse({
      servers: { office: { at: `url: "${upstream.url}", mode: watch`, policy: FIRST } },
      audit: '{ samples: { per_tool_and_day: 500, retain: 30d } }',
      slack: false,
    });
    gateway = await house.start();
    agent = await sdkClient(`${gateway.url}/mcp/office`, house.tokens.agent!);
  });
  after(async () => {
    await agent?.close();
    await house?.close();
    await upstream[Symbol.asyncDispose]();
  });

  const holdfast = async (...words: readonly string[]) => {
    const { terminal, out, err } = keptTerminal({
      env: { HOLDFAST_ADMIN_TOKEN: house.adminToken },
      cwd: house.folder,
    });
    const code = await runCommandLine([...words, '--url', gateway.url], terminal);
    return { code, out: out(), err: err() };
  };
  const callAll = async (calls: readonly RecordedCall[]) => {
    const said: string[] = [];
    // A client refuses to call a tool with arguments that its schema does not have; the server says so as a result.
    for (const [tool, args] of calls) said.push(textOf(await callTool(agent, tool, args)));
    return said;
  };
  const known = (n: number) =>
    eventually(`${n} calls are known`, async () => {
      const { out } = await holdfast('policy', 'replay', '--since', '1h', '--json');
      const read = JSON.parse(out) as { calls: number; unknown: number };
      return read.calls === n ? read : null;
    });

  test('she watches, works, and gets a policy from what was used, which tells no hidden value', async () => {
    assert.deepEqual(
      await callAll(RECORDING),
      RECORDING.map(() => 'done'),
    );
    await known(RECORDING.length);
    suggested = await eventually('everything is sampled', async () => {
      const { code, out, err } = await holdfast('policy', 'suggest', '--since', '1h');
      assert.equal(code, 0, err);
      return /create_invoice: 45 calls by 1 agent, arguments known of 45;/.test(out) &&
        /send_mail: 45 calls by 1 agent, arguments known of 45;/.test(out)
        ? out
        : null;
    });
    assert.match(suggested, /^default: "?deny"?$/m);
    assert.match(suggested, /path: "?args\.currency"?/);
    assert.match(suggested, /args\.api_key: not bounded, it is hidden/);
    assert.doesNotMatch(suggested, /do-not-tell/);
    assert.doesNotMatch(JSON.stringify(await gateway.events()), /do-not-tell/);
  });

  test('she replays it: no verdict of the recording changes, and the exit code says so', async () => {
    writeFileSync(join(house.folder, 'suggested.yaml'), suggested);
    const { code, out, err } = await holdfast('policy', 'replay', '--since', '1h', '--policy', 'suggested.yaml');
    assert.equal(code, 0, out + err);
    assert.match(out, /^180 calls from .*: 180 as before, 0 would change, 0 nobody can tell/);
    assert.match(out, /limit suggested:send_mail of office: at least 45 of 200 in its fullest window, 0 refused/);
  });

  test('a policy that is too tight is named by tool, agent and rule, with exit code 1; a broken one with 2', async () => {
    const tight = suggested.replace(/value: 500$/m, 'value: 50');
    assert.notEqual(tight, suggested);
    writeFileSync(join(house.folder, 'tight.yaml'), tight);
    const changed = await holdfast('policy', 'replay', '--since', '1h', '--policy', 'tight.yaml');
    assert.equal(changed.code, 1, changed.err);
    assert.match(
      changed.out,
      /\d+ of office\.create_invoice by agent: allowed → denied \(rule create_invoice, by tools\.create_invoice\.require\[\d\]\)\n +event \d+/,
    );
    writeFileSync(join(house.folder, 'broken.yaml'), 'version: "1"\ndefault: perhaps\n');
    const broken = await holdfast('policy', 'replay', '--since', '1h', '--policy', 'broken.yaml');
    assert.equal(broken.code, 2);
    assert.match(broken.err, /broken\.yaml:2:\d+: default/);
    const nowhere = await holdfast('policy', 'replay', '--server', 'nobody');
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.err, /no such server\. It has office/);
  });

  test('she enforces it: the recording passes again, and what was not in it is denied', async () => {
    house.writePolicy('office', suggested);
    const config = join(house.folder, 'holdfast.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace(', mode: watch', ''));
    process.kill(gateway.pid, 'SIGHUP');
    await eventually('it is enforced', async () => {
      const ready = (await (await fetch(`${gateway.url}/readyz`)).json()) as { watching?: unknown };
      return ready.watching === undefined ? true : null;
    });
    assert.deepEqual(
      await callAll(RECORDING),
      RECORDING.map(() => 'done'),
    );
    const before = done.length;
    for (const bad of BAD) {
      const [said] = await callAll([bad]);
      assert.match(said!, /^Policy violation: /, JSON.stringify(bad));
    }
    assert.equal(done.length, before);
  });

  test('all samples are believed, and the log says who asked for a policy', async () => {
    const { out } = await holdfast('policy', 'replay', '--since', '1h', '--json');
    assert.equal((JSON.parse(out) as { doubted: number }).doubted, 0);
    const read = (await gateway.events()).filter(
      ({ type, data }) => type === 'admin.read' && /policy/.test(String(data.what)),
    );
    assert.ok(read.some(({ actor, data }) => actor === 'admin' && data.what === 'policy suggest'));
  });
});
