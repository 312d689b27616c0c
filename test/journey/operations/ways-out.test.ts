import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { type ForwardProxy, forwardProxy } from '../../support/upstream/forward-proxy.ts';

const POLICY = 'version: "1"\ndefault: deny\ntools: { create_key: { action: require_approval }, read: {} }\n';
const PASSWORD = 'hunter2-of-the-proxy';

for (const transport of ['http', 'socket'] as const) {
  describe(`behind a company's proxy, clicks over ${transport}`, { concurrency: false }, () => {
    let upstream: CountingUpstream;
    let proxy: ForwardProxy;
    let house: House;
    let gateway: GatewayProcess;
    before(async () => {
      [upstream, proxy] = await Promise.all([countingUpstream(), forwardProxy(`bob:${PASSWORD}`)]);
      // Only the proxy knows these names.
      const at = (url: string, host: string): string => url.replace('127.0.0.1', host);
      house = await openHouse({
        servers: { tools: { at: `url: "${at(upstream.url, 'mcp.internal')}"`, policy: POLICY } },
      });
      const address = `http://bob:${PASSWORD}@127.0.0.1:${proxy.port}`;
      gateway = await house.start({
        env: {
          HTTP_PROXY: address,
          HTTPS_PROXY: address,
          SLACK_API_URL: at(house.slack.apiUrl, 'slack.internal'),
          ...(transport === 'socket' ? { SLACK_APP_TOKEN: house.slack.appToken } : {}),
        },
      });
    });
    after(async () => {
      await house?.close();
      await upstream?.close();
      await proxy?.[Symbol.asyncDispose]();
    });

    test('an allowed and a held call reach the server, the card and the click', async () => {
      const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
      assert.equal(textOf(await agent.call('read', {}).answer), 'done');
      const held = agent.call('create_key', { team: 'ops' });
      await house.approve((await gateway.pending('create_key')).id);
      assert.equal(textOf(await held.answer), 'done');
      assert.equal(upstream.count('create_key'), 1);
      const asked = proxy.asked.join('\n');
      assert.match(asked, /POST http:\/\/mcp\.internal:\d+\//);
      assert.match(asked, /POST http:\/\/slack\.internal:\d+\/api\/chat\.postMessage/);
      if (transport === 'socket') assert.match(asked, /CONNECT 127\.0\.0\.1:\d+/);
    });

    test('P8: the password of the proxy is shown nowhere', () => {
      const environment = readFileSync(`/proc/${gateway.pid}/environ`, 'utf8');
      for (const text of [gateway.log, gateway.stdout, house.slackTraffic(), environment]) {
        assert.ok(!text.includes(PASSWORD), text.slice(0, 2_000));
      }
      assert.match(gateway.stdout, /"proxies":\["http:\/\/127\.0\.0\.1:\d+"\]/);
    });
  });
}

test('an address that is no proxy is refused at the start, without its password', async () => {
  const house = await openHouse({ servers: { tools: { at: 'url: "http://127.0.0.1:9/"', policy: POLICY } } });
  try {
    const { code, said } = await house.startFails({ env: { HTTPS_PROXY: `socks5://bob:${PASSWORD}@127.0.0.1:1` } });
    assert.equal(code, 1);
    assert.match(said, /HTTPS_PROXY.*is not the address of an HTTP proxy/);
    assert.ok(!said.includes(PASSWORD));
  } finally {
    await house.close();
  }
});

test('NO_PROXY: what it names is reached without the proxy', async () => {
  await using proxy = await forwardProxy();
  const upstream = await countingUpstream();
  const house = await openHouse({ servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } } });
  try {
    const gateway = await house.start({
      env: { HTTP_PROXY: `127.0.0.1:${proxy.port}`, no_proxy: 'example.com, 127.0.0.1' },
    });
    const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const held = agent.call('create_key', { team: 'ops' });
    await house.approve((await gateway.pending('create_key')).id);
    assert.equal(textOf(await held.answer), 'done');
    assert.deepEqual(proxy.asked, []);
  } finally {
    await house.close();
    await upstream.close();
  }
});
