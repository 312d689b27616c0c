import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { wire } from '../../support/agent/wire.ts';
import { type Collector, collector } from '../../support/audit/collector.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';

const DEPLOYMENT = new URL('../../../deploy/kubernetes/gateway/deployment.yaml', import.meta.url);
const PING = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });

/** What the manifest gives the gateway. */
function manifestHosts(): string {
  const [deployment] = parseAllDocuments(readFileSync(DEPLOYMENT, 'utf8')).map((one) => one.toJS());
  const env = deployment.spec.template.spec.containers[0].env as { name: string; value?: string }[];
  return env.find(({ name }) => name === 'HOLDFAST_AGENT_HOSTS')?.value ?? '';
}

describe('a gateway behind a Service of a cluster', () => {
  let upstream: Collector;
  let house: House;
  let gateway: GatewayProcess;
  before(async () => {
    upstream = await collector();
    upstream.answer = () => ({ status: 200, body: JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} }) });
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}/mcp"`, policy: 'version: "1"\ndefault: allow\n' } },
      env: { HOLDFAST_AGENT_HOSTS: manifestHosts(), HOLDFAST_PUBLIC_URL: 'https://holdfast.example.com' },
    });
    gateway = await house.start();
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  const ping = (host: string) => {
    const headers = {
      host,
      authorization: `Bearer ${house.tokens.agent!}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
    };
    return wire({ url: `${gateway.url}/mcp/tools`, headers, body: PING });
  };

  test('answers agents by each name that the manifest lists, in any letter case, and by the public one', async () => {
    const hosts = manifestHosts().split(/[\s,]+/);
    assert.ok(hosts.includes('holdfast:8787'));
    for (const host of [...hosts, 'HOLDFAST:8787', 'holdfast.example.com']) {
      assert.equal((await ping(host)).status, 200, host);
    }
  });

  test('answers no other, and says how to list it', async () => {
    for (const host of ['evil.example', 'holdfast', 'holdfast:80', 'evil.holdfast:8787']) {
      const refused = await ping(host);
      assert.equal(refused.status, 403, host);
      assert.match(refused.text, /list this one in HOLDFAST_AGENT_HOSTS/);
    }
  });

  test('opens no page by these names', async () => {
    const login = await wire({ url: `${gateway.url}/login`, method: 'GET', headers: { host: 'holdfast:8787' } });
    assert.equal(login.status, 403);
  });
});
