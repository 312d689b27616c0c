import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisTarget } from '../../src/queue/redis-target.ts';
import { readRedisAddress } from '../../src/text/redis-address.ts';

const PLAIN = {
  hosts: [{ host: '127.0.0.1', port: 6379 }],
  primary: null,
  tls: false,
  username: null,
  password: null,
  sentinelUsername: null,
  sentinelPassword: null,
  db: 0,
};

const READ: Readonly<Record<string, Partial<typeof PLAIN> | object>> = {
  'redis://127.0.0.1': {},
  'redis://127.0.0.1:6379/': {},
  'redis://': {},
  'rediss://cache.example.com:7000/3': { tls: true, hosts: [{ host: 'cache.example.com', port: 7000 }], db: 3 },
  'redis://cache?db=4': { hosts: [{ host: 'cache', port: 6379 }], db: 4 },
  'redis://[::1]:6380': { hosts: [{ host: '::1', port: 6380 }] },
  'redis://:p%2Fw@127.0.0.1': { password: 'p/w' },
  'redis://me:s:c@127.0.0.1': { username: 'me', password: 's:c' },
  'redis://me:100%@127.0.0.1': { username: 'me', password: '100%' },
  'redis+sentinel://a:26379,b/main': {
    primary: 'main',
    hosts: [
      { host: 'a', port: 26379 },
      { host: 'b', port: 26379 },
    ],
  },
  'redis+sentinel://me:pw@a,[::1]:1/my%20main/2?sentinelPassword=s%2Fp&sentinelUsername=w': {
    primary: 'my main',
    username: 'me',
    password: 'pw',
    hosts: [
      { host: 'a', port: 26379 },
      { host: '::1', port: 1 },
    ],
    sentinelUsername: 'w',
    sentinelPassword: 's/p',
    db: 2,
  },
  'rediss+sentinel://a/main': { primary: 'main', tls: true, hosts: [{ host: 'a', port: 26379 }] },
};

for (const [text, expected] of Object.entries(READ)) {
  test(`reads ${text}`, () => assert.deepEqual(readRedisAddress(text), { ...PLAIN, ...expected }));
}

for (const text of [
  'https://u:pa55@x',
  'pa55',
  'redis+sentinel://a:26379',
  'redis+sentinel://a/',
  'redis://a,b',
  'redis://a:99999',
  'redis://a/x',
  'redis://a/0/1',
  'redis:/a',
]) {
  test(`P8: ${text} is none, and is not repeated`, () => {
    assert.equal(readRedisAddress(text), null);
    assert.throws(
      () => redisTarget(text),
      (error: Error) => error instanceof TypeError && !error.message.includes('pa55'),
    );
  });
}

test('P8: a name for people holds no secret, and every secret is known, encoded or not', () => {
  const found = redisTarget('redis+sentinel://me:p%2Fw@a:1,b:2/main?sentinelPassword=other');
  assert.equal(found.name, 'Redis (main of Sentinel at a:1, b:2)');
  assert.deepEqual([...found.secrets].sort(), ['other', 'p%2Fw', 'p/w']);
});
