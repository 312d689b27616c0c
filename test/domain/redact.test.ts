import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../src/domain/json/json.ts';
import { DEFAULT_REDACTION, REDACTED, type Redaction, redact } from '../../src/domain/json/redact.ts';

const none: Redaction = { byName: false, paths: [] };
const at = (...paths: string[][]): Redaction => ({ byName: false, paths });

describe('redaction', () => {
  const SECRETS = [
    'password',
    'PASSWD',
    'client_secret',
    'accessToken',
    'api_key',
    'api-key',
    'apiKey',
    'APIKEY',
    'Authorization',
    'credentials',
    'private_key',
    'privateKey',
    'x-private-key-2',
  ];
  for (const name of SECRETS) {
    test(`P8: a member named ${name} is hidden wherever it stands`, () => {
      const given = { [name]: 'MARKER', deep: [{ [name]: { inner: 'MARKER' } }] };
      assert.deepEqual(plain(redact(given, DEFAULT_REDACTION)), { [name]: REDACTED, deep: [{ [name]: REDACTED }] });
    });
  }

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

  test('P8: under any tree no value below a secret’s name is left', () => {
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
      fc.property(tree, (value) => leaks(redact(value, DEFAULT_REDACTION)) === 0),
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

/** How many values under a secret's name are still there. */
function leaks(value: Json): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + leaks(item), 0);
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce(
    (sum, [name, inner]) => sum + (/token|password/i.test(name) ? Number(inner !== REDACTED) : leaks(inner as Json)),
    0,
  );
}
