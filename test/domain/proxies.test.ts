import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isLostLoopback, proxyFor, readProxies, shownProxies, sparing } from '../../src/config/proxies.ts';

const PROXY = 'http://proxy.corp:3128';

function read(env: Record<string, string>) {
  const faults: string[] = [];
  const proxies = readProxies(env, (name, message, expected) => void faults.push(`${name} ${message} ${expected}`));
  return { proxies, faults };
}

describe('proxies on the way out', () => {
  for (const [what, env, url, through] of [
    ['none', {}, 'https://mcp.example', null],
    ['of http', { HTTP_PROXY: PROXY }, 'http://mcp.example', PROXY],
    ['of http serves https', { HTTP_PROXY: PROXY }, 'https://mcp.example', PROXY],
    ['of https', { HTTPS_PROXY: PROXY }, 'https://mcp.example', PROXY],
    ['of https does not serve http', { HTTPS_PROXY: PROXY }, 'http://mcp.example', null],
    ['for WebSockets', { HTTPS_PROXY: PROXY }, 'wss://slack.example/link', PROXY],
    ['in lower case counts first', { https_proxy: PROXY, HTTPS_PROXY: 'http://other:1' }, 'https://a.example', PROXY],
    ['without a scheme', { HTTPS_PROXY: 'proxy.corp:3128' }, 'https://a.example', PROXY],
    ['that is empty', { HTTPS_PROXY: '' }, 'https://a.example', null],
  ] as const) {
    test(what, () => assert.equal(proxyFor(read(env).proxies, url), through));
  }

  for (const [list, url, isException] of [
    ['a.example', 'https://a.example/mcp', true],
    ['a.example', 'https://b.a.example/mcp', true],
    ['a.example', 'https://ba.example/mcp', false],
    ['.a.example', 'https://a.example', true],
    ['*.a.example', 'https://a.example', false],
    ['*.a.example', 'https://b.a.example', true],
    ['A.Example', 'https://a.example.', true],
    ['a.example:8443', 'https://a.example:8443', true],
    ['a.example:8443', 'https://a.example', false],
    ['a.example:443', 'https://a.example', true],
    ['x, a.example', 'https://a.example', true],
    ['127.0.0.1', 'http://127.0.0.1:8080', true],
    ['::1', 'http://[::1]:8080', true],
    ['[::1]:8080', 'http://[::1]:8080', true],
    ['[::1]:8081', 'http://[::1]:8080', false],
    ['*', 'https://a.example', true],
    ['*:80', 'https://a.example', false],
    ['', 'https://a.example', false],
  ] as const) {
    test(`NO_PROXY=${list} and ${url}`, () => {
      const { proxies } = read({ HTTP_PROXY: PROXY, NO_PROXY: list });
      assert.equal(proxyFor(proxies, url), isException ? null : PROXY);
    });
  }

  for (const value of [
    'socks5://u:hunter2@p:1080',
    'http://',
    'http://p:99999',
    'http://p:1/path',
    'http://u:hunter2%zz@p',
  ]) {
    test(`${value} is refused, and its password is not repeated`, () => {
      const { faults } = read({ HTTPS_PROXY: value });
      assert.equal(faults.length, 1);
      assert.match(faults[0]!, /^HTTPS_PROXY is not the address of an HTTP proxy/);
      assert.doesNotMatch(faults[0]!, /hunter2/);
    });
  }

  test('is shown without its user', () => {
    const address = 'http://bob:hunter2@proxy.corp:3128';
    assert.deepEqual(shownProxies({ http: address, https: address, except: [] }), [PROXY]);
  });

  test('a server on this machine that a proxy would have to reach is noticed', () => {
    const { proxies } = read({ HTTP_PROXY: PROXY, NO_PROXY: 'localhost' });
    const urls = [
      'http://127.0.0.1:1/',
      'http://127.9.9.9/',
      'http://[::1]/',
      'http://localhost/',
      'http://a.example/',
      '${X}',
    ];
    assert.deepEqual(
      urls.map((url) => isLostLoopback(proxies, url)),
      [true, true, true, false, false, false],
    );
  });

  test('an address of our own is spared', () => {
    const proxies = sparing(read({ HTTP_PROXY: PROXY }).proxies, '127.0.0.1', 8787);
    assert.equal(proxyFor(proxies, 'http://127.0.0.1:8787/readyz'), null);
    assert.equal(proxyFor(proxies, 'http://127.0.0.1:8788/readyz'), PROXY);
  });
});
