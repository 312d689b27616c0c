import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { redactCall } from '../../src/domain/call/redact-call.ts';
import type { Json, JsonObject } from '../../src/domain/json/json.ts';
import {
  COPIED_AT_ONCE,
  DEFAULT_REDACTION,
  NO_REDACTION,
  REDACTED,
  type Redaction,
  redact,
  redactedCopy,
  redactedCopySteps,
} from '../../src/domain/json/redact.ts';
import { policyOf } from '../support/domain/policy.ts';

const none: Redaction = { byName: false, paths: [] };
const at = (...paths: string[][]): Redaction => ({
  byName: false,
  paths: paths.map((segments) => ({ part: 'args', segments })),
});

/** Names that end with a secret's, in whole words. */
const SECRETS = [
  'password',
  'PASSWD',
  'passWord',
  'pAsSwOrD',
  'client_secret',
  'accessToken',
  'access_token',
  'apiToken',
  'APIToken',
  'token',
  'api_key',
  'api-key',
  'api.key',
  'api key',
  'apiKey',
  'APIKEY',
  'API-Key',
  'X-API-KEY',
  'stripeApiKey',
  'Authorization',
  'credential',
  'private_key',
  'privateKey',
  'private.key',
  'x-private-key-2',
  'password2',
  'new_password_confirmation',
  'secretValue',
  'token_base64',
  'AWS_SECRET_ACCESS_KEY',
  'secretKey',
  'acme.com/token',
  'ｐａｓｓｗｏｒｄ',
];

/** Names that say more than that there is a secret, or only contain one. */
const SHOWN = [
  'token_transfer',
  'tokenTransfer',
  'tokenize',
  'tokenizer',
  'secretary',
  'secretariat',
  'secret_santa',
  'password_policy',
  'passwordless',
  'token_count',
  'token_type',
  'authorization_model',
  'credential_type',
  'api_key_id',
  'keyboard',
  'monkey',
  'key',
  'keys',
  'pass',
  'compass',
  'public_key',
  'author',
  'name',
  'constructor',
  '',
];

/** A value that is hidden or not by itself. */
const SINGLE: Json[] = ['MARKER', '', 0, 7.5, true, false];

describe('redaction', () => {
  for (const name of SECRETS) {
    test(`P8: a single value named ${name} is hidden wherever it stands, and counted`, () => {
      for (const value of SINGLE) {
        const given = { [name]: value, deep: [{ [name]: value }], list: { [name]: [value, [value]] } };
        const { value: shown, byName, byPolicy } = redactedCopy(given, DEFAULT_REDACTION, 'args');
        const hidden = { [name]: REDACTED, deep: [{ [name]: REDACTED }], list: { [name]: [REDACTED, [REDACTED]] } };
        assert.deepEqual([plain(shown), byName, byPolicy], [hidden, 4, 0]);
      }
    });
  }

  for (const name of SHOWN) {
    test(`P10: a value named ${name || 'with nothing'} is shown`, () => {
      const given = { [name]: 'MARKER', deep: { [name]: { to: 'MARKER', amount: 5 } } };
      const { value, byName } = redactedCopy(given, DEFAULT_REDACTION, 'args');
      assert.deepEqual([plain(value), byName], [given, 0]);
    });
  }

  test('P10: an object is never hidden by its name; what is in it is judged by its own names', () => {
    const given = {
      token: { to: 'mallory', amount: 5, token: 't' },
      secrets: [{ path: '/etc/passwd' }, 'one'],
      password: null,
    };
    assert.deepEqual(plain(redact(given, DEFAULT_REDACTION)), {
      token: { to: 'mallory', amount: 5, token: REDACTED },
      secrets: [{ path: '/etc/passwd' }, REDACTED],
      password: null,
    });
  });

  test('P10: a number under the plural of a secret is a count', () => {
    const given = { max_tokens: 4096, tokens: ['a', 'b'], passwords: 'x', credentials: [1] };
    assert.deepEqual(plain(redact(given, DEFAULT_REDACTION)), {
      max_tokens: 4096,
      tokens: [REDACTED, REDACTED],
      passwords: REDACTED,
      credentials: [1],
    });
  });

  test('P10: nothing that is shown looks hidden', () => {
    const lookalikes = [
      ...['[redacted]', '[REDACTED]', ' [redacted] ', '"[redacted]"', '[redacted]\u200b', '[rеdacted]', '［redacted］'],
      ...[
        '[red\u0251cted]',
        '[redaϲted]',
        '[redaⲥted]',
        '[rҽdacted]',
        '[ꞃedacted]',
        '[ꭱedacted]',
        '[ᎡᎬᎠᎪᏟᎢᎬᎠ]',
        'rеdacted',
      ],
      ...['[гедастеԁ]', '【ꭇҽԁɑϲτҽԁ】', '[🅁🄴🄳🄰🄲🅃🄴🄳]', '[🅡🅔🅓🅐🅒🅣🅔🅓]', '[🇷🇪🇩🇦🇨🇹🇪🇩]', '[𝚛𝚎𝚍𝚊𝚌𝚝𝚎𝚍]', '[r\u0301édacted]'],
    ];
    const shown = lookalikes.map((note) => (redact({ note }, DEFAULT_REDACTION) as { note: string }).note);
    assert.deepEqual(
      shown,
      lookalikes.map((note) => `"${note}"`),
    );
    assert.equal(new Set(shown).size, lookalikes.length);
    const ordinary = [
      ...['redacted by legal', 'r', 'unredacted', '[', '[Straßen]', '[überlegt]', 'редакция', '[редактор отдела]'],
      ...['東京都千代田区丸の', '[é]', '👩‍💻 [deployed]…'],
    ];
    assert.deepEqual(plain(redact(ordinary, DEFAULT_REDACTION)), ordinary);
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', '[redacted]', 'x', ' ') }), (text) => {
        const copy = redactedCopy({ text }, NO_REDACTION, 'args');
        assert.notEqual((copy.value as { text: string }).text, REDACTED);
        assert.equal(copy.byName + copy.byPolicy, 0);
      }),
    );
  });

  test('P8: a policy’s paths reach all that is forwarded, names reach headers too, and both are counted', () => {
    const call = {
      args: { api_token: 't', seed: { a: 1, token: 'x' }, plain: 'p' },
      sent: {
        params: { options: { database: 'prod', dsn: 'd' }, seed: 's' },
        meta: { 'acme.com/tenant': 'a', 'acme.com/token': 't', seed: 's' },
        headers: { 'mcp-param-token': 'h', 'mcp-param-options': 'o' },
      },
    };
    const { redaction } = policyOf({
      tools: { t: { redact: ['args.seed', 'params.options.dsn', 'meta["acme.com/tenant"]'] } },
    }).exact.get('t')!;
    assert.deepEqual(JSON.parse(JSON.stringify(redactCall(call, redaction))), {
      arguments: { api_token: REDACTED, seed: REDACTED, plain: 'p' },
      sent: {
        params: { options: { database: 'prod', dsn: REDACTED }, seed: 's' },
        meta: { 'acme.com/tenant': REDACTED, 'acme.com/token': REDACTED, seed: 's' },
        headers: { 'mcp-param-token': REDACTED, 'mcp-param-options': 'o' },
      },
      hidden: { byPolicy: 3, byName: 3 },
    });
    assert.deepEqual(redactCall(call, NO_REDACTION).hidden, { byPolicy: 0, byName: 0 });
  });

  test('P8, P10: a header that repeats a hidden argument is hidden, and counts as hidden by its name', () => {
    const { redaction } = policyOf({ tools: { t: { redact: ['args.seed'] } } }).exact.get('t')!;
    const headers = {
      'mcp-param-vault': 'S3CR3T',
      'mcp-param-encoded': `=?base64?${Buffer.from('S3CR3T').toString('base64')}?=`,
      'mcp-param-marked': `=?base64?${Buffer.from('\ufeffS3CR3T').toString('base64')}?=`,
      'mcp-param-pin': '316145.0',
      'mcp-param-pw': 'HUNTER2',
      'mcp-param-region': 'eu',
    };
    const args = { seed: ['S3CR3T', '\ufeffS3CR3T', 316145], password: 'HUNTER2', place: 'eu' };
    const shown = redactCall({ args, sent: { params: {}, meta: {}, headers } }, redaction);
    assert.deepEqual(
      { ...shown.sent.headers },
      {
        'mcp-param-vault': REDACTED,
        'mcp-param-encoded': REDACTED,
        'mcp-param-marked': REDACTED,
        'mcp-param-pin': REDACTED,
        'mcp-param-pw': REDACTED,
        'mcp-param-region': 'eu',
      },
    );
    assert.deepEqual(shown.hidden, { byPolicy: 1, byName: 6 });
  });

  test('P8: a declared secret counts as the policy’s, not as its name’s', () => {
    const { redaction } = policyOf({ tools: { t: { redact: ['args.api_token'] } } }).exact.get('t')!;
    const { byPolicy, byName } = redactedCopy({ api_token: 't' }, redaction, 'args');
    assert.deepEqual([byPolicy, byName], [1, 0]);
  });

  test('350,000 members are copied in linear time', () => {
    const given = Object.fromEntries(Array.from({ length: 350_000 }, (_, i) => [`api_token_of_${i}`, '[redacted']));
    const before = process.cpuUsage();
    redact(given, DEFAULT_REDACTION);
    // About a second; work that is quadratic in the members takes minutes.
    assert.ok(process.cpuUsage(before).user < 10_000_000);
  });

  test('other names stay, and `redact: none` hides nothing', () => {
    const given = { name: 'ci', key: 'k', role: 'viewer', expires: 30, none: null };
    assert.deepEqual(plain(redact(given, DEFAULT_REDACTION)), given);
    assert.deepEqual(plain(redact({ password: 'x' }, none)), { password: 'x' });
  });

  test('P8: paths hide what they name, through lists and any member, whatever its type', () => {
    const given = {
      seed: { a: 1 },
      users: [
        { pin: 1, n: 'a' },
        { pin: [2], n: 'b' },
      ],
      map: { x: { v: 1 }, y: { v: 2 } },
    };
    const hidden = redact(given, at(['seed'], ['users', '*', 'pin'], ['map', '*', 'v']));
    assert.deepEqual(plain(hidden), {
      seed: REDACTED,
      users: [
        { pin: REDACTED, n: 'a' },
        { pin: REDACTED, n: 'b' },
      ],
      map: { x: { v: REDACTED }, y: { v: REDACTED } },
    });
    assert.deepEqual(plain(redact(given, at(['users', '1']))), { ...given, users: [given.users[0], REDACTED] });
    assert.deepEqual(plain(redact(given, at(['nowhere', 'x']))), given);
    assert.equal(redact('all', at([])), REDACTED);
  });

  test('P8: under any tree no single value below a secret’s name is left, and as many are counted as are gone', () => {
    const tree = fc.letrec<{ node: Json }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<Json>('MARKER', 1, null, true),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('token', 'name', 'MyPassword', '__proto__', 'constructor'), tie('node'), {
          maxKeys: 3,
        }),
      ),
    })).node;
    fc.assert(
      fc.property(tree, (value) => {
        const { value: shown, byName } = redactedCopy(value, DEFAULT_REDACTION, 'args');
        assert.equal(
          singles(shown, false, (single) => single !== REDACTED),
          0,
        );
        assert.equal(
          singles(value, false, () => true),
          byName,
        );
      }),
      { numRuns: 300 },
    );
  });

  test('what is given is left as it was', () => {
    const given = { password: 'x', list: [{ token: 'y' }] };
    redact(given, DEFAULT_REDACTION);
    assert.deepEqual(given, { password: 'x', list: [{ token: 'y' }] });
  });
});

function plain(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

/** How many single values right under a secret's name there are of which this is so. */
function singles(value: Json, secret: boolean, isSo: (single: Json) => boolean): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + singles(item, secret, isSo), 0);
  if (typeof value !== 'object' || value === null) return Number(secret && value !== null && isSo(value));
  return Object.entries(value).reduce(
    (sum, [name, inner]) => sum + singles(inner as Json, /token|password/i.test(name), isSo),
    0,
  );
}

test('many values are copied in steps of some thousand, wherever they are', () => {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`m${i}`, i]));
  for (const value of [many, { deep: { er: many } }, { list: Array.from({ length: 20_000 }, () => 1) }]) {
    const steps = redactedCopySteps(value as JsonObject, DEFAULT_REDACTION, 'args');
    let count = 0;
    for (; ; count += 1) {
      const step = steps.next();
      if (!step.done) continue;
      assert.deepEqual(JSON.stringify(step.value.value), JSON.stringify(value));
      break;
    }
    assert.ok(count >= 20_000 / COPIED_AT_ONCE - 1, `${count} steps`);
  }
});
