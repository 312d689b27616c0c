import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ASKING_FOR, type AskedKind, isDeniedResource, judgeMethod } from '../../src/domain/policy/judge-method.ts';
import { METHODS, REVISIONS } from '../../src/domain/policy/methods.ts';
import { LONGEST_JUDGED_URI, uriReadings } from '../../src/domain/policy/uri-readings.ts';
import { faultsOf, policyOf } from '../support/domain/policy.ts';

type Row = readonly [
  name: string,
  file: object,
  kind: AskedKind,
  what: string,
  verdict: 'allow' | 'deny',
  rule: string,
];

const ONLY_SRV = { resources: { default: 'deny', 'file:///srv/*': 'allow' } };
const NOT_ETC = { default: 'allow', resources: { default: 'allow', 'file:///etc/*': 'deny' } };
const NOT_ONE = { default: 'allow', resources: { default: 'allow', 'https://a.example/secret': 'deny' } };

const NOT_THING = { default: 'allow', resources: { default: 'allow', 'x://h/secret/*': 'deny' } };
const ONLY_NOTES = { resources: { default: 'deny', 'x://h/notes/*': 'allow' } };
const NOT_SECRET = {
  default: 'allow',
  resources: { default: 'allow', 'file:///srv/sécret': 'deny', 'x://srv/sécret': 'deny' },
};
/** `..` to some server, and a name to others. */
const DISGUISED_CLIMBS = [
  ...['%c0%ae%c0%ae', '%e0%80%ae.', '..%c0%af..', '%25c0%25ae.', '%u002e%u002e', '．．', '%ef%bc%8e.', '‥', '..／..'],
  ...['.\u200b.', '..%e2%80%8b', '.\ufe0f.', '..;', '..;v=1', '%2e%2e;', '..%00', '..\u00a0', '..%c1%9c..', '..∕..'],
];
/** Names of files that Windows makes up, and ones that hold what nobody sees. */
const DISGUISED_NAMES = [
  'SECRET~1',
  'SECRE~12.TXT',
  's%C3%A9%0acret',
  's\u00e9\u200bcret',
  's%C3%A9cret%20.%20./..%20',
];
/** `sécret` to some server. */
const SAME_NAMES = ['se\u0301cret', 'se%CC%81cret', 's\u00e9cret.', 's%C3%A9cret%20', 's%C3%A9cret.;v=1', 'ｓécret'];

const RESOURCES: readonly Row[] = [
  ['without a section it is allowed', {}, 'resource', 'file:///etc/passwd', 'allow', 'none'],
  ['a key allows it', ONLY_SRV, 'resource', 'file:///srv/a', 'allow', 'resources.file:///srv/*'],
  ['the default of the section denies it', ONLY_SRV, 'resource', 'file:///etc/a', 'deny', 'resources.default'],
  ['without one, that of the file does', { resources: { 'x:*': 'allow' } }, 'resource', 'y:1', 'deny', 'default'],
  ['or allows it', { default: 'allow', resources: { 'x:*': 'deny' } }, 'resource', 'y:1', 'allow', 'default'],
  [
    'where the file asks, nobody can be asked',
    { default: 'require_approval', resources: { 'x:*': 'allow' } },
    'resource',
    'y:1',
    'deny',
    'default',
  ],
  [
    'an exact key comes before a glob',
    { resources: { default: 'deny', 'x://a/*': 'deny', 'x://a/b': 'allow' } },
    'resource',
    'x://a/b',
    'allow',
    'resources.x://a/b',
  ],
  [
    'the longest glob decides',
    { resources: { default: 'deny', 'x://*': 'allow', 'x://a/*': 'deny' } },
    'resource',
    'x://a/b',
    'deny',
    'resources.x://a/*',
  ],
  ['a way up', ONLY_SRV, 'resource', 'file:///srv/../etc/a', 'deny', 'resources.default'],
  ['a way up behind a query', ONLY_SRV, 'resource', 'file:///srv/x?/../../etc/a', 'deny', 'resources'],
  ['a way up with a tab in it', ONLY_SRV, 'resource', 'file:///srv/.\t./etc/a', 'deny', 'resources'],
  ['a way up, encoded', ONLY_SRV, 'resource', 'file:///srv/%2E%2e/etc/a', 'deny', 'resources.default'],
  ['a way up, encoded thrice', ONLY_SRV, 'resource', 'file:///srv/%25252e./etc', 'deny', 'resources.default'],
  ['a way up with a letter in it', ONLY_SRV, 'resource', 'file:///srv/.\u65e5./etc/a', 'deny', 'resources'],
  ['a way up with an accent', ONLY_SRV, 'resource', 'file:///srv/..\u0301/etc/a', 'deny', 'resources'],
  [
    'the same of a thing',
    { resources: { default: 'deny', 'x://a/b/*': 'allow' } },
    'resource',
    'x://a/b/.\u65e5./c',
    'deny',
    'resources.default',
  ],
  ['a host in capitals, of any scheme', NOT_THING, 'resource', 'x://H/secret/a', 'deny', 'resources.x://h/secret/*'],
  [
    'the key’s host in capitals',
    { default: 'allow', resources: { 'x://H/secret/*': 'deny' } },
    'resource',
    'x://h/secret/a',
    'deny',
    'resources.x://H/secret/*',
  ],
  [
    'a disguised slash beside another',
    NOT_THING,
    'resource',
    'x://h/%ef%bc%8fsecret/a',
    'deny',
    'resources.x://h/secret/*',
  ],
  [
    'a disguised question mark',
    { default: 'allow', resources: { 'x://h/secret': 'deny' } },
    'resource',
    'x://h/secret\uff1fa',
    'deny',
    'resources.x://h/secret',
  ],
  ['a path in capitals', NOT_THING, 'resource', 'x://h/SECRET/a', 'allow', 'resources.default'],
  ['a slash, encoded', ONLY_SRV, 'resource', 'file:///srv/..%2fetc/a', 'deny', 'resources.default'],
  ['encoded without end', ONLY_SRV, 'resource', `file:///srv/%${'25'.repeat(9)}2e`, 'deny', 'resources'],
  ['too long', ONLY_SRV, 'resource', `file:///srv/${'a'.repeat(LONGEST_JUDGED_URI)}`, 'deny', 'resources'],
  ['a blank, encoded or not', ONLY_SRV, 'resource', 'file:///srv/a%20b.txt', 'allow', 'resources.file:///srv/*'],
  [
    'a key with a blank allows it encoded',
    { resources: { default: 'deny', 'file:///my files/*': 'allow' } },
    'resource',
    'file:///my%20files/a',
    'allow',
    'resources.file:///my files/*',
  ],
  [
    'an encoded key allows it as it stands',
    { resources: { default: 'deny', 'file:///my%20files/a': 'allow' } },
    'resource',
    'file:///my files/a',
    'allow',
    'resources.file:///my%20files/a',
  ],
  ['an encoded letter is that letter', NOT_ETC, 'resource', 'file:///%65tc/passwd', 'deny', 'resources.file:///etc/*'],
  ['the scheme in capitals', NOT_ETC, 'resource', 'FILE:///etc/passwd', 'deny', 'resources.file:///etc/*'],
  ['this host by its name', NOT_ETC, 'resource', 'file://localhost/etc/passwd', 'deny', 'resources.file:///etc/*'],
  ['backslashes', NOT_ETC, 'resource', 'file:\\\\\\etc\\passwd', 'deny', 'resources.file:///etc/*'],
  ['slashes twice', NOT_ETC, 'resource', 'file:////etc//passwd', 'deny', 'resources.file:///etc/*'],
  ['another spelling of a file', NOT_ETC, 'resource', 'file:///ETC/passwd', 'deny', 'resources.file:///etc/*'],
  [
    'the host in capitals',
    NOT_ONE,
    'resource',
    'https://A.EXAMPLE/secret',
    'deny',
    'resources.https://a.example/secret',
  ],
  ['the usual port', NOT_ONE, 'resource', 'https://a.example:443/secret', 'deny', 'resources.https://a.example/secret'],
  ['a user', NOT_ONE, 'resource', 'https://me@a.example/secret', 'deny', 'resources.https://a.example/secret'],
  ['a query', NOT_ONE, 'resource', 'https://a.example/secret?x', 'deny', 'resources.https://a.example/secret'],
  ['a fragment', NOT_ONE, 'resource', 'https://a.example/secret#x', 'deny', 'resources.https://a.example/secret'],
  ['a closing slash', NOT_ONE, 'resource', 'https://a.example/secret/', 'deny', 'resources.https://a.example/secret'],
  [
    'a key may name a query, which does not deny itself',
    { resources: { default: 'deny', 'https://a.example/x?y=*': 'allow' } },
    'resource',
    'https://a.example/x?y=1',
    'allow',
    'resources.https://a.example/x?y=*',
  ],
  [
    'a host of a scheme of its own has case',
    { resources: { default: 'deny', 'note://Public': 'allow' } },
    'resource',
    'note://public',
    'deny',
    'resources.default',
  ],
  [
    'a template is judged as it stands',
    { resources: { default: 'deny', 'file:///srv/*': 'allow' } },
    'resource',
    'file:///srv/{name}',
    'allow',
    'resources.file:///srv/*',
  ],
  [
    'a query that only looks like the end of a path',
    { resources: { default: 'deny', 'pg://*/schema': 'allow' } },
    'resource',
    'pg://db/rows?/schema',
    'deny',
    'resources.default',
  ],
  [
    'a fragment that does',
    { resources: { default: 'deny', 'pg://*/schema': 'allow' } },
    'resource',
    'pg://db/rows#/schema',
    'deny',
    'resources.default',
  ],
  [
    'a user that looks like the beginning of one',
    { resources: { default: 'deny', 'https://a.example*': 'allow' } },
    'resource',
    'https://a.example@evil.example/x',
    'deny',
    'resources.default',
  ],
  ...DISGUISED_CLIMBS.flatMap((climb): Row[] => [
    [
      `a way up as ${climb}`,
      ONLY_SRV,
      'resource',
      `file:///srv/${climb}/etc/a`,
      'deny',
      climb.includes(';') ? 'resources.default' : 'resources',
    ],
    [`a way up elsewhere as ${climb}`, ONLY_NOTES, 'resource', `x://h/notes/${climb}/etc`, 'deny', 'resources.default'],
  ]),
  ...DISGUISED_NAMES.map((name): Row => {
    return [`a denied file as ${name}`, NOT_SECRET, 'resource', `file:///srv/${name}`, 'deny', 'resources'];
  }),
  ...SAME_NAMES.flatMap((name): Row[] => [
    [`a denied file as ${name}`, NOT_SECRET, 'resource', `file:///srv/${name}`, 'deny', 'resources.file:///srv/sécret'],
    [`a denied thing as ${name}`, NOT_SECRET, 'resource', `x://srv/${name}`, 'deny', 'resources.x://srv/sécret'],
  ]),
  [
    'a stream',
    NOT_SECRET,
    'resource',
    'file:///srv/s%C3%A9cret::$INDEX_ALLOCATION',
    'deny',
    'resources.file:///srv/sécret',
  ],
  ['a host with a dot', NOT_ONE, 'resource', 'https://a.example./secret', 'deny', 'resources.https://a.example/secret'],
  ...['100%25', 'タイトル', 'a%20b', 'a;b', 'é', 'e\u0301', 'a..b', '...a', 'notes~', 'a.b.c'].flatMap(
    (name): Row[] => [
      [`an ordinary ${name}`, ONLY_SRV, 'resource', `file:///srv/${name}`, 'allow', 'resources.file:///srv/*'],
      [`an ordinary thing ${name}`, ONLY_NOTES, 'resource', `x://h/notes/${name}`, 'allow', 'resources.x://h/notes/*'],
    ],
  ),
  ...['なに？', '50％…', 'a／b', '\u2764\ufe0f', 'a~1', 'x?n=%0a'].map((name): Row => {
    return [
      `an ordinary thing ${name}`,
      ONLY_NOTES,
      'resource',
      `x://h/notes/${name}`,
      'allow',
      'resources.x://h/notes/*',
    ];
  }),
  ['the folder itself', ONLY_SRV, 'resource', 'file:///srv/', 'allow', 'resources.file:///srv/*'],
  ['a URI without a scheme', ONLY_SRV, 'resource', '/srv/a', 'deny', 'resources.default'],
];

const OTHERS: readonly Row[] = [
  ['a prompt without a section', {}, 'prompt', 'x', 'allow', 'none'],
  [
    'a prompt that a glob denies',
    { prompts: { default: 'allow', 'a*': 'deny' } },
    'prompt',
    'ab',
    'deny',
    'prompts.a*',
  ],
  ['a prompt has case', { prompts: { default: 'allow', 'a*': 'deny' } }, 'prompt', 'AB', 'allow', 'prompts.default'],
  ['an inherited name is no key', { prompts: { default: 'deny' } }, 'prompt', 'constructor', 'deny', 'prompts.default'],
  ['an endless name', { prompts: { default: 'allow' } }, 'prompt', 'a'.repeat(2_000), 'deny', 'prompts'],
  ['an unknown method follows the file', {}, 'method', 'acme/x', 'deny', 'default'],
  ['and is allowed with it', { default: 'allow' }, 'method', 'acme/x', 'allow', 'default'],
  ['and cannot be asked about', { default: 'require_approval' }, 'method', 'acme/x', 'deny', 'default'],
  [
    'the default of methods comes first',
    { default: 'allow', methods: { default: 'deny' } },
    'method',
    'acme/x',
    'deny',
    'methods.default',
  ],
  ['a key allows it', { methods: { 'acme/*': 'allow' } }, 'method', 'acme/x', 'allow', 'methods.acme/*'],
  [
    'a known method may be denied',
    { methods: { 'tasks/*': 'deny' } },
    'method',
    'tasks/get',
    'deny',
    'methods.tasks/*',
  ],
  ['the default of methods is not for it', { methods: { default: 'deny' } }, 'method', 'tasks/get', 'allow', 'none'],
  ['no glob denies what sessions need', { methods: { '*': 'deny' } }, 'method', 'initialize', 'allow', 'none'],
  [
    'a key denies reading whatever resources say',
    { methods: { 'resources/*': 'deny' } },
    'resource',
    'x:1',
    'deny',
    'methods.resources/*',
  ],
  ['an unknown notification', {}, 'method', 'notifications/acme', 'deny', 'default'],
  ['an inherited name is no method', {}, 'method', 'toString', 'deny', 'default'],
  ['an endless method', { default: 'allow' }, 'method', 'a'.repeat(2_000), 'deny', 'methods'],
];

describe('What policy says beside tools', () => {
  for (const [name, file, kind, what, verdict, rule] of [...RESOURCES, ...OTHERS]) {
    test(`${kind}: ${name}`, () => {
      const said = judgeMethod(policyOf(file), ASKING_FOR[kind](what));
      assert.equal(said.kind, verdict, JSON.stringify(said.trace));
      assert.equal(said.trace.rule, rule);
      const deciding = said.trace.steps.filter(({ decided }) => decided);
      if (said.kind === 'deny') {
        assert.deepEqual([deciding.length, deciding[0]?.path], [1, rule]);
        assert.equal(said.part.name, rule.startsWith('methods.resources') ? 'resources/read' : what);
      }
      assert.ok(!JSON.stringify(said.trace).includes('passwd'), 'a trace holds no value of the request');
    });
  }

  test('every method of MCP is relayed by default, in every revision', () => {
    for (const policy of [policyOf({}), policyOf({ default: 'require_approval' })]) {
      for (const method of METHODS.keys()) assert.equal(judgeMethod(policy, ASKING_FOR.method(method)).kind, 'allow');
    }
    for (const revision of REVISIONS) {
      const methods = [...METHODS].filter(([, { revisions }]) => revisions.includes(revision));
      assert.ok(methods.some(([name]) => name === 'tools/call') && methods.length >= 12, revision);
    }
  });

  test('the verdict on many URIs is quick, however they are written', () => {
    const policy = policyOf({
      resources: {
        default: 'deny',
        ...Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`x://${n}/*/*/*`, 'allow'])),
      },
    });
    const started = performance.now();
    for (const uri of [`x://${'/../'.repeat(2_000)}`, `x://${'%25'.repeat(2_700)}`, `x://1/${'a/'.repeat(4_000)}`]) {
      isDeniedResource(policy, uri);
    }
    for (let n = 0; n < 2_000; n += 1) isDeniedResource(policy, `x://7/${n}/a/b`);
    const took = performance.now() - started;
    assert.ok(took < 500, `${took} ms`);
    assert.equal(uriReadings('x://1/a')?.strict.length, 1, 'a plain URI has one reading');
  });
});

const head = 'version: "1"\ndefault: deny\n';
const FAULTS: readonly [name: string, text: string, fault: RegExp][] = [
  ['an action', 'resources: { "x:*": require_approval }', /policy\.yaml:3:\d+: resources\.x:\*: is "require_approval"/],
  ['a default', 'prompts: { default: maybe }', /prompts\.default: is "maybe" \(expected one of allow, deny\)/],
  ['a section that is a list', 'methods: []', /methods: is a list \(expected a map/],
  ['a section that is empty', 'methods:', /methods: is empty/],
  ['a method that sessions need', 'methods: { ping: deny }', /methods\.ping: is needed by every session/],
  [
    'tool calls',
    'methods: { tools/call: deny }',
    /methods\.tools\/call: is not governed here \(expected rules under tools\)/,
  ],
  ['a method with blanks', 'methods: { "a b": deny }', /can never match a method/],
  ['an encoded star', 'resources: { "x:%2A": deny }', /holds an encoded \* or \?/],
  ['an endless key', `prompts: { ${'a'.repeat(513)}: deny }`, /is 513 characters long/],
  ['a control character', 'prompts: { "a\\u0007": deny }', /holds a control character/],
  ['one resource twice', 'resources: { "x://a/b": deny, "x://a/./b": allow }', /names the same resource as x:\/\/a\/b/],
];
for (const [name, text, fault] of FAULTS) {
  test(`a fault of a section names its place: ${name}`, () => {
    const faults = faultsOf(`${head}${text}\n`);
    assert.equal(faults.length, 1, faults.join('\n'));
    assert.match(faults[0]!, fault);
  });
}
